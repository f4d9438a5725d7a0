//! What the server counts. Nothing here decides anything.

mod calls;
mod page;

pub use calls::{CountCalls, CountedCalls};
pub use page::serve;

use crate::pb::reapi::ExecutedActionMetadata;
use crate::store::DiskStore;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;
use tonic::Code;

/// How an action came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum ActionOutcome {
    /// The result was there.
    Cached,
    /// It ran and its exit code is 0.
    Succeeded,
    /// It ran and its exit code is another one.
    Failed,
    /// It ran for too long.
    TimedOut,
    /// Nobody wanted it any more.
    Cancelled,
    /// The client's fault: something is missing, malformed or not to be had here.
    Refused,
    /// Memory, output or disk were used up.
    Exhausted,
    /// The server's fault.
    Broken,
}

/// In which direction bytes go, seen from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Direction {
    Received,
    Sent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Phase {
    /// Waiting for a slot.
    Queue,
    /// Laying out the inputs.
    Fetch,
    /// The command.
    Run,
    /// Keeping the outputs.
    Upload,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
enum Found {
    Hit,
    Miss,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: ActionOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PhaseLabel {
    phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FoundLabel {
    found: Found,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabel {
    direction: Direction,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabel {
    method: &'static str,
    code: &'static str,
}

/// All counters of a server.
#[derive(Debug)]
pub struct Metrics {
    /// Whose size is told.
    store: Option<DiskStore>,
    actions: Family<OutcomeLabel, Counter>,
    merged: Counter,
    lookups: Family<FoundLabel, Counter>,
    queue: Gauge,
    slots: Gauge,
    busy: Gauge,
    phases: Family<PhaseLabel, Histogram, fn() -> Histogram>,
    calls: Family<CallLabel, Counter>,
    bytes: Family<DirectionLabel, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            store: None,
            actions: Family::default(),
            merged: Counter::default(),
            lookups: Family::default(),
            queue: Gauge::default(),
            slots: Gauge::default(),
            busy: Gauge::default(),
            phases: Family::new_with_constructor(durations),
            calls: Family::default(),
            bytes: Family::default(),
        }
    }
}

impl Metrics {
    /// Everything at zero; `store` is the one whose size is told.
    pub fn new(store: DiskStore) -> Self {
        Self {
            store: Some(store),
            ..Self::default()
        }
    }

    /// An action has ended.
    pub fn action(&self, outcome: ActionOutcome) {
        self.actions.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// An Execute was answered by an execution that had begun for another one.
    pub fn merged(&self) {
        self.merged.inc();
    }

    /// The action cache was asked. Execute says so; GetActionResult need not: its calls are counted.
    pub fn lookup(&self, hit: bool) {
        let found = if hit { Found::Hit } else { Found::Miss };
        self.lookups.get_or_create(&FoundLabel { found }).inc();
    }

    /// How many actions wait for a slot.
    pub fn queue(&self, waiting: usize) {
        self.queue.set(waiting.cast_signed() as i64);
    }

    /// How many slots there are, and how many of them run something.
    pub fn slots(&self, all: usize, busy: usize) {
        self.slots.set(all.cast_signed() as i64);
        self.busy.set(busy.cast_signed() as i64);
    }

    /// How long the phases of an action that ran have taken, as far as its times say.
    pub fn phases(&self, times: &ExecutedActionMetadata) {
        for (phase, took) in phases(times) {
            if let Some(took) = took {
                self.phases
                    .get_or_create(&PhaseLabel { phase })
                    .observe(took.as_secs_f64());
            }
        }
    }

    /// A call of a method (`/service/method`) has ended.
    pub(super) fn call(&self, method: &'static str, code: Code) {
        match code {
            Code::Ok if method == calls::LOOKUP => self.lookup(true),
            Code::NotFound if method == calls::LOOKUP => self.lookup(false),
            _ => {}
        }
        let code = crate::remote::code_name(code);
        self.calls.get_or_create(&CallLabel { method, code }).inc();
    }

    /// The counter of message bytes in one direction; framing of gRPC included, that of HTTP/2 and TLS not.
    pub(super) fn bytes(&self, direction: Direction) -> Counter {
        self.bytes.get_or_create_owned(&DirectionLabel { direction })
    }

    /// All of it in the text format.
    pub(super) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("rewrap");
        let all = &mut registry;
        all.register("actions", "Actions by how they ended", self.actions.clone());
        all.register(
            "merged",
            "Execute calls that joined a running execution",
            self.merged.clone(),
        );
        all.register(
            "action_cache_lookups",
            "Lookups in the action cache",
            self.lookups.clone(),
        );
        all.register("queue_length", "Actions that wait for a slot", self.queue.clone());
        all.register("slots", "Actions that may run at once", self.slots.clone());
        all.register("slots_busy", "Actions that run", self.busy.clone());
        let phases = self.phases.clone();
        all.register_with_unit("action_phase", "Time in a phase of an action", Unit::Seconds, phases);
        all.register("calls", "gRPC calls by method and code", self.calls.clone());
        all.register_with_unit("message", "Bytes of gRPC messages", Unit::Bytes, self.bytes.clone());
        if let Some(size) = self.store.as_ref().and_then(DiskStore::size) {
            let gauge: Gauge = Gauge::default();
            gauge.set(size.cast_signed());
            all.register_with_unit("store", "Room that the store takes", Unit::Bytes, gauge);
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// From 1 ms to about 17 minutes.
fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 11))
}

/// The phases of an action, in order, from the times that are known.
fn phases(times: &ExecutedActionMetadata) -> [(Phase, Option<Duration>); 4] {
    let between = |begin: &Option<prost_types::Timestamp>, end: &Option<prost_types::Timestamp>| {
        let time = |time: &Option<prost_types::Timestamp>| std::time::SystemTime::try_from((*time)?).ok();
        time(end)?.duration_since(time(begin)?).ok()
    };
    let t = times;
    [
        (Phase::Queue, between(&t.queued_timestamp, &t.worker_start_timestamp)),
        (
            Phase::Fetch,
            between(&t.input_fetch_start_timestamp, &t.input_fetch_completed_timestamp),
        ),
        (
            Phase::Run,
            between(&t.execution_start_timestamp, &t.execution_completed_timestamp),
        ),
        (
            Phase::Upload,
            between(&t.output_upload_start_timestamp, &t.output_upload_completed_timestamp),
        ),
    ]
}

/// How long an action queued, had its inputs laid out, ran, and had its outputs kept; what is not known is zero.
pub(super) fn durations_of(times: &ExecutedActionMetadata) -> [Duration; 4] {
    phases(times).map(|(_, took)| took.unwrap_or_default())
}
