//! The short process that stands where the compiler stood.
//!
//! Finds the real tool, asks the daemon, and publishes outputs or runs the tool; on any trouble it runs the tool. Takes
//! no options, prints nothing of its own, and knows nothing of compilers.

pub mod invocation;
mod parent;
mod publish;
mod record;
mod relay;
mod run;
pub mod search;
mod session;
mod signals;
mod terminal;
mod trampoline;

use crate::pb::wire;
use crate::wire::view::InodeId;
use invocation::{Invocation, NoTool};
use publish::PublishError;
use run::LocalRun;
use rustix::io::Errno;
use search::Search;
use session::{Alone, Answer, Session};
use signal_hook::consts::signal::SIGPIPE;
use signals::{Noted, Waking};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitCode;

/// Set for every tool that a wrapper starts: a wrapper that sees it runs its own tool at once.
pub const INSIDE: &str = "REWRAP_INSIDE";

/// Switches rewrap off for a step.
pub const DISABLE: &str = "REWRAP_DISABLE";

/// The whole life of a wrapper: argv in, exit code out. Often it does not return, but becomes the real tool.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args: Vec<OsString> = words.into_iter().collect();
    let argv0 = if args.is_empty() {
        OsString::new()
    } else {
        args.remove(0)
    };
    if let Some(ended) = trampoline::second_life(&argv0, &args) {
        return ended;
    }
    let own = InodeId::of(Path::new("/proc/self/exe")).ok();
    let search = Search::new(std::env::var_os("PATH"), own);
    let invocation = match invocation::resolve(&argv0, args, &search, &|name| std::env::var_os(name)) {
        Ok(invocation) => invocation,
        Err(no_tool) => return give_up(&no_tool),
    };
    let nested = std::env::var_os(INSIDE).is_some() || parent::makes_this_its_own_part(&invocation);
    let step = Step {
        invocation,
        search,
        nested,
    };
    if nested || is_switched_off() {
        return step.run_alone();
    }
    match session::ask(&step.invocation) {
        Ok((Answer::Publish(answer, descriptors), session)) => step.publish(&answer, descriptors, session),
        Ok((Answer::RunHere(plan), session)) => step.run_here(&plan, &session),
        Err(alone) => {
            record::note_without_daemon(&step.invocation, &alone);
            step.run_alone()
        }
    }
}

fn is_switched_off() -> bool {
    std::env::var_os(DISABLE).is_some_and(|value| !matches!(value.to_str(), Some("" | "0" | "false" | "no" | "off")))
}

/// One call of the wrapper, its tool found.
struct Step {
    invocation: Invocation,
    search: Search,
    nested: bool,
}

impl Step {
    fn local<'a>(&'a self, plan: Option<&'a wire::RunHere>) -> LocalRun<'a> {
        LocalRun {
            invocation: &self.invocation,
            plan,
            search: &self.search,
            nested: self.nested,
        }
    }

    /// As if there were no rewrap.
    fn run_alone(&self) -> ExitCode {
        give_up(&self.local(None).exec())
    }

    fn publish(&self, answer: &wire::Publish, descriptors: Vec<OwnedFd>, session: Session) -> ExitCode {
        if answer.files.is_empty() && answer.remove.is_empty() {
            return say(answer);
        }
        let published = match Noted::from_now_on() {
            Ok(signals) => publish::publish(answer, descriptors, &|| signals.last()).map(|()| signals),
            Err(source) => Err(PublishError::Refused {
                verb: "guard",
                path: ".".into(),
                source,
            }),
        };
        match published {
            Ok(signals) => {
                if let Some(signal) = signals.last() {
                    return ExitCode::from(signals::die_of(signal));
                }
                say(answer)
            }
            Err(PublishError::Signal(signal)) => ExitCode::from(signals::die_of(signal)),
            Err(error) => {
                // Only for the daemon's record; who has left already does not need it.
                let _told = session.publishing_failed(error.to_string());
                self.run_alone()
            }
        }
    }

    fn run_here(&self, plan: &wire::RunHere, session: &Session) -> ExitCode {
        let local = self.local(Some(plan));
        if !plan.report {
            let failed = if plan.holds_permit {
                local.exec_holding(session.connection())
            } else {
                local.exec()
            };
            return give_up(&failed);
        }
        let Ok(signals) = Waking::from_now_on() else {
            return self.run_alone();
        };
        let Ok(ran) = local.run(&signals) else {
            return self.run_alone();
        };
        if let Some(signal) = ran.signal {
            return ExitCode::from(signals::die_of(signal));
        }
        if let Some(outcome) = ran.outcome {
            // The tool has run and its outputs are there, whatever becomes of the report.
            let _reported: Result<(), Alone> = session.report(outcome, &signals);
            if let Some(signal) = signals.last() {
                return ExitCode::from(signals::die_of(signal));
            }
        }
        match (ran.status.code(), ran.status.signal()) {
            (Some(code), _) => exit_code(code),
            (None, signal) => ExitCode::from(signals::die_of(signal.unwrap_or_default())),
        }
    }
}

/// Prints what the tool would have printed and exits as it would have.
fn say(answer: &wire::Publish) -> ExitCode {
    let printed = relay::print(rustix::stdio::stdout(), &answer.stdout)
        .and_then(|()| relay::print(rustix::stdio::stderr(), &answer.stderr));
    match printed {
        // A tool that nobody listens to dies of it.
        Err(Errno::PIPE) => ExitCode::from(signals::die_of(SIGPIPE)),
        // Compilers do not look whether their diagnostics could be written.
        Ok(()) | Err(_) => exit_code(answer.exit),
    }
}

fn exit_code(code: i32) -> ExitCode {
    // The kernel keeps the low byte of what a process exits with.
    ExitCode::from(code.to_le_bytes()[0])
}

/// The only words of our own: there is no tool to run, so nobody else will say anything.
fn give_up(no_tool: &NoTool) -> ExitCode {
    let cause = match no_tool {
        NoTool::NotExecutable { errno: Some(errno), .. } => {
            format!("  caused by: {}\n", io::Error::from_raw_os_error(*errno))
        }
        _ => String::new(),
    };
    let message = format!("rewrap: error: {no_tool}\n{cause}");
    // If stderr is closed the exit code has to do.
    let _written = relay::print(rustix::stdio::stderr(), message.as_bytes());
    ExitCode::from(no_tool.exit_code())
}
