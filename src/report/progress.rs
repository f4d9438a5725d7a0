//! Steps shown while they happen.
//!
//! The build keeps the terminal to itself, so a live line is drawn only beside tools that show nothing: two programs
//! cannot share a row.

use super::record::Tail;
use super::stats::is_hit;
use super::units;
use crate::config::ProgressMode;
use crate::pb::record::Record;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// What has been seen of a build so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// All steps that ended.
    pub steps: u64,
    /// Those that were hits.
    pub hits: u64,
}

impl Seen {
    /// Counts a record.
    pub fn count(&mut self, record: &Record) {
        self.steps += 1;
        self.hits += u64::from(is_hit(record));
    }

    fn text(self) -> String {
        format!(
            "rewrap: {}, {}",
            units::count(self.steps, "step"),
            units::count(self.hits, "hit")
        )
    }
}

/// Where progress goes.
pub trait Progress: Send {
    /// Shows what has been seen so far; called when it has changed.
    fn show(&mut self, seen: Seen);
    /// Removes what should not stay.
    fn finish(&mut self);
    /// How often there may be something new to show.
    fn interval(&self) -> Duration;
}

/// What fits the setting, the terminal and the build tool; `None` for nothing. `quiet_tool`: the tool shows nothing.
pub fn choose(mode: ProgressMode, terminal: bool, quiet_tool: bool) -> Option<Box<dyn Progress>> {
    match (mode, terminal) {
        (ProgressMode::Never, _) | (ProgressMode::Auto, false) => None,
        (ProgressMode::Auto, true) if !quiet_tool => None,
        (ProgressMode::Auto | ProgressMode::Always, true) => Some(Box::new(Live::new())),
        (ProgressMode::Always, false) => Some(Box::new(Plain)),
    }
}

/// One line at the bottom of the terminal, drawn over and over.
struct Live(ProgressBar);

impl Live {
    fn new() -> Self {
        let style = ProgressStyle::with_template("{wide_msg}").expect("the template is right");
        Self(ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style))
    }
}

impl Progress for Live {
    fn show(&mut self, seen: Seen) {
        self.0.set_message(seen.text());
    }

    fn finish(&mut self) {
        self.0.finish_and_clear();
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(200)
    }
}

/// A line now and then, for logs.
struct Plain;

impl Progress for Plain {
    fn show(&mut self, seen: Seen) {
        // Who closed stderr does not want to hear of it.
        writeln!(std::io::stderr(), "{}", seen.text()).ok();
    }

    fn finish(&mut self) {}

    fn interval(&self) -> Duration {
        Duration::from_secs(10)
    }
}

/// Shows a build's records from a thread of its own, until it is dropped.
pub struct Watch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins with the records that the tail gives from now on.
    pub fn start(mut tail: Tail, build_id: String, mut progress: Box<dyn Progress>) -> Self {
        let (stop, stopped) = channel();
        let watch = move || {
            let mut seen = Seen::default();
            while stopped.recv_timeout(progress.interval()) == Err(RecvTimeoutError::Timeout) {
                let before = seen;
                let count = |record: Record| {
                    if record.build_id == build_id {
                        seen.count(&record);
                    }
                };
                // The summary reads the same files and says what is wrong with them.
                if tail.poll(count).is_err() {
                    break;
                }
                if seen != before {
                    progress.show(seen);
                }
            }
            progress.finish();
        };
        Self {
            stop: Some(stop),
            thread: Some(std::thread::spawn(watch)),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed, and showing progress is not worth more.
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_goes_where_nobody_else_draws() {
        #[track_caller]
        fn check(mode: ProgressMode, terminal: bool, quiet_tool: bool, shown: bool) {
            assert_eq!(
                choose(mode, terminal, quiet_tool).is_some(),
                shown,
                "{mode:?} {terminal} {quiet_tool}"
            );
        }
        check(ProgressMode::Auto, true, true, true);
        check(ProgressMode::Auto, true, false, false);
        check(ProgressMode::Auto, false, true, false);
        check(ProgressMode::Always, true, false, true);
        check(ProgressMode::Always, false, false, true);
        check(ProgressMode::Never, true, true, false);
    }
}
