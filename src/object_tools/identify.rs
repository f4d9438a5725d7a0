//! Who answers behind an archiver's or object tool's name. Each is asked for its version and its help: the one tells
//! whose it is, the other whether it leaves times and owners out of archives.

use super::plugins::{Plugins, plugins_of};
use super::{ObjectToolFailure, Parsed, Program};
use crate::command::archive::{self, ArchiveName, ArchiveTool};
use crate::command::object_tool::{self, ObjectTool, ObjectToolName};
use crate::command::response_file::ReadResponse;
use crate::command::{LocalOnly, Suite};
use crate::digest::Digest;
use crate::host::fs::PathContext;
use crate::toolchain::{Ask, Environment, FileDigests, Ground, Question, ToolSubject, Toolchain, Toolchains};
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How many different tools are remembered; a build has a handful.
const LIMIT: usize = 256;

/// A tool that was asked who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolIdentity {
    /// Absolute, as invoked: symlinks not resolved.
    pub tool: PathBuf,
    /// `argv[0]` that it is called with.
    pub invoked_as: OsString,
    /// Whose it is.
    pub suite: Suite,
    /// Which program.
    pub program: Program,
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
    /// Whether it leaves times and owners out of archives unless told otherwise.
    pub deterministic_default: bool,
    /// What it says of itself.
    version_text: String,
    /// `gcc-ar`: the archiver that it runs.
    behind: Option<PathBuf>,
    /// `gcc-ar`: the plugin that it hands on.
    plugin: Option<PathBuf>,
}

/// The tools of this machine, as they are met.
pub struct ObjectTools {
    ask: Arc<dyn Ask>,
    digests: Arc<dyn FileDigests>,
    known: Mutex<HashMap<Met, Arc<ToolIdentity>>>,
}

/// One program under one name: what it answers follows from that.
#[derive(PartialEq, Eq, Hash)]
struct Met {
    tool: PathBuf,
    invoked_as: OsString,
    content: Digest,
}

impl ObjectTools {
    /// Nothing known yet.
    pub fn new(ask: Arc<dyn Ask>, digests: Arc<dyn FileDigests>) -> Self {
        Self {
            ask,
            digests,
            known: Mutex::default(),
        }
    }

    /// Who answers behind `tool`, an absolute path that is called with `invoked_as` as its `argv[0]`. `env` is the
    /// step's, with our own directories already taken out of PATH.
    pub fn identify(
        &self,
        tool: &Path,
        invoked_as: &OsStr,
        env: &Environment,
    ) -> Result<Arc<ToolIdentity>, ObjectToolFailure> {
        let met = Met {
            tool: tool.to_owned(),
            invoked_as: invoked_as.to_owned(),
            content: self.digests.digest(tool)?,
        };
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = known().get(&met) {
            return Ok(Arc::clone(identity));
        }
        let identity = Arc::new(identify(&*self.ask, tool, invoked_as, env)?);
        // One that runs another tool is asked every time: which one it runs does not follow from its own content.
        if identity.behind.is_none() {
            let mut known = known();
            if known.len() >= LIMIT {
                known.clear();
            }
            known.insert(met, Arc::clone(&identity));
        }
        Ok(identity)
    }
}

impl ToolIdentity {
    /// Understands arguments of this tool (without `argv[0]`).
    pub fn parse(&self, args: &[String], read: &mut ReadResponse<'_>) -> Result<Parsed, LocalOnly> {
        let archiver = |name| ArchiveTool {
            suite: self.suite,
            name,
            deterministic_default: self.deterministic_default,
        };
        let object = |name| ObjectTool {
            suite: self.suite,
            name,
            major: self.version.0,
            deterministic_default: self.deterministic_default,
        };
        match self.program {
            Program::Ar => archive::parse(archiver(ArchiveName::Ar), args, read).map(Parsed::Archive),
            Program::Ranlib => archive::parse(archiver(ArchiveName::Ranlib), args, read).map(Parsed::Archive),
            Program::Strip => object_tool::parse(object(ObjectToolName::Strip), args, read).map(Parsed::Object),
            Program::Objcopy => object_tool::parse(object(ObjectToolName::Objcopy), args, read).map(Parsed::Object),
            Program::Dwp => object_tool::parse(object(ObjectToolName::Dwp), args, read).map(Parsed::Object),
        }
    }

