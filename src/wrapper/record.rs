//! The record of a step that the daemon knows nothing of.

use crate::daemon::start::state_directory;
use crate::pb::record::{Record, Where};
use crate::wrapper::invocation::Invocation;
use crate::wrapper::session::Alone;
use prost::Message as _;
use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

/// The file in `records` that wrappers append to; length-delimited records, like the daemon's own.
pub const FILE: &str = "without-daemon";

/// Appends a record that this step ran here and why. Without a writable state directory there is none: a step must not
/// fail for its record.
pub(super) fn note_without_daemon(invocation: &Invocation, alone: &Alone) {
    let Some(state) = state_directory() else { return };
    match append(&state.join("records"), &describe(invocation, alone)) {
        Ok(()) | Err(_) => {}
    }
}

fn describe(invocation: &Invocation, alone: &Alone) -> Record {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Record {
        started_micros: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
        build_id: std::env::var("REWRAP_BUILD_ID").unwrap_or_default(),
        cwd: std::env::current_dir().map_or_else(|_| String::new(), |cwd| cwd.to_string_lossy().into_owned()),
        tool: invocation.tool.to_string_lossy().into_owned(),
        kind: "other".to_owned(),
        r#where: Where::Local.into(),
        reason: alone.code().to_owned(),
        reason_text: alone.to_string(),
        ..Record::default()
    }
}

/// One write with `O_APPEND`, so that records of many wrappers never mix.
fn append(records: &Path, record: &Record) -> io::Result<()> {
    let open = || {
        File::options()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(records.join(FILE))
    };
    let mut file = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(records)?;
            open()?
        }
        opened => opened?,
    };
    file.write_all(&record.encode_length_delimited_to_vec())
}
