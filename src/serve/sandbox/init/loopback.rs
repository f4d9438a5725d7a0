//! The loopback interface of a new network namespace, which is down at first: programs that speak to themselves over
//! 127.0.0.1 are common, and nothing else can be reached by it.

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, recv, send, socket};

/// `RTM_NEWLINK`, which also changes a link that is there (rtnetlink(7)).
const CHANGE_LINK: u16 = 16;
/// `NLM_F_REQUEST | NLM_F_ACK` (netlink(7)).
const REQUEST_WITH_ANSWER: u16 = 1 | 4;
/// The number that the loopback interface has in every namespace.
const LOOPBACK: u32 = 1;
/// `IFF_UP` (netdevice(7)).
const UP: u32 = 1;

/// Brings it up.
pub(super) fn up() -> rustix::io::Result<()> {
    // Protocol 0 is `NETLINK_ROUTE`.
    let kernel = socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    send(&kernel, &request(), SendFlags::empty())?;
    let mut answer = [0; 256];
    let (_, length) = recv(&kernel, &mut answer, RecvFlags::empty())?;
    // A header of 16 bytes, then the error number, negative or 0.
    let number = answer[..length].get(16..20).ok_or(Errno::BADMSG)?;
    match i32::from_ne_bytes(number.try_into().expect("four bytes")) {
        0 => Ok(()),
        number => Err(Errno::from_raw_os_error(-number)),
    }
}

/// `struct nlmsghdr` and `struct ifinfomsg`.
fn request() -> Vec<u8> {
    let mut body = vec![0; 4]; // Family, padding, type: any.
    for word in [LOOPBACK, UP, UP] {
        body.extend(word.to_ne_bytes()); // Which link, its flags, and which of them are meant.
    }
    let length = u32::try_from(16 + body.len()).expect("32 bytes");
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(CHANGE_LINK.to_ne_bytes());
    message.extend(REQUEST_WITH_ANSWER.to_ne_bytes());
    message.extend([0; 8]); // Sequence and port: the kernel chooses.
    message.extend(body);
    message
}