    /// Everything that the tool consists of in a step, the plugins that it loads included.
    pub fn toolchain(
        &self,
        parsed: &Parsed,
        cwd: &Path,
        env: &Environment,
        toolchains: &Toolchains,
    ) -> Result<(Arc<Toolchain>, Ground), ObjectToolFailure> {
        let named = match parsed {
            Parsed::Archive(archive) => archive.plugin.as_ref().map(|path| cwd.join(path)),
            Parsed::Object(_) => None,
        };
        let named = named.or_else(|| self.plugin.clone());
        let plugins = match named {
            Some(plugin) => Plugins {
                files: vec![plugin],
                directories: Vec::new(),
            },
            None if self.suite == Suite::Gnu && self.program != Program::Dwp => plugins_of(&self.tool)?,
            None => Plugins::default(),
        };
        let mut programs = plugins.files;
        programs.extend(self.behind.clone());
        let mut facts = self.version_text.clone();
        if self.deterministic_default {
            facts.push_str("\nD");
        }
        Ok(toolchains.tool(&ToolSubject {
            driver: &self.tool,
            invoked_as: &self.invoked_as,
            family: self.suite.family(),
            version: self.version,
            target: "",
            programs: &programs,
            plain: &[],
            directories: &plugins.directories,
            names: &[],
            facts: facts.as_bytes(),
            env,
        })?)
    }
}

fn identify(
    ask: &dyn Ask,
    tool: &Path,
    invoked_as: &OsStr,
    env: &Environment,
) -> Result<ToolIdentity, ObjectToolFailure> {
    let env = env.for_questions();
    let unknown = || ObjectToolFailure::UnknownTool { tool: tool.to_owned() };
    let put = |args: &[OsString]| -> Result<String, ObjectToolFailure> {
        let answer = ask.ask(&Question {
            program: tool,
            invoked_as,
            args,
            cwd: Path::new("/"),
            env: &env,
        })?;
        let text = if answer.success { answer.stdout } else { Vec::new() };
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    // A script may run anything.
    if !is_elf(tool)? {
        return Err(unknown());
    }
    let version_text = put(&["--version".into()])?;
    let help = put(&["--help".into()])?;
    let name = Path::new(invoked_as)
        .file_name()
        .and_then(OsStr::to_str)
        .unwrap_or_default();
    let (suite, program) = who(name, &version_text, &help).ok_or_else(unknown)?;
    let version = version(&version_text).ok_or_else(unknown)?;
    let mut identity = ToolIdentity {
        tool: tool.to_owned(),
        invoked_as: invoked_as.to_owned(),
        suite,
        program,
        version,
        deterministic_default: deterministic_default(suite, program, &help),
        version_text,
        behind: None,
        plugin: None,
    };
    // GNU's call themselves as they were called: another name is that of a program that another one runs.
    let is_called_so = |shown: &str| OsStr::new(shown) == invoked_as || Path::new(shown) == tool;
    if let Some(shown) = usage_name(&help).filter(|shown| suite == Suite::Gnu && !is_called_so(shown)) {
        if !Path::new(shown).is_absolute() || !(name.contains("gcc-ar") || name.contains("gcc-ranlib")) {
            return Err(unknown());
        }
        identity.behind = Some(PathBuf::from(shown));
        identity.plugin = plugin_handed_on(program, &put).map_err(|_| unknown())?;
    }
    Ok(identity)
}

/// Which plugin `gcc-ar` hands to its archiver: `-B` makes it run another one, which says what it is given.
fn plugin_handed_on(
    program: Program,
    put: &dyn Fn(&[OsString]) -> Result<String, ObjectToolFailure>,
) -> Result<Option<PathBuf>, ObjectToolFailure> {
    const LAST: &str = "rewrap";
    let place = std::env::temp_dir();
    let dir = tempfile::Builder::new()
        .prefix("rewrap-")
        .tempdir()
        .at("create a directory in", &place)?;
    let stand_in = dir.path().join(program.name());
    std::os::unix::fs::symlink("/bin/echo", &stand_in).at("create", &stand_in)?;
    let mut option = OsString::from("-B");
    option.push(dir.path());
    option.push("/");
    let said = put(&[option, LAST.into()])?;
    let said = said.trim_end();
    let rest = said.strip_suffix(LAST).map(|rest| rest.trim_end_matches([' ', '-']));
    match rest {
        Some("") => Ok(None),
        Some(rest) => match rest.strip_prefix("--plugin ").map(PathBuf::from) {
            Some(path) if path.is_absolute() => Ok(Some(path)),
            _ => Err(ObjectToolFailure::UnknownTool { tool: stand_in }),
        },
        None => Err(ObjectToolFailure::UnknownTool { tool: stand_in }),
    }
}

fn is_elf(tool: &Path) -> Result<bool, ObjectToolFailure> {
    Ok(super::inputs::head(tool)?.starts_with(b"\x7fELF"))
}

/// The suite and the program, if all that is said agrees.
fn who(name: &str, version_text: &str, help: &str) -> Option<(Suite, Program)> {
    let first = version_text.lines().next().unwrap_or_default();
    if let Some(rest) = first.strip_prefix("GNU ") {
        let program = Program::ALL.into_iter().find(|program| {
            rest.strip_prefix(program.name())
                .is_some_and(|rest| rest.starts_with(' '))
        })?;
        return Some((Suite::Gnu, program));
    }
    if !version_text.contains("LLVM version ") {
        return None;
    }
    let overview = help.lines().find_map(|line| line.strip_prefix("OVERVIEW: "))?;
    let program = match overview.trim().to_ascii_lowercase().as_str() {
        text if text.starts_with("llvm archiver") => Program::Ar,
        text if text.starts_with("llvm ranlib") => Program::Ranlib,
        "llvm-strip tool" => Program::Strip,
        "llvm-objcopy tool" => Program::Objcopy,
        "merge split dwarf (.dwo) files" => Program::Dwp,
        _ => return None,
    };
    // One file with several names looks at the name that it is called by; so do we, to be sure.
    name.contains(program.name()).then_some((Suite::Llvm, program))
}

/// The first number with dots behind the suite's name.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let line = text
        .lines()
        .find(|line| line.starts_with("GNU ") || line.contains("LLVM version "))?;
    let word = match line.split_once("LLVM version ") {
        Some((_, rest)) => rest.split_whitespace().next()?,
        None => line.split_whitespace().next_back()?,
    };
    let mut numbers = word
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let version = (next(), next(), next());
    (version.0 > 0).then_some(version)
}

