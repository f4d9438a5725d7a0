//! The record of a step that the daemon knows nothing of.

use crate::command::{Tool, ToolKind};
use crate::daemon::start::state_directory;
use crate::pb::record::{Record, Where};
use crate::report::record::RecordLog;
use crate::wrapper::invocation::{Invocation, base_name};
use crate::wrapper::session::Alone;
use std::time::SystemTime;

/// Records that this step ran here and why. Without a writable state directory there is no record: a step must not fail
/// for it.
pub(super) fn note_without_daemon(invocation: &Invocation, alone: &Alone) {
    let Some(state) = state_directory() else { return };
    let recorded = RecordLog::open(&state).and_then(|log| log.append(&describe(invocation, alone)));
    match recorded {
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
        kind: kind(invocation).to_owned(),
        r#where: Where::Local.into(),
        reason: alone.code().to_owned(),
        reason_text: alone.to_string(),
        ..Record::default()
    }
}

/// Nobody has looked into the arguments of a compiler.
fn kind(invocation: &Invocation) -> &'static str {
    let name = base_name(&invocation.invoked_as).to_str();
    name.and_then(|name| Tool::of(name).kind())
        .map_or("other", ToolKind::code)
}
