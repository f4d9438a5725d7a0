//! Records → totals.

use super::units;
use crate::pb::record::{Phases, Record, Where};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// The number that `--json` carries; raised when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// A pause after which steps outside of `rewrap build` count as another build.
const GAP_MICROS: u64 = 5 * 60 * 1_000_000;

/// How many reasons of a sort are printed.
const REASONS: usize = 10;

/// Totals over some steps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// All steps.
    pub steps: u64,
    /// Those that only asked a tool a question, as configure scripts do. No share counts them.
    pub probes: u64,
    /// Those with an Action, which thus could be hits.
    pub with_action: u64,
    /// Those whose result an action cache had.
    pub hits: u64,
    /// Those that ended with another exit code than 0.
    pub failed: u64,
    /// Local results that were put in the cache.
    pub stored: u64,
    /// By what became of them; the names are those of `Where` in record.proto, in lower case.
    pub by_where: BTreeMap<String, u64>,
    /// By kind: `compile`, `link`, …
    pub by_kind: BTreeMap<String, u64>,
    /// What became of each kind, probes left out.
    pub kinds: BTreeMap<String, Kind>,
    /// Why steps were not hits, the most frequent first.
    pub reasons: Vec<Reason>,
    /// Of those, why steps had no Action, probes left out.
    pub not_taken: Vec<Reason>,
    /// Of those, why results of steps with an Action were in no cache.
    pub misses: Vec<Reason>,
    /// Microseconds by phase, all steps together.
    pub phase_micros: BTreeMap<&'static str, u64>,
    /// Bytes of all inputs.
    pub input_bytes: u64,
    /// Bytes of all outputs.
    pub output_bytes: u64,
    /// Bytes sent to servers.
    pub uploaded_bytes: u64,
    /// Bytes fetched from servers.
    pub downloaded_bytes: u64,
    /// Inputs that inference did not foresee, each once.
    pub missed_inputs: Vec<String>,
}

/// Steps of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Kind {
    /// All of them.
    pub steps: u64,
    /// Those with an Action.
    pub with_action: u64,
    /// Those whose result an action cache had.
    pub hits: u64,
}

/// A reason with the number of its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The code in the record.
    pub code: String,
    /// A sentence for people.
    pub text: String,
    /// How many steps.
    pub steps: u64,
}

/// Whether an action cache had the result.
pub fn is_hit(record: &Record) -> bool {
    matches!(record.r#where(), Where::LocalCache | Where::RemoteCache)
}

/// Whether the step had an Action, and thus could be a hit.
pub fn is_taken(record: &Record) -> bool {
    is_hit(record) || !record.action_digest.is_empty()
}

/// Whether the step only asked a tool a question.
pub fn is_probe(record: &Record) -> bool {
    record.kind == "probe"
}

impl Stats {
    /// The steps of a build: all but probes.
    pub fn countable(&self) -> u64 {
        self.steps - self.probes
    }
}

/// Reasons by their code.
#[derive(Default)]
struct Reasons<'r>(HashMap<&'r str, Reason>);

impl<'r> Reasons<'r> {
    fn add(&mut self, record: &'r Record) {
        if !record.reason.is_empty() {
            let new = || Reason {
                code: record.reason.clone(),
                text: record.reason_text.clone(),
                steps: 0,
            };
            self.0.entry(&record.reason).or_insert_with(new).steps += 1;
        }
    }

    /// The most frequent first.
    fn sorted(self) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = self.0.into_values().collect();
        reasons.sort_by(|a, b| b.steps.cmp(&a.steps).then_with(|| a.code.cmp(&b.code)));
        reasons
    }
}

