//! The wrapper runs the compiler here, and what it made may be kept.

use super::admission::{self, LocalResult, NotAdmitted};
use super::history::{micros, timed};
use super::prepare::Prepared;
use super::request::Request;
use super::slow::{LastWord, RunsHere, Step, sentence};
use crate::config::Config;
use crate::daemon::HungUp;
use crate::execute::permits::Permit;
use crate::execute::strategy::Plan;
use crate::manifest::{Change, Manifest};
use crate::pb::record::Where;
use crate::pb::wire::{RunHere, Variable};
use std::path::Path;
use std::time::Instant;

impl Step<'_> {
    /// Runs the step here, once.
    pub(super) fn here(
        &mut self,
        request: &Request<'_>,
        config: &Config,
        plan: Plan,
        prepared: &Prepared,
        why: &RunsHere,
    ) -> Result<LastWord, HungUp> {
        let place = match (why.fell_back, prepared.stays_here.is_some()) {
            (true, _) => Where::Fallback,
            _ => Where::Local,
        };
        self.note.ended(place, &why.code, why.sentence.clone());
        let permit = self.permit(config, why)?;
        let manifest = self.manifest_to_keep(prepared);
        let extra = self.extra_depfile(prepared);
        let run_here = self.run_request(prepared, extra.as_deref());
        let start = Instant::now();
        let outcome = self.conversation.run_here(run_here)?;
        self.note.phases().local_run = micros(start.elapsed());
        drop(permit);
        self.note.record.exit = outcome.exit;
        if let Some(manifest) = manifest {
            let result = LocalResult {
                outcome: &outcome,
                cwd: &request.cwd,
                run: &prepared.base.local_run,
                extra_depfile: extra.as_deref(),
                manifest,
                remembered: &prepared.remembered,
                base_presentation: prepared.base_presentation,
            };
            self.keep(config, plan, prepared, &result);
        }
        Ok(LastWord::Staged)
    }

    /// What the step reads, if its result may be kept. A file that it changes where it lies cannot be looked at again
    /// after the run, so it has to be as it was found directly before it.
    fn manifest_to_keep<'p>(&self, prepared: &'p Prepared) -> Option<&'p Manifest> {
        let updates = prepared.remembered.outputs.iter().any(|output| output.updates);
        let holds = |manifest: &&Manifest| {
            let held = manifest.still_holds(&self.pipeline.digests, &self.pipeline.listings);
            held.inspect_err(|change| tracing::info!(%change, "a local result stays out of the cache"))
                .is_ok()
        };
        prepared
            .manifest
            .as_ref()
            .filter(|manifest| !updates || holds(manifest))
    }

    /// Steps that a server failed wait for their turn; those that run here anyway are bounded by the build tool.
    fn permit(&self, config: &Config, why: &RunsHere) -> Result<Option<Permit>, HungUp> {
        if !why.fell_back {
            return Ok(None);
        }
        let cancelled = self.conversation.cancelled();
        let permit = self
            .pipeline
            .permits
            .take(config.local_jobs, || cancelled.is_cancelled());
        permit.map(Some).ok_or(HungUp)
    }

    /// A depfile for us, where the user asks for none: the net under inference.
    fn extra_depfile(&self, prepared: &Prepared) -> Option<tempfile::TempPath> {
        if !prepared.base.local_run.extra_depfile {
            return None;
        }
        let file = tempfile::Builder::new()
            .suffix(".d")
            .tempfile_in(&self.pipeline.scratch);
        file.inspect_err(|error| tracing::warn!(%error, "no place for a depfile of our own"))
            .ok()
            .map(tempfile::NamedTempFile::into_temp_path)
    }

    fn run_request(&self, prepared: &Prepared, extra: Option<&Path>) -> RunHere {
        let run = &prepared.base.local_run;
        let mut args = match &run.args {
            Some(words) => words.iter().map(|word| word.clone().into_bytes()).collect(),
            None => self.wire.args.clone(),
        };
        if let Some(path) = extra {
            args.extend([
                b"-MD".to_vec(),
                b"-MF".to_vec(),
                path.as_os_str().as_encoded_bytes().to_vec(),
            ]);
        }
        let variable = |(name, value): &(String, String)| Variable {
            name: name.clone().into_bytes(),
            value: value.clone().into_bytes(),
        };
        RunHere {
            args,
            set_env: run.set_env.iter().map(variable).collect(),
            report: true,
            ..RunHere::default()
        }
    }

    /// Puts the result where it belongs, or says in the record why not.
    fn keep(&mut self, config: &Config, plan: Plan, prepared: &Prepared, result: &LocalResult<'_>) {
        let Some(store) = self.pipeline.store(config) else {
            return;
        };
        let pipeline = self.pipeline;
        let recheck = |manifest: &Manifest| match prepared.remembered.other_time() {
            Some(path) => Err(Change::Replaced(path.to_owned())),
            None => manifest.still_holds(&pipeline.digests, &pipeline.listings),
        };
        let admitted = timed(&mut self.note.phases().publish, || {
            admission::admit(&store, result, &recheck)
        });
        match admitted {
            Ok((action, result)) => {
                self.note.record.stored = true;
                self.note.record.action_digest = action.to_string();
                self.remember(prepared);
                // With modification times of this machine it is of use nowhere else.
                if plan.upload_local_result && prepared.inputs.times.is_empty() {
                    self.upload(config, &store, action, &result, prepared);
                }
            }
            Err(NotAdmitted::Failed(_)) => {}
            Err(reason) => {
                if let NotAdmitted::Missed(path) = &reason {
                    self.note.record.missed_inputs.push(path.display().to_string());
                }
                tracing::info!(%reason, output = prepared.remembered.primary(), "a local result stays out of the cache");
                if self.note.record.reason == "miss" {
                    reason.code().clone_into(&mut self.note.record.reason);
                    self.note.record.reason_text = sentence(&reason);
                }
            }
        }
    }
}
