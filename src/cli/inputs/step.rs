//! A command as the wrapper would send it.

use crate::pb::wire::{StepRequest, Variable};
use crate::pipeline::Pipeline;
use crate::report::inputs::{Decision, InputsReport, Micros, Why};
use crate::wire::view::InodeId;
use crate::wrapper::invocation::{self, Invocation, NoTool};
use crate::wrapper::search::Search;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// The wrapper's name before a tool.
const LAUNCHER: &str = "rewrap-cc";

/// A command and where it runs.
#[derive(Debug)]
pub(super) struct Step {
    /// Absolute.
    directory: PathBuf,
    /// The value of `PWD` there, if it is not that of our own.
    pwd: Option<OsString>,
    words: Vec<OsString>,
}

impl Step {
    pub(super) fn new(directory: &Path, pwd: Option<OsString>, words: Vec<OsString>) -> Self {
        Self {
            directory: directory.to_owned(),
            pwd,
            words,
        }
    }

    /// What it reads and writes, with these variables besides those of this process.
    pub(super) fn explain(&self, pipeline: &Pipeline, variables: &[(OsString, OsString)]) -> InputsReport {
        match self.invocation() {
            Ok(invocation) => pipeline.explain_inputs(&self.request(invocation, variables)),
            Err(no_tool) => self.without_tool(&no_tool),
        }
    }

    /// The tool, as the launcher form of the wrapper finds it.
    fn invocation(&self) -> Result<Invocation, NoTool> {
        let mut words = self.words.clone();
        let first = words.first().cloned().unwrap_or_default();
        let in_directory = self.directory.join(&first).into_os_string();
        if first.as_bytes().contains(&b'/')
            && let Some(word) = words.first_mut()
        {
            word.clone_from(&in_directory);
        }
        let given = words.len();
        let search = Search::new(std::env::var_os("PATH"), None);
        let variable = |name: &str| std::env::var_os(name);
        let mut invocation = invocation::resolve(OsStr::new(LAUNCHER), words, &search, &variable)?;
        // Every word an argument: the first one names no program, and the wrapper would stand for `cc`.
        if invocation.args.len() >= given {
            return Err(NoTool::NotFound(first));
        }
        if invocation.invoked_as == in_directory {
            invocation.invoked_as = first;
        }
        Ok(invocation)
    }

    fn request(&self, invocation: Invocation, variables: &[(OsString, OsString)]) -> StepRequest {
        let real = self.directory.canonicalize().unwrap_or_else(|_| self.directory.clone());
        // A directory that is not there is the compiler's to complain about.
        let (cwd_device, cwd_inode) = InodeId::of(&real).map_or((0, 0), |id| (id.device, id.inode));
        let pwd = self.pwd.iter().map(|pwd| ("PWD".into(), pwd.clone()));
        let env = std::env::vars_os().chain(variables.iter().cloned()).chain(pwd);
        let variable = |(name, value): (OsString, OsString)| Variable {
            name: name.into_vec(),
            value: value.into_vec(),
        };
        let words = invocation.args.into_iter().map(OsString::into_vec);
        StepRequest {
            tool: invocation.tool.into_os_string().into_vec(),
            invoked_as: invocation.invoked_as.into_vec(),
            args: words.collect(),
            cwd: real.into_os_string().into_vec(),
            env: env.map(variable).collect(),
            pid: std::process::id(),
            cwd_device,
            cwd_inode,
            ..StepRequest::default()
        }
    }

    fn without_tool(&self, no_tool: &NoTool) -> InputsReport {
        let why = Why {
            code: "no_tool".to_owned(),
            text: no_tool.to_string(),
        };
        InputsReport {
            kind: "other".to_owned(),
            source: String::new(),
            output: String::new(),
            tool: self
                .words
                .first()
                .map_or_else(String::new, |word| word.to_string_lossy().into_owned()),
            cwd: self.directory.to_string_lossy().into_owned(),
            exec_root: String::new(),
            decision: Decision::Undecided(why),
            action_digest: None,
            inputs: Vec::new(),
            directories: Vec::new(),
            symlinks: Vec::new(),
            looked_for: Vec::new(),
            absent_directories: Vec::new(),
            passed_over: Vec::new(),
            toolchain: Vec::new(),
            outputs: Vec::new(),
            micros: Micros::default(),
        }
    }
}
