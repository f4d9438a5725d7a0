//! A step that is not known: the long way, and the decision where it runs.

use super::Pipeline;
use super::candidate::Reading;
use super::history::Note;
use super::prepare::{NoStep, Prepared};
use super::request::Request;
use super::there::Elsewhere;
use crate::config::{Config, ConfigError, Places};
use crate::daemon::{Answer, Conversation, HungUp};
use crate::execute::strategy::{self, WithoutServers};
use crate::pb::record::Where;
use crate::pb::wire::{Publish, RunHere, StepRequest};
use crate::store::disk::DiskStore;
use std::path::PathBuf;

/// rewrap's own exit code where the user allowed no other way than servers, as `env` and `timeout` use it.
const OWN_FAILURE: i32 = 125;

/// One step on its way.
pub(super) struct Step<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) wire: &'a StepRequest,
    pub(super) conversation: &'a dyn Conversation,
    pub(super) note: Note,
}

/// What the wrapper still waits for when the work is done.
pub(super) enum LastWord {
    /// The answer itself.
    Answer(Answer),
    /// That its outputs are staged.
    Staged,
    /// Nothing: it is gone.
    None,
}

/// Why a step with an action runs here: a code and a sentence for the record, and whether a server failed it.
pub(super) struct RunsHere {
    pub(super) code: String,
    pub(super) sentence: String,
    pub(super) fell_back: bool,
}

impl<'a> Step<'a> {
    pub(super) fn new(pipeline: &'a Pipeline, wire: &'a StepRequest, conversation: &'a dyn Conversation) -> Self {
        Self {
            pipeline,
            wire,
            conversation,
            note: Note::begin(wire),
        }
    }

    /// To its end. Into the history before the wrapper may exit, so that who waits for the build sees all of it.
    pub(super) fn run(mut self) {
        let mut state_dir = None;
        let last = self.work(&mut state_dir).unwrap_or_else(|HungUp| {
            self.note
                .ended(Where::Unknown, "cancelled", "the build tool ended the step");
            LastWord::None
        });
        self.pipeline.history.append(state_dir.as_deref(), self.note);
        let said = match last {
            LastWord::Answer(answer) => self.conversation.answer(answer),
            LastWord::Staged => self.conversation.staged(),
            LastWord::None => Ok(()),
        };
        if let Err(HungUp) = said {
            tracing::debug!("a wrapper left before its answer");
        }
    }

    fn work(&mut self, state_dir: &mut Option<PathBuf>) -> Result<LastWord, HungUp> {
        let request = match Request::new(self.wire) {
            Ok(request) => request,
            Err(reason) => return Ok(self.without_action(&NoStep::Command(reason))),
        };
        let resolved = match self.pipeline.settings(&request) {
            Ok(resolved) => resolved,
            Err(error) => {
                // Where records go without any settings.
                *state_dir = Places::new(|name| request.variable(name)).writable_cache();
                return Ok(self.without_settings(&error));
            }
        };
        state_dir.clone_from(&resolved.config.state_dir);
        // What was too much for an accept thread: large outputs that this process hands out for the first time.
        if let Some(answer) = self.pipeline.known(&request, &resolved, Reading::All, &mut self.note) {
            return Ok(LastWord::Answer(answer));
        }
        let prepared = match self.pipeline.prepare(&request, &resolved.config, &mut self.note) {
            Ok(prepared) => prepared,
            Err(reason) => return Ok(self.without_action(&reason)),
        };
        super::describe(&mut self.note, &prepared.remembered);
        "compiler".clone_into(&mut self.note.record.inputs_from);
        self.note.record.paths = format!("{:?}", resolved.config.paths).to_lowercase();
        self.note.record.action_digest = prepared.base.digest.to_string();
        let store = self.pipeline.store(&resolved.config);
        if let Some(store) = &store
            && let Some(answer) = super::hit(store, &prepared.remembered, Reading::All, &mut self.note)
        {
            self.remember(&prepared);
            return Ok(LastWord::Answer(answer));
        }
        self.decide(&request, &resolved.config, &prepared, store.as_ref())
    }

    /// Not in the embedded store: servers, or here.
    fn decide(
        &mut self,
        request: &Request<'_>,
        config: &Config,
        prepared: &Prepared,
        store: Option<&DiskStore>,
    ) -> Result<LastWord, HungUp> {
        let stays_here = prepared.stays_here.is_some();
        let tool = prepared.tool;
        let plan = strategy::plan(config, strategy::Step { stays_here, tool });
        let why = match self.elsewhere(config, plan, prepared, store) {
            Elsewhere::Done(answer) => {
                self.remember(prepared);
                return Ok(LastWord::Answer(answer));
            }
            Elsewhere::Cancelled => return Err(HungUp),
            Elsewhere::NotAsked => RunsHere::by_plan(prepared),
            Elsewhere::Failed(why) if plan.without_servers == WithoutServers::Fail => return Ok(self.fail(&why)),
            Elsewhere::Failed(why) => why,
        };
        self.here(request, config, plan, prepared, &why)
    }

    /// The next time, this is known.
    pub(super) fn remember(&self, prepared: &Prepared) {
        if let Some(manifest) = prepared.manifest.as_ref().filter(|_| prepared.lasting) {
            self.pipeline.manifests.add(&prepared.key, manifest.clone());
        }
    }

    fn without_action(&mut self, reason: &NoStep) -> LastWord {
        reason.correct_kind(&mut self.note.record.kind);
        self.note.ended(Where::LocalOnly, reason.code(), sentence(reason));
        LastWord::Answer(Answer::RunHere(self.own_command()))
    }

    /// A compiler prints nothing about settings: the build summary and `rewrap config show` do.
    fn without_settings(&mut self, error: &ConfigError) -> LastWord {
        self.note.ended(Where::LocalOnly, "bad_settings", sentence(error));
        LastWord::Answer(Answer::RunHere(self.own_command()))
    }

    /// The user allows nothing but remote execution, and that failed.
    fn fail(&mut self, why: &RunsHere) -> LastWord {
        self.note.ended(Where::Unknown, &why.code, why.sentence.clone());
        self.note.record.exit = OWN_FAILURE;
        let text = format!(
            "rewrap: error: cannot run the step remotely\n  caused by: {}\n  \
             hint: strategy = remote allows no other way; remote_local_fallback runs such steps here\n",
            why.sentence
        );
        let publish = Publish {
            stderr: text.into_bytes(),
            exit: OWN_FAILURE,
            ..Publish::default()
        };
        LastWord::Answer(Answer::Publish(publish, Vec::new()))
    }

    /// The user's own words, and the wrapper is done with us.
    fn own_command(&self) -> RunHere {
        RunHere {
            args: self.wire.args.clone(),
            ..RunHere::default()
        }
    }
}

impl RunsHere {
    fn by_plan(prepared: &Prepared) -> Self {
        let (code, sentence) = prepared
            .stays_here
            .clone()
            .unwrap_or_else(|| ("miss".to_owned(), "nothing was cached for these inputs".to_owned()));
        Self {
            code,
            sentence,
            fell_back: false,
        }
    }

    pub(super) fn fell_back(code: &str, sentence: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            sentence: sentence.into(),
            fell_back: true,
        }
    }
}

/// An error with its causes, in one line.
pub(super) fn sentence(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
