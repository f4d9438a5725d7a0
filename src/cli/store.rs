//! `rewrap store`.

use super::setting_flags::{ForStore, SettingFlags};
use super::{current_directory, print, print_json};
use crate::config::Resolver;
use crate::failure::{Failure, FailureKind};
use crate::report::units;
use crate::store::disk::{DiskStore, OnCorrupt, Usage, VerifyReport};
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;

/// The number that `--json` carries; raised when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// Look after the store on this machine.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Usage(UsageArguments),
    Verify(VerifyArguments),
    Clear(ClearArguments),
}

/// Print how much the store holds.
#[derive(Debug, Args)]
pub(super) struct UsageArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingFlags<ForStore>,
}

/// Read everything in the store and list what is corrupt. Exit status 1 if anything is.
///
/// Builds may go on meanwhile.
#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// Remove what is corrupt, too
    #[arg(long)]
    remove: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingFlags<ForStore>,
}

/// Remove everything from the store.
#[derive(Debug, Args)]
pub(super) struct ClearArguments {
    #[command(flatten)]
    settings: SettingFlags<ForStore>,
}

#[derive(Serialize)]
struct Answer {
    schema: u32,
    directory: String,
    blobs: u64,
    results: u64,
    bytes: u64,
    max_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<Verified>,
}

#[derive(Serialize)]
struct Verified {
    /// Results that name blobs which are not here; they count as misses.
    incomplete: Vec<String>,
    corrupt: Vec<Corrupt>,
}

#[derive(Serialize)]
struct Corrupt {
    path: String,
    defect: String,
}

/// An open store, and what it was opened by.
struct Opened {
    store: DiskStore,
    max_bytes: u64,
}

impl Opened {
    fn answer(&self, usage: Usage, verified: Option<Verified>) -> Answer {
        Answer {
            schema: SCHEMA,
            directory: self.store.dir().display().to_string(),
            blobs: usage.blobs,
            results: usage.results,
            bytes: usage.bytes,
            max_bytes: self.max_bytes,
            verified,
        }
    }
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Usage(arguments) => {
            let opened = open(arguments.settings)?;
            let answer = opened.answer(opened.store.usage()?, None);
            if arguments.json {
                print_json(&answer)?;
            } else {
                print(usage_text(&answer).as_bytes())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify(arguments) => verify(arguments),
        Command::Clear(arguments) => {
            open(arguments.settings)?.store.clear()?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn verify(arguments: VerifyArguments) -> Result<ExitCode, Failure> {
    let opened = open(arguments.settings)?;
    let on_corrupt = if arguments.remove {
        OnCorrupt::Remove
    } else {
        OnCorrupt::List
    };
    let report = opened.store.verify(on_corrupt, |_| {})?;
    if arguments.json {
        print_json(&opened.answer(report.seen, Some(verified(&report))))?;
    } else {
        print(verify_text(&report, arguments.remove).as_bytes())?;
    }
    Ok(if report.corrupt.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn open(settings: SettingFlags<ForStore>) -> Result<Opened, Failure> {
    let cwd = current_directory()?;
    let config = &Resolver::new().for_command(&cwd, settings.into_layer(&cwd))?.config;
    let Some(directory) = &config.disk_cache else {
        let failure = Failure::new(FailureKind::Host, "cannot open the store: there is no directory for it");
        return Err(failure.hint("set HOME, XDG_CACHE_HOME or REWRAP_DISK_CACHE to a directory that you may write"));
    };
    let max_bytes = config.disk_cache_max_size;
    Ok(Opened {
        store: DiskStore::open(directory, max_bytes)?,
        max_bytes,
    })
}

fn verified(report: &VerifyReport) -> Verified {
    let corrupt = report.corrupt.iter();
    Verified {
        incomplete: report.incomplete.iter().map(ToString::to_string).collect(),
        corrupt: corrupt
            .map(|file| Corrupt {
                path: file.path.display().to_string(),
                defect: file.defect.to_string(),
            })
            .collect(),
    }
}

fn usage_text(answer: &Answer) -> String {
    format!(
        "{}\n{} of {}: {}, {}\n",
        answer.directory,
        units::bytes(answer.bytes),
        units::bytes(answer.max_bytes),
        units::count(answer.blobs, "blob"),
        units::count(answer.results, "result"),
    )
}

fn verify_text(report: &VerifyReport, removed: bool) -> String {
    let line = |file: &crate::store::disk::CorruptFile| format!("{}: {}\n", file.path.display(), file.defect);
    let listed: String = report.corrupt.iter().map(line).collect::<Vec<_>>().concat();
    let seen = [
        units::count(report.seen.blobs, "blob"),
        units::count(report.seen.results, "result"),
    ]
    .join(", ");
    let corrupt = report.corrupt.len();
    let verdict = match (corrupt, removed) {
        (0, _) => "all of them right".to_owned(),
        (_, true) => format!("{corrupt} corrupt, removed"),
        (_, false) => format!("{corrupt} corrupt (`rewrap store verify --remove` removes them)"),
    };
    format!("{listed}{seen}: {verdict}\n")
}
