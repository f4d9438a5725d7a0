//! What a link will run: the driver is asked for the linker's command line, the linker for who it is.

use super::LinkFailure;
use super::linker::{self, Asking, Linker};
use super::shown;
use crate::command::link::{Flavour, without_collect2_words};
use crate::command::response_file;
use crate::command::{Driver, Family};
use crate::toolchain::{Ask, Environment, Identity, ToolSubject, command_lines};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// Variables that make a linker behave otherwise in ways that no option shows.
const DECISIVE: [&str; 5] = ["GNUTARGET", "LDEMULATION", "MOLD_REPRO", "LLD_REPRODUCE", "LLD_VERSION"];

/// Plugins that read nothing by themselves: those of gcc and LLVM for link-time optimisation.
const PLUGINS: [&str; 2] = ["liblto_plugin", "LLVMgold"];

/// A link as it was called.
#[derive(Clone, Copy, Debug)]
pub struct LinkStep<'a> {
    /// The compiler driver; `None` if a linker is called itself.
    pub driver: Option<&'a Identity>,
    /// What is called; absolute, links not resolved.
    pub tool: &'a Path,
    /// Its `argv[0]`.
    pub invoked_as: &'a OsStr,
    /// The user's words after it.
    pub args: &'a [String],
    /// Where.
    pub cwd: &'a Path,
    /// The step's, with our own directories taken out of PATH.
    pub env: &'a Environment,
}

/// What the link will run, and with which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkPlan {
    /// The linker's words, without its name. Response files that the driver does not read itself are still in it.
    pub line: Vec<String>,
    /// Whose options these are.
    pub flavour: Flavour,
    /// The compiler driver that was called, if one was.
    pub driver: Option<Family>,
    /// The linker itself, absolute.
    pub linker: PathBuf,
    /// What it says about its version.
    pub version_text: String,
    /// The version of what was called: the driver's or the linker's.
    pub version: (u32, u32, u32),
    /// The driver's target; empty for a linker called itself.
    pub target: String,
    /// Where the linker looks after the directories of the command line; `=` at the beginning stands for the sysroot.
    pub search_dirs: Vec<String>,
    /// Everything that may be run or loaded, absolute.
    pub programs: Vec<PathBuf>,
    /// Files that the driver reads unasked, absolute.
    pub plain: Vec<PathBuf>,
    /// Directories whose listing decides what the driver takes, absolute.
    pub directories: Vec<PathBuf>,
    /// Names whose appearing would change what is run, absolute.
    pub names: Vec<PathBuf>,
    /// Words of the line that the driver added.
    pub(super) added: BTreeSet<String>,
}

impl LinkPlan {
    /// What the toolchain of the step is made of.
    pub fn facts(&self) -> Vec<u8> {
        let flavour = format!("{:?}", self.flavour);
        let texts = [flavour.as_str(), &self.version_text].into_iter();
        let dirs = self.search_dirs.iter().map(String::as_str);
        texts.chain(dirs).collect::<Vec<_>>().join("\n").into_bytes()
    }

    /// The question to [`Toolchains::tool`](crate::toolchain::Toolchains::tool); `facts` are [`LinkPlan::facts`].
    pub fn subject<'a>(&'a self, step: &LinkStep<'a>, facts: &'a [u8]) -> ToolSubject<'a> {
        let project = match self.flavour {
            Flavour::Lld => Family::Clang,
            Flavour::Bfd | Flavour::Gold | Flavour::Mold => Family::Gcc,
        };
        ToolSubject {
            driver: step.tool,
            invoked_as: step.invoked_as,
            family: self.driver.unwrap_or(project),
            version: self.version,
            target: &self.target,
            programs: &self.programs,
            plain: &self.plain,
            directories: &self.directories,
            names: &self.names,
            facts,
            env: step.env,
        }
    }
}

