//! Length-prefixed protobuf frames between wrapper and daemon, with descriptors beside them.
//!
//! Where the two meet (directory, socket, marks) is [`place`]; whether they see one file system is [`view`]. Nothing
//! here knows what a step is, waits without a bound unless asked to, or needs a runtime: the wrapper links it.

pub mod place;
pub mod view;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// The longest frame, bytes. A request holds at most what `execve` takes (6 MiB), an answer two captured streams.
pub const MAX_FRAME: u32 = 64 << 20;

/// Descriptors in one `sendmsg`: the kernel's own bound (`SCM_MAX_FD`).
const MAX_DESCRIPTORS: usize = 253;

/// Bytes read at once; so a frame that only claims to be long costs nothing.
const CHUNK: usize = 256 << 10;

/// Why a frame did not go or come.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other end is gone.
    #[error("the connection was closed")]
    Closed,
    /// The deadline passed first.
    #[error("no answer in time")]
    TimedOut,
    /// The `wake` descriptor became readable first.
    #[error("interrupted by a signal")]
    Woken,
    /// A frame longer than [`MAX_FRAME`], sent or announced.
    #[error("a frame of {0} bytes is too long")]
    TooLong(u64),
    /// Not a message of ours.
    #[error("a frame that cannot be decoded")]
    Malformed(#[from] prost::DecodeError),
    /// Descriptors did not arrive, for want of free numbers here.
    #[error("descriptors were lost")]
    DescriptorsLost,
    /// The socket failed otherwise.
    #[error("the socket failed")]
    Socket(#[from] Errno),
}

/// How long to wait for a frame.
#[derive(Clone, Copy, Default)]
pub struct Patience<'fd> {
    /// Give up then; never, if `None`.
    pub until: Option<Instant>,
    /// Give up as soon as this is readable.
    pub wake: Option<BorrowedFd<'fd>>,
}

impl Patience<'_> {
    /// Until a moment from now.
    pub fn lasting(time: Duration) -> Self {
        Self {
            until: Some(Instant::now() + time),
            wake: None,
        }
    }
}

/// Sends one frame. Blocks as long as the socket's send timeout allows ([`WireError::TimedOut`] after that).
pub fn send(
    socket: &UnixStream,
    message: &impl prost::Message,
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), WireError> {
    let length = message.encoded_len();
    let announced = u32::try_from(length).ok().filter(|&length| length <= MAX_FRAME);
    let announced = announced.ok_or(WireError::TooLong(length as u64))?;
    let mut frame = Vec::with_capacity(4 + length);
    frame.extend_from_slice(&announced.to_le_bytes());
    message.encode(&mut frame).expect("a Vec grows");

    let mut rest = frame.as_slice();
    let mut groups = descriptors.chunks(MAX_DESCRIPTORS).peekable();
    while let Some(group) = groups.next() {
        // Every group needs a byte of its own to travel with; only the last one may take all that is left.
        let share = if groups.peek().is_some() { 1 } else { rest.len() };
        let sent = send_some(socket, &rest[..share], group, SendFlags::NOSIGNAL)?;
        rest = &rest[sent..];
    }
    while !rest.is_empty() {
        let sent = send_some(socket, rest, &[], SendFlags::NOSIGNAL)?;
        rest = &rest[sent..];
    }
    Ok(())
}

/// Sends a short frame if the socket takes it at once; whether it did. For pings: who does not read needs none.
pub fn send_at_once(socket: &UnixStream, message: &impl prost::Message) -> Result<bool, WireError> {
    let mut frame = u32::try_from(message.encoded_len())
        .map_or(u32::MAX, |length| length)
        .to_le_bytes()
        .to_vec();
    message.encode(&mut frame).expect("a Vec grows");
    match send_some(socket, &frame, &[], SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
        // A Unix socket takes a frame this short whole or not at all.
        Ok(sent) => Ok(sent == frame.len()),
        Err(WireError::TimedOut) => Ok(false),
        Err(error) => Err(error),
    }
}

fn send_some(
    socket: &UnixStream,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> Result<usize, WireError> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        let fits = control.push(SendAncillaryMessage::ScmRights(descriptors));
        assert!(fits, "the space is for the longest group");
    }
    loop {
        return match rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags) {
            Ok(sent) => Ok(sent),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => Err(WireError::TimedOut),
            Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN) => Err(WireError::Closed),
            Err(errno) => Err(WireError::Socket(errno)),
        };
    }
}

/// Receives one frame and the descriptors that travelled with it. Takes no byte of the next one.
pub fn receive<M>(socket: &UnixStream, patience: Patience<'_>) -> Result<(M, Vec<OwnedFd>), WireError>
where
    M: prost::Message + Default,
{
    let mut descriptors = Vec::new();
    let mut length = [0; 4];
    fill(socket, &mut length, patience, &mut descriptors)?;
    let length = u32::from_le_bytes(length);
    if length > MAX_FRAME {
        return Err(WireError::TooLong(u64::from(length)));
    }
    let length = length as usize;
    let mut body = Vec::new();
    while body.len() < length {
        let filled = body.len();
        body.resize(length.min(filled + CHUNK), 0);
        fill(socket, &mut body[filled..], patience, &mut descriptors)?;
    }
    Ok((M::decode(body.as_slice())?, descriptors))
}

fn fill(
    socket: &UnixStream,
    mut bytes: &mut [u8],
    patience: Patience<'_>,
    descriptors: &mut Vec<OwnedFd>,
) -> Result<(), WireError> {
    while !bytes.is_empty() {
        if patience.until.is_some() || patience.wake.is_some() {
            wait_readable(socket, patience)?;
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::net::recvmsg(
            socket,
            &mut [IoSliceMut::new(bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        );
        let received = match received {
            Ok(received) => received,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => return Err(WireError::TimedOut),
            Err(Errno::CONNRESET) => return Err(WireError::Closed),
            Err(errno) => return Err(WireError::Socket(errno)),
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(arrived) = message {
                descriptors.extend(arrived);
            }
        }
        if received.flags.contains(ReturnFlags::CTRUNC) {
            return Err(WireError::DescriptorsLost);
        }
        if received.bytes == 0 {
            return Err(WireError::Closed);
        }
        bytes = &mut bytes[received.bytes..];
    }
    Ok(())
}

/// Waits until something can be read, or the end of the stream.
fn wait_readable(socket: &UnixStream, patience: Patience<'_>) -> Result<(), WireError> {
    loop {
        let left = patience
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        let mut polled = vec![PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)];
        polled.extend(patience.wake.map(|wake| PollFd::from_borrowed_fd(wake, PollFlags::IN)));
        match rustix::event::poll(&mut polled, left.map(timespec).as_ref()) {
            Ok(0) => return Err(WireError::TimedOut),
            Ok(_) if polled.get(1).is_some_and(|wake| !wake.revents().is_empty()) => return Err(WireError::Woken),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(WireError::Socket(errno)),
        }
    }
}

/// For `poll`.
pub(crate) fn timespec(time: Duration) -> Timespec {
    Timespec::try_from(time).unwrap_or(Timespec {
        tv_sec: i32::MAX.into(),
        tv_nsec: 0,
    })
}

/// Whether the process at the other end belongs to this user: the only ones who may talk to each other.
pub fn is_peer_ours(socket: &UnixStream) -> Result<bool, WireError> {
    let peer = rustix::net::sockopt::socket_peercred(socket)?;
    Ok(peer.uid == rustix::process::geteuid())
}

#[cfg(test)]
mod tests;
