//! What came of a step.

use crate::digest::Digest;
use crate::store::Blob;

/// One output file of a finished action, named as the action declared it.
#[derive(Clone, Debug)]
pub struct OutputBlob {
    /// As in the Command's `output_paths`.
    pub path: String,
    /// Its content's name.
    pub digest: Digest,
    /// Its content.
    pub content: Blob,
}

/// A finished action, wherever it ran: complete, every digest verified.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Exit code; below 0 or above 127 counts as killed.
    pub exit: i32,
    /// What the action wrote, as it wrote it (paths not yet rewritten).
    pub stdout: bytes::Bytes,
    /// Likewise.
    pub stderr: bytes::Bytes,
    /// The declared outputs that exist.
    pub outputs: Vec<OutputBlob>,
    /// The worker's name, if the server says it.
    pub worker: String,
    /// Whether an action cache had it.
    pub cached: bool,
}
