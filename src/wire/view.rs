//! What identifies the file system that a process sees, so that wrapper and daemon can tell whether it is the same.

use crate::pb::wire::StepRequest;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Mount namespace and root directory of a process. Compared, never interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystemView {
    /// Inode of `/proc/self/ns/mnt`; 0 where there is no `/proc`, on both sides then.
    pub mount_namespace: u64,
    /// The root directory.
    pub root: InodeId,
}

/// Which file it is, whatever its state: device and inode. (The identity of a state is `host::file_id`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InodeId {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
}

impl InodeId {
    /// Of what a path leads to, links followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from(&metadata))
    }
}

impl From<&std::fs::Metadata> for InodeId {
    fn from(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

impl FileSystemView {
    /// What this process sees.
    pub fn own() -> io::Result<Self> {
        Ok(Self {
            mount_namespace: InodeId::of(Path::new("/proc/self/ns/mnt")).map_or(0, |id| id.inode),
            root: InodeId::of(Path::new("/"))?,
        })
    }

    /// What the wrapper that sent this step sees.
    pub fn of_step(step: &StepRequest) -> Self {
        Self {
            mount_namespace: step.mount_namespace,
            root: InodeId {
                device: step.root_device,
                inode: step.root_inode,
            },
        }
    }
}
