//! What server and init say to each other: one [`Spec`] one way, one [`Report`] back, over the socket that is the init's
//! standard input. Each is a protobuf message behind its length (four bytes, little endian).
//!
//! The end of what the server sends tells the init to kill everything; the end of what the init sends tells the server
//! that nothing is left to kill.

use crate::pb::reapi::command::EnvironmentVariable;
use prost::Message;
use std::io::{self, Read, Write};

/// No command line that a kernel takes is longer.
const LONGEST: u32 = 64 << 20;

/// What to run, where, and within which limits.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Spec {
    /// The file system to build first; none: the machine's own.
    #[prost(message, optional, tag = "1")]
    pub(crate) view: Option<View>,
    /// The working directory as the program sees it, absolute.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) directory: Vec<u8>,
    /// Program and arguments. Empty: nothing is run, only the view is built.
    #[prost(string, repeated, tag = "3")]
    pub(crate) arguments: Vec<String>,
    /// The whole environment.
    #[prost(message, repeated, tag = "4")]
    pub(crate) environment: Vec<EnvironmentVariable>,
    /// Where a program without a slash is looked for if the environment has no `PATH`.
    #[prost(string, tag = "5")]
    pub(crate) path: String,
    /// Bytes of private memory that one process may have.
    #[prost(uint64, optional, tag = "6")]
    pub(crate) data: Option<u64>,
    /// Bytes that one file may have.
    #[prost(uint64, tag = "7")]
    pub(crate) file_size: u64,
}

/// The file system that an action sees.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct View {
    /// An empty directory for the new root to be mounted on; only this action's namespace sees that.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) base: Vec<u8>,
    /// What is in it, in the order of mounting.
    #[prost(message, repeated, tag = "2")]
    pub(crate) entries: Vec<Entry>,
    /// Whether whoever started the server is root, and the kernel therefore lets the action's files in `/proc` be written
    /// that are root's: they are made read-only.
    #[prost(bool, tag = "3")]
    pub(crate) started_by_root: bool,
}

/// Something in the action's file system.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    /// What it is.
    #[prost(enumeration = "EntryKind", tag = "1")]
    pub(crate) kind: i32,
    /// A path on the machine, or the text of a symbolic link.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) source: Vec<u8>,
    /// Where it is, relative to the new root.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) target: Vec<u8>,
}

/// How something is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum EntryKind {
    /// A directory or file that can be read.
    ReadOnly = 0,
    /// A directory that can be written to.
    Writable = 1,
    /// A device.
    Device = 2,
    /// A symbolic link.
    Symlink = 3,
}

/// What became of it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Report {
    /// Always there.
    #[prost(oneof = "End", tags = "1, 2, 3")]
    pub(crate) end: Option<End>,
}

/// How the program ended, if it began.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum End {
    /// By itself, with this status.
    #[prost(int32, tag = "1")]
    Exited(i32),
    /// By this signal.
    #[prost(int32, tag = "2")]
    Killed(i32),
    /// It did not begin.
    #[prost(message, tag = "3")]
    NotStarted(NotStarted),
}

/// Why the program did not begin.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NotStarted {
    /// Whose fault it is.
    #[prost(enumeration = "Fault", tag = "1")]
    pub(crate) fault: i32,
    /// What was tried, in the infinitive: "mount `/usr`".
    #[prost(string, tag = "2")]
    pub(crate) what: String,
    /// The operating system's error number, 0 for none.
    #[prost(int32, tag = "3")]
    pub(crate) errno: i32,
}

/// Whose fault it is that a program did not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Fault {
    /// The machine's.
    Host = 0,
    /// The command's: there is no such program.
    NotFound = 1,
    /// The command's: what it names is no program, or its arguments are too long.
    Invalid = 2,
}

/// Sends a message.
pub(crate) fn send(to: &mut impl Write, message: &impl Message) -> io::Result<()> {
    let content = message.encode_to_vec();
    let length = u32::try_from(content.len()).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or(io::ErrorKind::FileTooLarge)?;
    let mut frame = length.to_le_bytes().to_vec();
    frame.extend(content);
    to.write_all(&frame)
}

/// Waits for a message and takes no byte behind it.
pub(crate) fn receive<M: Message + Default>(from: &mut impl Read) -> io::Result<M> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut content = Vec::new();
    from.take(length.into()).read_to_end(&mut content)?;
    if content.len() as u64 != u64::from(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    M::decode(&*content).map_err(io::Error::other)
}
