//! What the lower layers ask of the machine, given to them: processes, files, and values that outlive the daemon.

use crate::digest::Digest;
use crate::host::digest_cache::DigestCache;
use crate::host::fs::PathError;
use crate::host::index::{Index, Table};
use crate::host::spawn::{self, SpawnError};
use crate::toolchain::{Answer, Ask, FileDigests, Keep, Question};
use bytes::Bytes;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A compiler that takes longer than this to state a fact, or to list the headers of one source, is given up on.
const PATIENCE: Duration = Duration::from_mins(2);

/// Starts compilers.
pub(super) struct Processes;

impl Ask for Processes {
    fn ask(&self, question: &Question<'_>) -> Result<Answer, PathError> {
        // A bare name makes a compiler look itself up in PATH, where a shim of ours may stand before it. The program
        // was found under that name, so that its path says the same about how it is invoked.
        let bare = !question.invoked_as.as_encoded_bytes().contains(&b'/');
        let invoked_as = if bare {
            question.program.as_os_str()
        } else {
            question.invoked_as
        };
        let invocation = spawn::Invocation {
            program: question.program.to_owned(),
            invoked_as: invoked_as.to_owned(),
            args: question.args.to_vec(),
            env: question
                .env
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            cwd: question.cwd.to_owned(),
            timeout: PATIENCE,
        };
        match spawn::run(&invocation) {
            Ok(finished) => Ok(Answer {
                success: finished.status.success(),
                stdout: finished.stdout,
                stderr: finished.stderr,
            }),
            Err(error) => Err(PathError {
                verb: "run",
                path: question.program.to_owned(),
                source: match error {
                    SpawnError::Start { source, .. } | SpawnError::Read { source, .. } => source,
                    SpawnError::TimedOut { .. } => io::Error::from(io::ErrorKind::TimedOut),
                },
            }),
        }
    }
}

/// Reads files.
pub(super) struct Files(pub(super) Arc<DigestCache>);

impl FileDigests for Files {
    fn digest(&self, path: &Path) -> Result<Digest, PathError> {
        self.0.digest(path).map(|(_, digest)| digest)
    }

    fn bytes(&self, path: &Path) -> Result<Bytes, PathError> {
        self.0.digest_and_bytes(path).map(|(_, bytes)| bytes)
    }
}

/// Keeps facts about compilers in the index.
pub(super) struct Facts(pub(super) Arc<Index>);

impl Keep for Facts {
    fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        self.0
            .get(Table::ToolchainFacts, key.hash())
            .map(|value| value.to_vec())
    }

    fn put(&self, key: &Digest, value: &[u8]) {
        self.0
            .put(Table::ToolchainFacts, key.hash(), Bytes::copy_from_slice(value));
    }
}
