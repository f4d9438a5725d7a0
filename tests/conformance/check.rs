//! What a check is, and what comes of one.

use super::peer::Peer;
use rewrap::pb::reapi;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// A fact about a server. The function panics where the fact does not hold.
#[derive(Clone, Copy)]
pub(crate) struct Check {
    /// Of which part of the protocol.
    pub(crate) part: &'static str,
    /// The fact.
    pub(crate) fact: &'static str,
    /// What the server must have announced for the fact to matter.
    pub(crate) needs: Needs,
    /// Looks at it.
    pub(crate) look: fn(&Peer),
}

/// What a server may leave out, saying so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Every server has it.
    Nothing,
    /// `max_batch_total_size_bytes`.
    BatchLimit,
    /// `zstd` for streams.
    Zstd,
    /// `zstd` for batches.
    ZstdBatches,
    /// Results from clients.
    Updates,
    /// Execution.
    Execution,
    /// Execution with the newer fields of its API version.
    Api23,
}

/// What the server announced.
pub(crate) struct Announced {
    /// Digest functions, as the protocol numbers them.
    pub(crate) functions: Vec<i32>,
    /// Everything else that it has.
    has: Vec<Needs>,
}

/// What came of a check.
pub(crate) enum Outcome {
    /// The fact holds.
    Passed,
    /// It does not, as is known: the reason.
    Deviates(&'static str),
    /// The server does not have it and says so.
    NotAnnounced(Needs),
    /// What was seen instead of the fact, or that a known deviation is none.
    Failed(String),
}

/// Writes a table of checks: what each needs, and its function, which is named after its fact.
macro_rules! checks {
    ($($needs:ident: $($fact:ident),+;)+) => {
        pub(crate) const CHECKS: &[crate::check::Check] = &[$($(crate::check::Check {
            part: module_path!(),
            fact: stringify!($fact),
            needs: crate::check::Needs::$needs,
            look: $fact,
        }),+),+];
    };
}
pub(crate) use checks;

/// Characters of a failure that are worth a look.
const MOST_SAID: usize = 600;

/// What the last panic said.
static SAID: Mutex<String> = Mutex::new(String::new());

/// From now on, what a panic says is kept for the report instead of being written at once.
pub(crate) fn keep_what_panics_say() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or_default();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        *SAID.lock().expect("no panic in here") = format!("{text} ({place})");
    }));
}

/// What this comes to; if it panics, what the panic said.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| SAID.lock().expect("no panic in the hook").clone())
}

impl Check {
    /// `PART::FACT`.
    pub(crate) fn name(&self) -> String {
        let (_, part) = self.part.rsplit_once("::").expect("a module of this program");
        format!("{part}::{}", self.fact)
    }

    /// Looks whether the fact holds; `known` is why it does not, as far as is known.
    pub(crate) fn run(&self, peer: &Peer, announced: &Announced, known: Option<&'static str>) -> Outcome {
        if !announced.has.contains(&self.needs) {
            return Outcome::NotAnnounced(self.needs);
        }
        match (caught(|| (self.look)(peer)), known) {
            (Ok(()), None) => Outcome::Passed,
            (Ok(()), Some(reason)) => Outcome::Failed(format!("holds, but is listed as a deviation: {reason}")),
            (Err(_), Some(reason)) => Outcome::Deviates(reason),
            (Err(said), None) => Outcome::Failed(said),
        }
    }
}

impl Announced {
    pub(crate) fn of(capabilities: &reapi::ServerCapabilities) -> Self {
        let zstd = i32::from(reapi::compressor::Value::Zstd);
        let cache = capabilities.cache_capabilities.clone().unwrap_or_default();
        let execution = capabilities.execution_capabilities.as_ref();
        let executes = execution.is_some_and(|execution| execution.exec_enabled);
        let high = capabilities.high_api_version.clone().unwrap_or_default();
        let updates = cache.action_cache_update_capabilities;
        let all = [
            (Needs::Nothing, true),
            (Needs::BatchLimit, cache.max_batch_total_size_bytes > 0),
            (Needs::Zstd, cache.supported_compressors.contains(&zstd)),
            (
                Needs::ZstdBatches,
                cache.supported_batch_update_compressors.contains(&zstd),
            ),
            (Needs::Updates, updates.is_some_and(|updates| updates.update_enabled)),
            (Needs::Execution, executes),
            (Needs::Api23, executes && (high.major, high.minor) >= (2, 3)),
        ];
        let has = all.into_iter().filter(|(_, has)| *has).map(|(needs, _)| needs);
        Self {
            functions: cache.digest_functions,
            has: has.collect(),
        }
    }
}

impl Outcome {
    pub(crate) fn word(&self) -> &'static str {
        ["ok", "deviates", "lacks", "FAILED"][self.column()]
    }

    /// Where it is counted: passed, known deviations, not announced, failed.
    pub(crate) fn column(&self) -> usize {
        match self {
            Self::Passed => 0,
            Self::Deviates(_) => 1,
            Self::NotAnnounced(_) => 2,
            Self::Failed(_) => 3,
        }
    }

    pub(crate) fn remark(&self) -> String {
        match self {
            Self::Passed => String::new(),
            Self::Deviates(reason) => format!(": {reason}"),
            Self::NotAnnounced(what) => format!(": needs {what:?}"),
            Self::Failed(said) => {
                let said: String = said.chars().take(MOST_SAID).collect();
                format!("\n    {}", said.replace('\n', "\n    "))
            }
        }
    }
}