/// Asks driver and linker.
pub fn plan(ask: &dyn Ask, step: &LinkStep<'_>) -> Result<LinkPlan, LinkFailure> {
    if let Some(name) = DECISIVE.iter().find(|name| step.env.get(name).is_some()) {
        return Err(LinkFailure::Variable { name });
    }
    let args = expanded(step)?;
    let mut planning = Planning {
        step,
        args: &args,
        ask,
        env: step.env.for_questions(),
        programs: BTreeSet::from([step.tool.to_owned()]),
        plain: BTreeSet::new(),
        directories: BTreeSet::new(),
        names: BTreeSet::new(),
    };
    let (linker, line) = match step.driver {
        None => (
            linker::identify(step.tool, step.invoked_as, planning.asking())?,
            step.args.to_vec(),
        ),
        Some(driver) => planning.by_driver(driver)?,
    };
    planning.plugins(&line)?;
    let search_dirs = linker::search_dirs(&linker, &line, planning.asking())?;
    planning.programs.insert(linker.path.clone());
    let given: BTreeSet<&String> = args.iter().collect();
    let version = linker::version_numbers(&linker.version_text);
    Ok(LinkPlan {
        added: line.iter().filter(|word| !given.contains(word)).cloned().collect(),
        line,
        flavour: linker.flavour,
        driver: step.driver.map(|driver| driver.family),
        version_text: linker.version_text,
        version: step.driver.map_or(version, |driver| driver.version),
        target: step.driver.map_or_else(String::new, |driver| driver.target.clone()),
        linker: linker.path,
        search_dirs,
        programs: planning.programs.into_iter().collect(),
        plain: planning.plain.into_iter().collect(),
        directories: planning.directories.into_iter().collect(),
        names: planning.names.into_iter().collect(),
    })
}

/// The words with response files of the driver expanded: gcc would show the name of a temporary one.
fn expanded(step: &LinkStep<'_>) -> Result<Vec<String>, LinkFailure> {
    let Some(driver) = step.driver else {
        return Ok(step.args.to_vec());
    };
    let driver = Driver {
        family: driver.family,
        cxx: driver.cxx,
        version: driver.version,
    };
    let no_line = || LinkFailure::NoLine {
        driver: step.tool.to_owned(),
    };
    // A pipe can be read only once, and that is the tool's: neither we nor a driver that is only asked may open it.
    let mut is_pipe = false;
    let mut read = |path: &str| {
        let path = step.cwd.join(path);
        match fs::metadata(&path) {
            Ok(found) if !found.is_file() => {
                is_pipe = true;
                None
            }
            // One that cannot be read stays the word that it is.
            _ => fs::read(&path).ok(),
        }
    };
    let expanded = response_file::expand(&driver, step.args, &mut read).map_err(|_| no_line())?;
    if is_pipe {
        return Err(no_line());
    }
    Ok(expanded.args)
}

pub(super) struct Planning<'a> {
    pub(super) step: &'a LinkStep<'a>,
    /// The user's words, response files expanded.
    pub(super) args: &'a [String],
    ask: &'a dyn Ask,
    pub(super) env: Environment,
    pub(super) programs: BTreeSet<PathBuf>,
    pub(super) plain: BTreeSet<PathBuf>,
    pub(super) directories: BTreeSet<PathBuf>,
    pub(super) names: BTreeSet<PathBuf>,
}

