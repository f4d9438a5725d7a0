//! The record of each step, begun when the request arrives and appended when its end is known.

use crate::host::fs::PathError;
use crate::pb::record::{Phases, Record, Where};
use crate::pb::wire::StepRequest;
use crate::report::record::RecordLog;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The logs of all state directories that steps use.
#[derive(Default)]
pub(super) struct History {
    logs: Mutex<HashMap<PathBuf, Arc<RecordLog>>>,
}

/// The record of a step that is under way.
pub(super) struct Note {
    /// What is known so far.
    pub(super) record: Record,
    began: Instant,
}

impl History {
    /// Appends the record. A history that cannot be written loses the record, not the step.
    pub(super) fn append(&self, state_dir: Option<&Path>, note: Note) {
        let Some(state_dir) = state_dir else { return };
        let appended = self.log(state_dir).and_then(|log| log.append(&note.finish()));
        if let Err(error) = appended {
            tracing::warn!(error = &error as &dyn std::error::Error, "a record is lost");
        }
    }

    fn log(&self, state_dir: &Path) -> Result<Arc<RecordLog>, PathError> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = logs.get(state_dir) {
            return Ok(Arc::clone(log));
        }
        let log = Arc::new(RecordLog::open(state_dir)?);
        logs.insert(state_dir.to_owned(), Arc::clone(&log));
        Ok(log)
    }
}

impl Note {
    pub(super) fn begin(step: &StepRequest) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let build_id = step.env.iter().find(|variable| variable.name == b"REWRAP_BUILD_ID");
        Self {
            began: Instant::now(),
            record: Record {
                started_micros: micros(since),
                build_id: build_id.map_or_else(String::new, |id| String::from_utf8_lossy(&id.value).into_owned()),
                cwd: String::from_utf8_lossy(&step.cwd).into_owned(),
                tool: String::from_utf8_lossy(&step.tool).into_owned(),
                kind: "other".to_owned(),
                phases: Some(Phases::default()),
                ..Record::default()
            },
        }
    }

    /// Where it ended, and why: a code and a sentence.
    pub(super) fn ended(&mut self, place: Where, code: &str, sentence: impl Into<String>) {
        self.record.set_where(place);
        code.clone_into(&mut self.record.reason);
        self.record.reason_text = sentence.into();
    }

    /// The phases, to add to.
    pub(super) fn phases(&mut self) -> &mut Phases {
        self.record.phases.get_or_insert_default()
    }

    fn finish(mut self) -> Record {
        self.phases().total = micros(self.began.elapsed());
        self.record
    }
}

/// Whole microseconds; the largest number for what does not fit.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Runs `work` and adds the time it took.
pub(super) fn timed<T>(phase: &mut u64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *phase += micros(start.elapsed());
    result
}
