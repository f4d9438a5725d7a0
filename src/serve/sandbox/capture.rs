//! What a program prints: in memory while it is little, then in a file that has no name.

use bytes::Bytes;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// More than compilers say, and little enough to hold for every action that runs.
const IN_MEMORY: usize = 1 << 20;

/// One output of a program.
#[derive(Debug)]
pub(crate) struct Capture {
    /// For the file.
    directory: PathBuf,
    memory: Vec<u8>,
    file: Option<File>,
    size: u64,
}

/// All that a program has printed.
#[derive(Debug)]
pub(crate) enum Printed {
    Little(Bytes),
    Much(File),
}

impl Capture {
    /// `directory` is on a file system with room.
    pub(crate) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            memory: Vec::new(),
            file: None,
            size: 0,
        }
    }

    /// How many bytes have been printed.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        self.size += piece.len() as u64;
        if let Some(file) = &mut self.file {
            return file.write_all(piece);
        }
        self.memory.extend_from_slice(piece);
        if self.memory.len() > IN_MEMORY {
            let mut file = tempfile::tempfile_in(&self.directory)?;
            file.write_all(&std::mem::take(&mut self.memory))?;
            self.file = Some(file);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Printed {
        match self.file {
            Some(file) => Printed::Much(file),
            None => Printed::Little(self.memory.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt as _;

    #[test]
    fn much_goes_to_a_file_and_nothing_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let check = |pieces: &[&[u8]], in_memory: bool| {
            let mut capture = Capture::new(directory.path());
            for piece in pieces {
                capture.push(piece).unwrap();
            }
            let all = pieces.concat();
            assert_eq!(capture.size(), all.len() as u64);
            let (printed, was_little) = match capture.finish() {
                Printed::Little(bytes) => (bytes.to_vec(), true),
                Printed::Much(file) => {
                    let mut content = vec![0; all.len()];
                    file.read_exact_at(&mut content, 0).unwrap();
                    (content, false)
                }
            };
            assert!(printed == all);
            assert_eq!(was_little, in_memory);
        };
        let most = vec![b'x'; IN_MEMORY];
        check(&[], true);
        check(&[b"a", b"b"], true);
        check(&[&most], true);
        check(&[&most, b"y"], false);
        check(&[&most, b"y", &most], false);
    }
}
