//! `rewrap inputs`.

mod compile_db;
mod step;

use super::setting_flags::{ForConfig, SettingFlags};
use super::{current_directory, print, print_json};
use crate::config::Resolver;
use crate::failure::Failure;
use crate::pipeline::Pipeline;
use crate::report::inputs::{self, InputsReport, SCHEMA, Totals};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use step::Step;

const EXAMPLES: &str = "\
Examples:
  rewrap inputs -- gcc -Iinclude -c main.c
  rewrap inputs --json -- clang++ -o app main.o libparts.a
  rewrap inputs --compile-db build/compile_commands.json

Exit status: 0 if what each command reads was found out, or that it always runs here; 1 if not.";

/// Print what a step reads and writes, and how we know; nothing is run.
///
/// Says which files a command reads and how each was found, which directories and links it goes through, what it looks
/// for in vain, what it writes, and whether its result is cached or why not.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// All commands of a compilation database, with totals at the end
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    compile_db: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingFlags<ForConfig>,
    /// The command and its arguments
    #[arg(last = true, required_unless_present = "compile_db", value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[derive(Serialize)]
struct Answer<'r> {
    schema: u32,
    #[serde(flatten)]
    report: &'r InputsReport,
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let cwd = current_directory()?;
    let flags = arguments.settings.into_layer(&cwd);
    let variables: Vec<(OsString, OsString)> = flags
        .to_variables()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    // A wrong setting is said once, in the words of all commands.
    Resolver::new().for_command(&cwd, flags)?;
    // The index on disk is the daemon's.
    let pipeline = Pipeline::new(None);
    let all_decided = if let Some(file) = &arguments.compile_db {
        let steps = compile_db::read(file, &cwd)?;
        project(&pipeline, &steps, &variables, arguments.json)?
    } else {
        let report = Step::new(&cwd, None, arguments.command).explain(&pipeline, &variables);
        if arguments.json {
            print_json(&Answer {
                schema: SCHEMA,
                report: &report,
            })?;
        } else {
            print((inputs::lines(&report).join("\n") + "\n").as_bytes())?;
        }
        report.decision.is_decided()
    };
    Ok(if all_decided {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// All steps of a project, in their order, and totals; whether all were decided.
fn project(
    pipeline: &Pipeline,
    steps: &[Step],
    variables: &[(OsString, OsString)],
    json: bool,
) -> Result<bool, Failure> {
    let mut totals = Totals::default();
    let mut separator = "\n";
    if json {
        print(format!("{{\"schema\":{SCHEMA},\"commands\":[").as_bytes())?;
    }
    in_order(
        steps,
        |step| step.explain(pipeline, variables),
        |report: InputsReport| {
            totals.add(&report);
            if json {
                let text = serde_json::to_string(&report).expect("our messages have text keys only");
                print(format!("{}{text}", std::mem::replace(&mut separator, ",\n")).as_bytes())
            } else {
                print((inputs::line(&report) + "\n").as_bytes())
            }
        },
    )?;
    if json {
        let totals = serde_json::to_string(&totals).expect("our messages have text keys only");
        print(format!("\n],\"totals\":{totals}}}\n").as_bytes())?;
    } else {
        print(format!("\n{}\n", totals.lines().join("\n")).as_bytes())?;
    }
    Ok(totals.undecided == 0)
}

/// Does `work` for each item on all processors, and `each` with the results in the order of the items.
fn in_order<T: Sync, R: Send, E>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut each: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some((index, item)) = take(items, next) {
                    if sender.send((index, work(item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let (mut early, mut wanted) = (BTreeMap::new(), 0);
        for (index, result) in receiver {
            early.insert(index, result);
            while let Some(result) = early.remove(&wanted) {
                wanted += 1;
                each(result)?;
            }
        }
        Ok(())
    })
}

fn take<'t, T>(items: &'t [T], next: &AtomicUsize) -> Option<(usize, &'t T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    items.get(index).map(|item| (index, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_an_error_ends_it() {
        let items: Vec<u64> = (0..200).collect();
        let mut seen = Vec::new();
        let ended = in_order(
            &items,
            |n| n * 2,
            |n| {
                seen.push(n);
                if n < 100 { Ok(()) } else { Err(n) }
            },
        );
        assert_eq!(ended, Err(100));
        assert_eq!(seen, (0..=50).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(in_order(&[], |_: &u8| (), |()| Err(())), Ok(()));
    }
}
