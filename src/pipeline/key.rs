//! The key of a request: everything but file contents that decides what the step reads, writes and prints.

use super::request::Request;
use crate::command::{Family, environment_use, tool_environment_use};
use crate::config::Config;
use crate::manifest::Key;
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// Counts up when what a manifest remembers changes its meaning.
const FORMAT: &[u8] = b"rewrap step 3";

/// Parts are hashed with their lengths, so that no two requests run together.
struct Hash(Sha256);

impl Hash {
    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }
}

/// The key of a request under these settings.
pub(super) fn of(request: &Request<'_>, config: &Config, exec_root: &Path) -> Key {
    let mut hash = Hash(Sha256::new());
    hash.part(FORMAT);
    hash.part(request.tool.as_os_str().as_encoded_bytes());
    hash.part(request.invoked_as.as_bytes());
    hash.part(&(request.args.len() as u64).to_le_bytes());
    for word in &request.args {
        hash.part(word.as_bytes());
    }
    hash.part(request.cwd.as_os_str().as_encoded_bytes());
    hash.part(exec_root.as_os_str().as_encoded_bytes());
    let mut variables: Vec<_> = request.variables().filter(|(name, _)| matters(name)).collect();
    variables.sort_unstable();
    for (name, value) in variables {
        hash.part(name);
        hash.part(value);
    }
    // Whose compiler it is is not known yet: all that any of them goes by.
    hash.part(format!("{:?}", request.presentation(Family::Clang)).as_bytes());
    hash.part(&request.wire.stdin_columns.to_le_bytes());
    let settings = (
        config.paths,
        &config.worker_roots,
        &config.remote_default_exec_properties,
    );
    hash.part(format!("{settings:?}").as_bytes());
    hash.0.finalize().into()
}

/// Variables that compilers look at, and `PATH`, by which scripts that stand for a compiler find it.
fn matters(name: &[u8]) -> bool {
    let is_used = |name| environment_use(name).or(tool_environment_use(name)).is_some();
    name == b"PATH" || std::str::from_utf8(name).is_ok_and(is_used)
}
