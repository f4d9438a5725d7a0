//! One link, run under `strace` and resolved.

use super::project::Project;
use crate::scan_oracle::bench::{MACHINE, Run};
use rewrap::command::link::parse_line;
use rewrap::link::{LinkStep, plan, resolve};
use rewrap::toolchain::Environment;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A command line to compare.
pub(super) struct Link<'a> {
    pub(super) project: &'a Project,
    pub(super) tool: &'a str,
    pub(super) args: Vec<String>,
    pub(super) vars: Vec<(String, String)>,
}

/// What both sides say. Paths are real ones.
pub(super) struct Compared {
    /// How many files we name, without those of the toolchain.
    pub(super) count: usize,
    /// Opened, and not named by us.
    pub(super) missed: Vec<PathBuf>,
    /// Named by us, and not opened.
    pub(super) extra: Vec<PathBuf>,
    /// The linker's words as planned, and as it was run; empty where they hold the name of a temporary response file.
    pub(super) line: Vec<String>,
    pub(super) run: Vec<String>,
}

impl Link<'_> {
    /// Resolves it, runs it, compares.
    pub(super) fn compare(&self) -> Result<Compared, String> {
        let failed = |error: &dyn std::error::Error| format!("{error}: {:?}", self.args);
        let cwd = self.project.path();
        let env = self.environment();
        let tool = Path::new("/usr/bin").join(self.tool);
        let direct = self.tool.contains("ld");
        let identity = (!direct).then(|| MACHINE.toolchains.identify(&tool, tool.as_os_str(), &env));
        let identity = identity.transpose().map_err(|error| failed(&error))?;
        let step = LinkStep {
            driver: identity.as_deref(),
            tool: &tool,
            invoked_as: tool.as_os_str(),
            args: &self.args,
            cwd,
            env: &env,
        };
        let plan = plan(&Run, &step).map_err(|error| failed(&error))?;
        let mut response = |path: &str| fs::read(cwd.join(path)).ok();
        let line = parse_line(plan.flavour, &plan.line, &mut response);
        let line = line.map_err(|reason| format!("{reason:?}: {:?}", plan.line))?;
        let resolved = resolve(&line, &plan, cwd, &env, MACHINE.digests()).map_err(|error| failed(&error))?;
        let facts = plan.facts();
        let toolchain = MACHINE.toolchains.tool(&plan.subject(&step, &facts));
        let (toolchain, _) = toolchain.map_err(|error| failed(&error))?;

        let traced = self.trace(&tool)?;
        let real = |path: &PathBuf| path.canonicalize().expect("a file");
        let ours: BTreeSet<PathBuf> = resolved.scan.files.iter().map(|file| real(&file.path)).collect();
        let responses = ["words.rsp", "nested.rsp", "linker.rsp"].map(|name| cwd.join(name));
        let tools = toolchain.files.iter().map(|file| file.path.clone()).chain(responses);
        let tools: BTreeSet<PathBuf> = tools.collect();
        let missed = traced
            .opened
            .iter()
            .filter(|path| !ours.contains(*path) && !tools.contains(*path));
        let temporary = traced.run.iter().any(|word| word.starts_with("@/tmp"));
        Ok(Compared {
            count: ours.len(),
            missed: missed.cloned().collect(),
            extra: ours.difference(&traced.opened).cloned().collect(),
            line: if temporary { Vec::new() } else { comparable(&plan.line) },
            run: if temporary { Vec::new() } else { comparable(&traced.run) },
        })
    }

    fn environment(&self) -> Environment {
        let own = self
            .vars
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let usual = [("PATH", "/usr/bin:/bin"), ("LC_ALL", "C")];
        let usual = usual.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        usual.into_iter().chain(own).collect()
    }

    fn trace(&self, tool: &Path) -> Result<Traced, String> {
        let cwd = self.project.path();
        let log = tempfile::NamedTempFile::new().expect("temporary file");
        for name in ["out", "out.o", "out.so"] {
            fs::remove_file(cwd.join(name)).ok();
        }
        let output = Command::new("strace")
            .args(["-f", "-qq", "-y", "-s", "65536", "-e", "trace=open,openat,execve", "-o"])
            .arg(log.path())
            .arg(tool)
            .args(&self.args)
            .current_dir(cwd)
            .env_clear()
            .envs(self.environment().iter())
            .stdin(Stdio::null())
            .output()
            .expect("strace");
        if !output.status.success() {
            return Err(format!(
                "{:?} fails: {}",
                self.args,
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        let text = fs::read(log.path()).expect("the trace");
        Ok(Traced::of(&String::from_utf8_lossy(&text), cwd))
    }
}

/// What the processes of a link did.
struct Traced {
    /// Regular files that were opened for reading and are still there, by real path.
    opened: BTreeSet<PathBuf>,
    /// The words of the linker.
    run: Vec<String>,
}

impl Traced {
    fn of(trace: &str, cwd: &Path) -> Self {
        let mut traced = Self {
            opened: BTreeSet::new(),
            run: Vec::new(),
        };
        for line in trace.lines() {
            let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
            let Some((what, rest)) = call.split_once('(') else {
                continue;
            };
            // A call that another thread interrupts is shown in two parts; the first has the arguments.
            let succeeded = rest.contains(") = 0") || rest.contains(") = ") && !rest.contains(") = -1");
            let interrupted = rest.contains("<unfinished");
            let strings = strings(rest);
            match (what, strings.split_first()) {
                ("execve", Some((program, words))) if succeeded || interrupted => {
                    let name = Path::new(program)
                        .file_name()
                        .and_then(OsStr::to_str)
                        .unwrap_or_default();
                    let is_linker = name == "ld" || name.starts_with("ld.") || name == "mold" || name == "ld64.lld";
                    if is_linker && traced.run.is_empty() {
                        traced.run = words.get(1..).unwrap_or_default().to_vec();
                    }
                }
                ("open" | "openat", Some((path, _))) if (succeeded || interrupted) && reads(rest) => {
                    traced.opened.extend(counted(&cwd.join(path)));
                }
                _ => {}
            }
        }
        traced
    }
}

fn reads(rest: &str) -> bool {
    rest.contains("O_RDONLY") && !rest.contains("O_DIRECTORY") || rest.contains("O_RDWR") && !rest.contains("O_CREAT")
}

/// The real path of a regular file that is no matter of the system or of a moment.
fn counted(path: &Path) -> Option<PathBuf> {
    const SYSTEM: [&str; 9] = [
        "/proc",
        "/sys",
        "/dev",
        "/usr/share/locale",
        "/usr/lib/locale",
        "/usr/lib/x86_64-linux-gnu/gconv",
        "/etc/ld.so.cache",
        "/etc/passwd",
        // A library that mold hashes with is set up by it.
        "/etc/ssl/openssl.cnf",
    ];
    let real = path.canonicalize().ok()?;
    let name = real.file_name()?.to_str()?;
    let written = name.starts_with("out") || name.starts_with("cc") && real.parent() == Some(Path::new("/tmp"));
    (real.is_file() && !written && !SYSTEM.iter().any(|dir| real.starts_with(dir))).then_some(real)
}

/// The quoted strings of a call, unescaped.
fn strings(text: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '"' {
            continue;
        }
        let mut string = String::new();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => string.extend(chars.next()),
                _ => string.push(c),
            }
        }
        strings.push(string);
    }
    strings
}

/// Without what is another word each time.
fn comparable(words: &[String]) -> Vec<String> {
    words
        .iter()
        .filter(|word| !word.contains("-fresolution="))
        .cloned()
        .collect()
}