/// Adds up.
pub fn tally<'r>(records: impl Iterator<Item = &'r Record>) -> Stats {
    let mut stats = Stats::default();
    let mut reasons = Reasons::default();
    let (mut not_taken, mut misses) = (Reasons::default(), Reasons::default());
    let mut unforeseen: HashSet<&str> = HashSet::new();
    for record in records {
        stats.steps += 1;
        stats.hits += u64::from(is_hit(record));
        stats.with_action += u64::from(is_taken(record));
        stats.failed += u64::from(record.exit != 0);
        stats.stored += u64::from(record.stored);
        *stats
            .by_where
            .entry(record.r#where().as_str_name().to_ascii_lowercase())
            .or_default() += 1;
        *stats.by_kind.entry(record.kind.clone()).or_default() += 1;
        stats.input_bytes += record.input_bytes;
        stats.output_bytes += record.output_bytes;
        stats.uploaded_bytes += record.uploaded_bytes;
        stats.downloaded_bytes += record.downloaded_bytes;
        for (phase, micros) in phases(record.phases.unwrap_or_default()) {
            *stats.phase_micros.entry(phase).or_default() += micros;
        }
        reasons.add(record);
        if is_probe(record) {
            stats.probes += 1;
        } else {
            let kind = stats.kinds.entry(record.kind.clone()).or_default();
            kind.steps += 1;
            kind.with_action += u64::from(is_taken(record));
            kind.hits += u64::from(is_hit(record));
            if is_taken(record) {
                misses.add(record);
            } else {
                not_taken.add(record);
            }
        }
        let new = record.missed_inputs.iter().filter(|input| unforeseen.insert(input));
        stats.missed_inputs.extend(new.cloned());
    }
    stats.reasons = reasons.sorted();
    stats.not_taken = not_taken.sorted();
    stats.misses = misses.sorted();
    stats
}

/// The records of the last build: the `rewrap build` that the newest record belongs to; outside of one, the newest
/// record's exec root back to a pause of five minutes.
pub fn last_build(records: &[Record]) -> Vec<&Record> {
    let Some(newest) = records.iter().max_by_key(|record| record.started_micros) else {
        return Vec::new();
    };
    if !newest.build_id.is_empty() {
        return records
            .iter()
            .filter(|record| record.build_id == newest.build_id)
            .collect();
    }
    let alike = |record: &&Record| record.build_id.is_empty() && record.exec_root == newest.exec_root;
    let mut alike: Vec<&Record> = records.iter().filter(alike).collect();
    alike.sort_by_key(|record| record.started_micros);
    let mut latest_end = 0;
    let mut first = 0;
    for (index, record) in alike.iter().enumerate() {
        if record.started_micros > latest_end + GAP_MICROS {
            first = index;
        }
        latest_end = latest_end.max(record.started_micros + record.phases.unwrap_or_default().total);
    }
    alike.split_off(first)
}

/// For people: a few lines, the most important first.
pub fn lines(stats: &Stats) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {} ({} of the {} that can be cached)",
        units::count(stats.countable(), "step"),
        units::count(stats.hits, "hit"),
        units::percent(stats.hits, stats.with_action),
        stats.with_action,
    )];
    if stats.probes > 0 {
        let asked = units::count(stats.probes, "question");
        lines.push(format!("and {asked} to tools, as configure scripts ask them"));
    }
    let mut section = |title: &str, rows: Vec<(String, String)>| {
        if rows.is_empty() {
            return;
        }
        let width = rows.iter().map(|(number, _)| number.chars().count()).max().unwrap_or(0);
        lines.push(String::new());
        lines.push(format!("{title}:"));
        lines.extend(
            rows.into_iter()
                .map(|(number, what)| format!("  {number:>width$}  {what}")),
        );
    };
    let came_from = |(name, words): &(&str, &str)| Some((stats.by_where.get(*name)?.to_string(), (*words).to_owned()));
    section("By kind", kind_rows(stats));
    section("Where results came from", WHERES.iter().filter_map(came_from).collect());
    let reason = |reason: &Reason| (reason.steps.to_string(), format!("{} ({})", reason.text, reason.code));
    section(
        "Why steps cannot be cached",
        stats.not_taken.iter().take(REASONS).map(reason).collect(),
    );
    section(
        "Why not from a cache",
        stats.misses.iter().take(REASONS).map(reason).collect(),
    );
    let mut phases: Vec<_> = stats
        .phase_micros
        .iter()
        .filter(|(name, micros)| **name != "total" && **micros > 0)
        .collect();
    phases.sort_by_key(|(_, micros)| std::cmp::Reverse(**micros));
    let time = |micros: u64| units::duration(Duration::from_micros(micros));
    section(
        "Time by phase, all steps together",
        phases.iter().map(|(name, n)| (time(**n), phase_words(name))).collect(),
    );
    let bytes = [
        (stats.input_bytes, "read as inputs"),
        (stats.output_bytes, "written as outputs"),
        (stats.uploaded_bytes, "sent to servers"),
        (stats.downloaded_bytes, "fetched from servers"),
    ];
    let bytes = bytes
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| (units::bytes(*n), (*what).to_owned()));
    section("Bytes", bytes.collect());
    section(
        "Inputs that were not foreseen",
        stats
            .missed_inputs
            .iter()
            .map(|path| (String::new(), path.clone()))
            .collect(),
    );
    lines
}

fn phases(phases: Phases) -> [(&'static str, u64); 10] {
    [
        ("parse", phases.parse),
        ("inputs", phases.inputs),
        ("action", phases.action),
        ("lookup", phases.lookup),
        ("upload", phases.upload),
        ("execute", phases.execute),
        ("download", phases.download),
        ("publish", phases.publish),
        ("local_run", phases.local_run),
        ("total", phases.total),
    ]
}

fn phase_words(name: &str) -> String {
    match name {
        "parse" => "understanding the command line",
        "inputs" => "finding inputs",
        "action" => "making the action",
        "lookup" => "asking action caches",
        "upload" => "sending inputs",
        "execute" => "running remotely",
        "download" => "fetching outputs",
        "publish" => "placing outputs",
        "local_run" => "running here",
        other => other,
    }
    .to_owned()
}

/// Each kind with its share that can be cached, and all together where there are several.
fn kind_rows(stats: &Stats) -> Vec<(String, String)> {
    let row = |name: &str, kind: &Kind| {
        let share = units::percent(kind.with_action, kind.steps);
        let hits = units::count(kind.hits, "hit");
        (kind.steps.to_string(), format!("{name}: {hits}; {share} can be cached"))
    };
    let mut rows: Vec<_> = stats
        .kinds
        .iter()
        .map(|(name, kind)| row(&format!("{}s", kind_words(name)), kind))
        .collect();
    if rows.len() > 1 {
        let sum = |part: fn(&Kind) -> u64| stats.kinds.values().map(part).sum();
        let all = Kind {
            steps: sum(|kind| kind.steps),
            with_action: sum(|kind| kind.with_action),
            hits: sum(|kind| kind.hits),
        };
        rows.push(row("in all", &all));
    }
    rows
}

/// One step of a kind, for people.
pub fn kind_words(kind: &str) -> &str {
    match kind {
        "compile" | "link" | "archive" => kind,
        "object" => "object tool",
        "probe" => "question",
        _ => "other step",
    }
}

/// The names of `Where` with what they mean, in the order in which they are shown.
const WHERES: &[(&str, &str)] = &[
    ("local_cache", "from the store on this machine"),
    ("remote_cache", "from the remote cache"),
    ("remote", "ran remotely"),
    ("local", "ran here, as the strategy says"),
    ("local_only", "ran here, because they cannot be cached"),
    ("fallback", "ran here, because the server could not run them"),
    ("unknown", "unknown to this version of rewrap"),
];

#[cfg(test)]
mod tests;
