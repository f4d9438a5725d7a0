//! One wrapper's connection: what is under way on it, who may write to it, and whether it still is there.

use super::{Answer, Conversation, HungUp, locked};
use crate::pb::wire::{self, to_daemon, to_wrapper};
use crate::wire::{Patience, WireError};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// For a frame that has begun to arrive: `pulse` has others to look after.
const LAST_WORDS_WITHIN: Duration = Duration::from_millis(50);

/// What a wrapper is doing. Pings go only to those who wait; who runs a tool does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Stage {
    /// Waits for the daemon.
    Waiting,
    /// Runs the tool and will report.
    Running,
    /// Has reported and waits until its outputs are staged.
    Reported,
    /// Has its last word and does as it was told.
    Answered,
    /// Nothing more is awaited of it but the news of a failure; nobody but `pulse` reads.
    Parked,
    /// To be forgotten.
    Over,
}

impl Stage {
    const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Running,
        Self::Reported,
        Self::Answered,
        Self::Parked,
        Self::Over,
    ];
}

/// A wrapper that has sent a step.
pub(super) struct Connection {
    stream: UnixStream,
    stage: AtomicU8,
    /// Held while a frame is written, so that a ping never falls into one.
    writing: Mutex<()>,
    token: CancellationToken,
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Connection {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            stage: AtomicU8::new(Stage::Waiting as u8),
            writing: Mutex::new(()),
            token: CancellationToken::new(),
        }
    }

    pub(super) fn stage(&self) -> Stage {
        Stage::ALL[usize::from(self.stage.load(Ordering::SeqCst))]
    }

    pub(super) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::SeqCst);
    }

    /// The wrapper is gone: work for it stops.
    pub(super) fn hang_up(&self) {
        self.token.cancel();
    }

    /// Whether the wrapper is known to be gone.
    pub(super) fn has_hung_up(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Tells a waiting wrapper that we live. One that does not read is left alone.
    pub(super) fn ping(&self) -> Result<(), WireError> {
        if !matches!(self.stage(), Stage::Waiting | Stage::Reported) {
            return Ok(());
        }
        let Ok(_writing) = self.writing.try_lock() else {
            return Ok(());
        };
        let ping = wire::ToWrapper {
            message: Some(to_wrapper::Message::Ping(wire::Ping {})),
        };
        crate::wire::send_at_once(&self.stream, &ping).map(drop)
    }

    /// Tells the wrapper that its request was read.
    pub(super) fn acknowledge(&self) -> Result<(), WireError> {
        let ack = wire::ToWrapper {
            message: Some(to_wrapper::Message::Ack(wire::Ack {})),
        };
        crate::wire::send_at_once(&self.stream, &ack).map(drop)
    }

    fn send(&self, message: to_wrapper::Message, descriptors: &[BorrowedFd<'_>]) -> Result<(), HungUp> {
        let _writing = locked(&self.writing);
        let frame = wire::ToWrapper { message: Some(message) };
        crate::wire::send(&self.stream, &frame, descriptors).map_err(|error| {
            tracing::debug!(%error, "a wrapper did not take its answer");
            self.hang_up();
            HungUp
        })
    }

    fn receive(&self, patience: Patience<'_>) -> Result<to_daemon::Message, HungUp> {
        let received: Result<(wire::ToDaemon, _), _> = crate::wire::receive(&self.stream, patience);
        received.ok().and_then(|(frame, _)| frame.message).ok_or_else(|| {
            self.hang_up();
            HungUp
        })
    }

    /// What a parked wrapper has to say: that publishing failed. `None` when it is gone.
    pub(super) fn last_words(&self) -> Option<String> {
        match self.receive(Patience::lasting(LAST_WORDS_WITHIN)) {
            Ok(to_daemon::Message::Published(outcome)) => Some(outcome.failure),
            _ => None,
        }
    }

    /// Ends a conversation whose service has returned, so that the wrapper never waits for nobody.
    pub(super) fn conclude(&self, step: &wire::StepRequest) {
        let concluded = match self.stage() {
            Stage::Waiting => {
                tracing::error!("a step was left without an answer");
                self.answer(Answer::RunHere(run_as_asked(step)))
            }
            Stage::Reported => self.staged(),
            Stage::Running | Stage::Answered | Stage::Parked | Stage::Over => Ok(()),
        };
        if concluded.is_err() {
            tracing::debug!("the wrapper left first");
        }
    }
}

/// "As if there were no rewrap."
pub(super) fn run_as_asked(step: &wire::StepRequest) -> wire::RunHere {
    wire::RunHere {
        args: step.args.clone(),
        ..wire::RunHere::default()
    }
}

impl Conversation for Connection {
    fn run_here(&self, request: wire::RunHere) -> Result<wire::LocalOutcome, HungUp> {
        // The stage first: no ping may follow the request into a socket that is not read.
        self.set_stage(Stage::Running);
        self.send(
            to_wrapper::Message::RunHere(wire::RunHere {
                report: true,
                ..request
            }),
            &[],
        )?;
        match self.receive(Patience::default())? {
            to_daemon::Message::Local(outcome) => {
                self.set_stage(Stage::Reported);
                Ok(outcome)
            }
            _ => Err(HungUp),
        }
    }

    fn staged(&self) -> Result<(), HungUp> {
        self.set_stage(Stage::Answered);
        self.send(to_wrapper::Message::Staged(wire::Staged {}), &[])
    }

    fn answer(&self, answer: Answer) -> Result<(), HungUp> {
        match self.stage() {
            Stage::Waiting => self.set_stage(Stage::Answered),
            // The tool has run: the wrapper waits for that word alone.
            Stage::Reported => return self.staged(),
            _ => return Err(HungUp),
        }
        match answer {
            Answer::Publish(publish, descriptors) => {
                let descriptors: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
                self.send(to_wrapper::Message::Publish(publish), &descriptors)
            }
            Answer::RunHere(run) => self.send(
                to_wrapper::Message::RunHere(wire::RunHere { report: false, ..run }),
                &[],
            ),
        }
    }

    fn cancelled(&self) -> CancellationToken {
        self.token.clone()
    }
}