/// GNU's say which of `D` and `U` is their default; LLVM's have always left times out.
fn deterministic_default(suite: Suite, program: Program, help: &str) -> bool {
    let marked = |line: &str| line.trim_end().ends_with("(default)");
    let mut lines = help.lines().map(str::trim_start);
    match (suite, program) {
        (Suite::Llvm, _) | (_, Program::Dwp) => true,
        (Suite::Gnu, Program::Ar) => lines.any(|line| line.starts_with("[D]") && marked(line)),
        (Suite::Gnu, Program::Ranlib) => lines.any(|line| line.starts_with("-D ") && marked(line)),
        (Suite::Gnu, Program::Strip | Program::Objcopy) => {
            let mut lines = lines.skip_while(|line| !line.starts_with("-D "));
            lines.next().is_some_and(marked) || lines.next().is_some_and(marked)
        }
    }
}

/// Who calls for help: `Usage: NAME …`.
fn usage_name(help: &str) -> Option<&str> {
    let line = help.lines().find_map(|line| line.strip_prefix("Usage: "))?;
    line.split_whitespace().next()
}

#[cfg(test)]
mod words {
    use super::*;

    #[test]
    fn versions_are_read_as_distributions_write_them() {
        let check = |text: &str, expected| assert_eq!(version(text), expected, "{text}");
        check("GNU ar (GNU Binutils for Debian) 2.40\nCopyright", Some((2, 40, 0)));
        check("GNU strip version 2.35.2-42.el9", Some((2, 35, 2)));
        check("Debian LLVM version 19.1.7\n  Optimized build.", Some((19, 1, 7)));
        check("LLVM (http://llvm.org/):\n  LLVM version 15.0.0git\n", Some((15, 0, 0)));
        check("ar (elfutils) 0.188", None);
    }

    #[test]
    fn the_default_is_what_the_help_says() {
        let ar = "  [D]          - use zero for timestamps and uids/gids (default)\n  [U]          - use actual\n";
        let other = "  [D]          - use zero for timestamps and uids/gids\n  [U]          - use actual (default)\n";
        assert!(deterministic_default(Suite::Gnu, Program::Ar, ar));
        assert!(!deterministic_default(Suite::Gnu, Program::Ar, other));
        let strip = "  -D --enable\n      Produce deterministic output when stripping archives\n  -U --disable\n";
        assert!(!deterministic_default(Suite::Gnu, Program::Strip, strip));
    }
}
