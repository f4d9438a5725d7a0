//! `rewrap stats`.

use super::{current_directory, print, print_json};
use crate::config::Resolver;
use crate::config::layers::Layer;
use crate::failure::{Failure, FailureKind};
use crate::pb::record::Record;
use crate::render;
use crate::report::stats::{self, SCHEMA, Stats};
use crate::report::{record, units};
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Print what became of the steps of the last build: hits, reasons, times.
///
/// The last build is the last `rewrap build`, or without one the newest steps of one directory tree without a pause of
/// five minutes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// All recorded steps, not only the last build's
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Answer<'r> {
    schema: u32,
    scope: &'static str,
    /// Of the last `rewrap build`; empty outside of one and with `--all`.
    build_id: &'r str,
    /// The exec roots of the steps, each once.
    exec_roots: Vec<&'r str>,
    /// Microseconds since the Unix epoch at which the first and the last step began.
    first_started_micros: Option<u64>,
    last_started_micros: Option<u64>,
    #[serde(flatten)]
    stats: Stats,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let resolved = Resolver::new().for_command(&current_directory()?, Layer::default())?;
    let Some(state) = &resolved.config.state_dir else {
        let failure = Failure::new(FailureKind::Host, "cannot read records: there is no directory for them");
        return Err(failure.hint("set HOME, XDG_CACHE_HOME or REWRAP_DISK_CACHE to a directory that you may write"));
    };
    let mut records: Vec<Record> = Vec::new();
    let damaged = record::visit(state, |record| records.push(record))?;
    if damaged > 0 {
        let text = format!(
            "{} cut short; some steps are missing",
            units::count(damaged, "file of records is")
        );
        render::to_stderr(&render::warning(&text, render::stderr_has_colour()));
    }
    let chosen: Vec<&Record> = if arguments.all {
        records.iter().collect()
    } else {
        stats::last_build(&records)
    };
    if arguments.json {
        print_json(&answer(&chosen, arguments.all))?;
    } else {
        print(text(&chosen, arguments.all).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn answer<'r>(chosen: &[&'r Record], all: bool) -> Answer<'r> {
    let mut exec_roots: Vec<_> = chosen.iter().map(|record| record.exec_root.as_str()).collect();
    exec_roots.sort_unstable();
    exec_roots.dedup();
    let started = || chosen.iter().map(|record| record.started_micros);
    Answer {
        schema: SCHEMA,
        scope: if all { "all" } else { "last_build" },
        build_id: chosen.first().filter(|_| !all).map_or("", |record| &record.build_id),
        exec_roots,
        first_started_micros: started().min(),
        last_started_micros: started().max(),
        stats: stats::tally(chosen.iter().copied()),
    }
}

fn text(chosen: &[&Record], all: bool) -> String {
    let Some(last) = chosen.iter().map(|record| record.started_micros).max() else {
        return "No step has been recorded yet.\n".into();
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ago = units::duration(now.saturating_sub(Duration::from_micros(last)));
    let scope = if all { "All steps" } else { "Last build" };
    let mut lines = vec![format!("{scope}, the latest {ago} ago")];
    lines.extend(stats::lines(&stats::tally(chosen.iter().copied())));
    lines.join("\n") + "\n"
}
