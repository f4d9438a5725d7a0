//! What `rewrap build` says at its end: one line, and more only for what the user must know.

use super::stats::{is_hit, is_probe, kind_words};
use super::units;
use crate::config::Resolved;
use crate::pb::record::{Record, Where};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// How many reasons the line names.
const REASONS: usize = 3;

/// A finished build: its records, and what the history says about them.
#[derive(Debug, Default)]
pub struct BuildHistory {
    build_id: String,
    records: Vec<Record>,
    /// Microseconds that an action took when it last ran, by its digest.
    run_micros: HashMap<String, u64>,
    /// Exec roots of earlier builds.
    earlier_roots: HashSet<String>,
}

impl BuildHistory {
    /// Of the build with this id, nothing added yet.
    pub fn new(build_id: impl Into<String>) -> Self {
        Self {
            build_id: build_id.into(),
            ..Self::default()
        }
    }

    /// Adds a record of the history, be it the build's or not. Oldest first.
    pub fn add(&mut self, record: Record) {
        let phases = record.phases.unwrap_or_default();
        let run = phases.local_run.max(phases.execute);
        if !is_hit(&record) && run > 0 && !record.action_digest.is_empty() {
            self.run_micros.insert(record.action_digest.clone(), run);
        }
        if record.build_id == self.build_id {
            self.records.push(record);
        } else if !self.earlier_roots.contains(&record.exec_root) {
            self.earlier_roots.insert(record.exec_root);
        }
    }

    /// What the build's hits took when they last ran, less what they took now. Results that others made are not in the
    /// history and count for nothing.
    fn saved(&self) -> Duration {
        let saved = self.records.iter().filter(|record| is_hit(record)).map(|record| {
            let run = self.run_micros.get(&record.action_digest).copied().unwrap_or(0);
            run.saturating_sub(record.phases.unwrap_or_default().total)
        });
        Duration::from_micros(saved.sum())
    }

    /// Whether a first build in some directory missed a remote cache while outputs record their directory.
    fn exact_paths_may_keep_from_sharing(&self) -> bool {
        self.records.iter().any(|record| {
            !is_hit(record)
                && !record.action_digest.is_empty()
                && !record.endpoint.is_empty()
                && record.paths == "exact"
                && !self.earlier_roots.contains(&record.exec_root)
        })
    }
}

/// The lines, the summary first; without the prefix `rewrap: `.
pub fn lines(history: &BuildHistory, resolved: &Resolved) -> Vec<String> {
    let mut lines = vec![line(history)];
    for ((text, server), steps) in fallbacks(&history.records) {
        let server = if server.is_empty() {
            String::new()
        } else {
            format!(" ({server})")
        };
        lines.push(format!(
            "{} ran here because {text}{server}",
            units::count(steps, "step")
        ));
    }
    lines.extend(notes(resolved));
    if history.exact_paths_may_keep_from_sharing() {
        lines.push(
            "outputs that name their directory are not shared with other directories; `paths = portable` shares them"
                .into(),
        );
    }
    lines
}

/// What was not done as the settings files say.
pub fn notes(resolved: &Resolved) -> Vec<String> {
    let ignored = resolved
        .ignored
        .iter()
        .map(|file| format!("{} is ignored: {}", file.path.display(), file.why));
    let withheld = resolved.withheld.iter().map(|kept| {
        format!(
            "`{}` is not used with {}, which only {} names",
            kept.key, kept.address, kept.named_by
        )
    });
    ignored.chain(withheld).collect()
}

fn line(history: &BuildHistory) -> String {
    let (probes, records): (Vec<&Record>, Vec<&Record>) = history.records.iter().partition(|record| is_probe(record));
    if !probes.is_empty() && records.is_empty() {
        let asked = units::count(probes.len() as u64, "question");
        return format!("no step was seen but {asked} to tools, which are not cached");
    }
    if records.is_empty() {
        return "no step was seen: nothing had to be compiled, or the build names its compilers by absolute paths \
                (configure it again under `rewrap build`)"
            .into();
    }
    let number =
        |predicate: &dyn Fn(&Record) -> bool| records.iter().filter(|&&record| predicate(record)).count() as u64;
    let steps = records.len() as u64;
    let hits = number(&is_hit);
    let remote = number(&|record| record.r#where() == Where::Remote);
    let lost = number(&|record| record.r#where() == Where::Unknown);
    let here = steps - hits - remote - lost;
    let percent = units::percent(hits, steps);
    let mut parts = vec![format!(
        "{}{}: {} ({percent})",
        units::count(steps, "step"),
        kinds(&records),
        units::count(hits, "hit")
    )];
    if remote > 0 {
        parts.push(format!("{remote} ran remotely"));
    }
    if lost > 0 {
        parts.push(format!("{lost} did not end"));
    }
    if here > 0 {
        parts.push(format!("{here} ran here ({})", reasons(&records)));
    }
    let saved = match history.saved() {
        saved if saved >= Duration::from_secs(1) => format!("; saved {}", units::duration(saved)),
        _ => String::new(),
    };
    parts.join(", ") + &saved
}

/// ` (200 compiles, 10 links)`; nothing where all are of one kind.
fn kinds(records: &[&Record]) -> String {
    let mut numbers: BTreeMap<&str, u64> = BTreeMap::new();
    for record in records {
        *numbers.entry(kind_words(&record.kind)).or_default() += 1;
    }
    if numbers.len() < 2 {
        return String::new();
    }
    let mut sorted: Vec<_> = numbers.into_iter().collect();
    sorted.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let named: Vec<_> = sorted
        .iter()
        .map(|(kind, number)| units::count(*number, kind))
        .collect();
    format!(" ({})", named.join(", "))
}

/// `3 link, 1 date macro`.
fn reasons(records: &[&Record]) -> String {
    let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
    for record in records
        .iter()
        .filter(|record| !is_hit(record) && !matches!(record.r#where(), Where::Remote | Where::Unknown))
    {
        let reason = match (record.reason.as_str(), record.r#where()) {
            ("" | "miss", Where::Local) => "not cached before".into(),
            ("", Where::Fallback) => "server unavailable".into(),
            ("", _) => "other".into(),
            (code, _) => code.replace(['_', '-'], " "),
        };
        *numbers.entry(reason).or_default() += 1;
    }
    let mut sorted: Vec<_> = numbers.into_iter().collect();
    sorted.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let rest: u64 = sorted.iter().skip(REASONS).map(|(_, number)| number).sum();
    let mut named: Vec<_> = sorted
        .iter()
        .take(REASONS)
        .map(|(reason, number)| format!("{number} {reason}"))
        .collect();
    if rest > 0 {
        named.push(format!("{rest} for other reasons"));
    }
    named.join(", ")
}

/// What kept steps from running remotely, with the server and the number of steps, the most frequent first.
fn fallbacks(records: &[Record]) -> Vec<((String, String), u64)> {
    let mut numbers: BTreeMap<(String, String), u64> = BTreeMap::new();
    for record in records.iter().filter(|record| record.r#where() == Where::Fallback) {
        let text = record.reason_text.trim_end_matches('.');
        let text = if text.is_empty() {
            "the server could not run them"
        } else {
            text
        };
        *numbers.entry((text.to_owned(), record.endpoint.clone())).or_default() += 1;
    }
    let mut sorted: Vec<_> = numbers.into_iter().collect();
    sorted.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    sorted.truncate(REASONS);
    sorted
}

#[cfg(test)]
mod tests;