impl Planning<'_> {
    pub(super) fn asking(&self) -> Asking<'_> {
        Asking {
            ask: self.ask,
            cwd: self.step.cwd,
            env: &self.env,
        }
    }

    pub(super) fn no_line(&self) -> LinkFailure {
        LinkFailure::NoLine {
            driver: self.step.tool.to_owned(),
        }
    }

    fn by_driver(&mut self, driver: &Identity) -> Result<(Linker, Vec<String>), LinkFailure> {
        // Lines of the answer could not be told apart.
        if self.args.iter().any(|arg| arg.contains('\n')) {
            return Err(self.no_line());
        }
        self.programs.extend(driver.programs().iter().cloned());
        let before: &[&str] = match driver.family {
            Family::Gcc => &["-###"],
            Family::Clang => &["-v", "-###"],
        };
        let args: Vec<&str> = before
            .iter()
            .copied()
            .chain(self.args.iter().map(String::as_str))
            .collect();
        let answer = self.asking().put(self.step.tool, self.step.invoked_as, &args)?;
        let said = String::from_utf8_lossy(&answer.stderr).into_owned();
        if !answer.success {
            return Err(self.no_line());
        }
        let mut commands = command_lines(&said);
        let (Some(words), true) = (commands.pop(), commands.is_empty()) else {
            return Err(self.no_line());
        };
        let (program, line) = words.split_first().ok_or_else(|| self.no_line())?;
        self.tool_dirs();
        match driver.family {
            Family::Gcc => {
                let linker = self.behind_collect2(Path::new(program), line, &said)?;
                self.gcc_parts(line, &said)?;
                self.gcc_library_dirs()?;
                Ok((linker, without_collect2_words(line)))
            }
            Family::Clang => {
                let path = self.step.cwd.join(program);
                let linker = linker::identify(&path, path.as_os_str(), self.asking())?;
                self.clang_parts(&said, &linker);
                Ok((linker, line.to_vec()))
            }
        }
    }

    /// Programs come from these directories first.
    fn tool_dirs(&mut self) {
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            let dir = match arg.strip_prefix("-B") {
                Some("") => args.next().map(String::as_str),
                dir => dir,
            };
            if let Some(dir) = dir.filter(|_| !arg.starts_with("-Bstatic") && !arg.starts_with("-Bdynamic")) {
                let dir = self.step.cwd.join(dir);
                for name in [
                    "ld", "ld.bfd", "ld.gold", "ld.lld", "ld.mold", "lld", "mold", "collect2", "as",
                ] {
                    self.names.insert(dir.join(name));
                }
                self.names.insert(dir);
            }
        }
    }

    /// collect2 looks for the linker itself. Asked with two words of the line it says what it would run.
    fn behind_collect2(&mut self, collect2: &Path, line: &[String], said: &str) -> Result<Linker, LinkFailure> {
        let own = self.env.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let shown = shown::variables(said).map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let env: Environment = own.chain(shown).collect();
        self.programs.insert(self.step.cwd.join(collect2));
        let selected: Vec<&str> = line
            .iter()
            .filter(|word| word.starts_with("-fuse-ld="))
            .map(String::as_str)
            .collect();
        let args = [&["-v"], selected.as_slice(), &["--version"]].concat();
        let asking = Asking {
            env: &env,
            ..self.asking()
        };
        let answer = asking.put(collect2, collect2.as_os_str(), &args)?;
        let run = String::from_utf8_lossy(&answer.stderr);
        let path = run.lines().find_map(|line| line.strip_suffix(" -v --version"));
        let path = self.step.cwd.join(path.ok_or_else(|| self.no_line())?);
        let version = String::from_utf8_lossy(&answer.stdout);
        let linker =
            linker::of_version(&path, &version).ok_or_else(|| LinkFailure::UnknownLinker { path: path.clone() })?;
        let dirs = env
            .get("COMPILER_PATH")
            .map(std::env::split_paths)
            .into_iter()
            .flatten();
        for dir in dirs.map(|dir| self.step.cwd.join(dir)) {
            let name = linker.path.file_name().unwrap_or_default();
            for name in [OsStr::new("real-ld"), OsStr::new("collect-ld"), name] {
                self.names.insert(dir.join(name));
            }
        }
        Ok(linker)
    }

    /// Plugins that the linker loads, and the program that gcc's runs.
    fn plugins(&mut self, line: &[String]) -> Result<(), LinkFailure> {
        let mut words = line.iter();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or("");
            let plugin = match name.strip_prefix("plugin") {
                Some("") => words.next().map(String::as_str),
                Some(rest) => rest.strip_prefix('='),
                None => None,
            };
            if let Some(plugin) = plugin {
                let path = self.step.cwd.join(plugin);
                let file = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
                if !PLUGINS.iter().any(|known| file.starts_with(known)) {
                    return Err(LinkFailure::Plugin { path });
                }
                self.programs.insert(path);
            } else if let Some(program) = name.strip_prefix("plugin-opt=/") {
                self.programs.insert(Path::new("/").join(program));
            }
        }
        Ok(())
    }
}
