//! What a compiler states for a language and flags, and the files it consists of under them.

use super::answers::{cc1_program, labelled};
use super::brought;
use super::evidence::Proven;
use super::identify::Identity;
use super::machine::{Answer, Ask, Environment, FileDigests, Question};
use super::parts::Parts;
use super::programs::{find_in_path, interpreters};
use super::search_list::SearchList;
use super::{Toolchain, ToolchainFailure};
use crate::command::{Family, Language};
use crate::digest::Hasher;
use crate::host::fs::PathContext as _;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// What is asked about: a compiler under some flags.
pub(super) struct Subject<'a> {
    pub(super) identity: &'a Identity,
    pub(super) language: Language,
    pub(super) flags: &'a [String],
    pub(super) cwd: &'a Path,
    pub(super) env: &'a Environment,
}

/// Asks everything and puts the toolchain together.
pub(super) fn learn(
    subject: &Subject<'_>,
    ask: &dyn Ask,
    digests: &dyn FileDigests,
) -> Result<Proven<Toolchain>, ToolchainFailure> {
    let mut inquiry = Inquiry {
        subject,
        ask,
        env: subject.env.for_questions().without_header_paths(),
        parts: Parts {
            programs: subject.identity.programs.iter().cloned().collect(),
            ..Parts::default()
        },
    };
    let stated = inquiry.statement()?;
    let said = String::from_utf8_lossy(&stated.stderr);
    let list = SearchList::parse(&stated.stderr).ok_or_else(|| inquiry.unanswered("its search list"))?;
    for dir in list.angled.iter().chain(&list.absent) {
        inquiry.parts.evidence.existence(dir);
    }
    match subject.identity.family {
        Family::Gcc => inquiry.gcc_parts()?,
        Family::Clang => inquiry.clang_parts(&said)?,
    }

    let target = labelled(&said, "Target: ").ok_or_else(|| inquiry.unanswered("its target"))?;
    let include_dirs: Vec<PathBuf> = list.quote.into_iter().chain(list.angled).collect();
    let mut facts = Hasher::new();
    let mut macros: Vec<&[u8]> = stated.stdout.split(|byte| *byte == b'\n').collect();
    macros.sort_unstable();
    let dirs = include_dirs.iter().map(|dir| dir.as_os_str().as_encoded_bytes());
    for part in macros.into_iter().chain([target.as_bytes()]).chain(dirs) {
        facts.update(part);
        facts.update(b"\n");
    }
    inquiry.finish(digests, target.to_owned(), include_dirs, facts)
}

struct Inquiry<'a> {
    subject: &'a Subject<'a>,
    ask: &'a dyn Ask,
    env: Environment,
    parts: Parts,
}

impl Inquiry<'_> {
    fn unanswered(&self, what: &'static str) -> ToolchainFailure {
        ToolchainFailure::NoAnswer {
            driver: self.subject.identity.driver.clone(),
            what,
        }
    }

    fn put(&self, more: &[&str]) -> Result<Answer, ToolchainFailure> {
        let flags = self.subject.flags.iter().map(String::as_str);
        let args: Vec<OsString> = flags.chain(more.iter().copied()).map(OsString::from).collect();
        Ok(self.ask.ask(&Question {
            program: &self.subject.identity.driver,
            invoked_as: &self.subject.identity.invoked_as,
            args: &args,
            cwd: self.subject.cwd,
            env: &self.env,
        })?)
    }

    /// Predefined macros on standard output; search list, target and parts on standard error.
    fn statement(&self) -> Result<Answer, ToolchainFailure> {
        let language = match self.subject.language {
            Language::C | Language::CPreprocessed => Language::C,
            Language::Cxx | Language::CxxPreprocessed => Language::Cxx,
            Language::Assembler | Language::AssemblerWithCpp => Language::AssemblerWithCpp,
        };
        let answer = self.put(&["-v", "-E", "-dM", "-x", language.driver_name(), "/dev/null"])?;
        if !answer.success {
            return Err(self.unanswered("its predefined macros"));
        }
        Ok(answer)
    }

    /// The one line that a `-print-…` option answers; `None` if the driver echoes the bare name, which means that it
    /// found nothing.
    fn printed(&self, option: &str, name: &str) -> Result<Option<PathBuf>, ToolchainFailure> {
        let answer = self.put(&[&format!("{option}{name}")])?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let path = PathBuf::from(text.trim());
        Ok((answer.success && path.as_os_str() != name && !text.trim().is_empty()).then_some(path))
    }

    /// A program that the driver runs: from its own directories, else from PATH.
    fn program(&mut self, name: &str) -> Result<(), ToolchainFailure> {
        let found = self.printed("-print-prog-name=", name)?;
        self.note_earlier_places(name);
        let path = match found {
            Some(path) => Some(self.subject.cwd.join(path)),
            None => find_in_path(OsStr::new(name), &self.env),
        };
        // What a linker that is a script runs is a matter of links.
        let is_linker = matches!(name, "collect2" | "ld");
        if let Some(script) = path.as_ref().filter(|_| !is_linker)
            && !interpreters(script, &self.env)?.is_empty()
        {
            return Err(ToolchainFailure::Script { path: script.clone() });
        }
        self.parts.programs.extend(path);
        Ok(())
    }

    /// The step's own tool directories come before the driver's: a program of this name that appears there is taken.
    fn note_earlier_places(&mut self, name: &str) {
        let flags = self.subject.flags;
        let separate = flags
            .windows(2)
            .filter(|pair| pair[0] == "-B")
            .map(|pair| pair[1].as_str());
        let joined = flags.iter().filter_map(|flag| flag.strip_prefix("-B"));
        for dir in separate.chain(joined).filter(|dir| !dir.is_empty()) {
            let path = self.subject.cwd.join(dir).join(name);
            self.parts.evidence.existence(&path);
        }
        self.parts
            .note_search_paths(Path::new(name), self.subject.cwd, &self.env);
    }

    fn gcc_parts(&mut self) -> Result<(), ToolchainFailure> {
        let compiler = match self.subject.language {
            Language::Cxx | Language::CxxPreprocessed => "cc1plus",
            Language::C | Language::CPreprocessed | Language::Assembler | Language::AssemblerWithCpp => "cc1",
        };
        // `objcopy` splits debug information off.
        for name in [compiler, "as", "objcopy", "collect2", "ld", "lto-wrapper"] {
            self.program(name)?;
        }
        let plugin = self.printed("-print-file-name=", "liblto_plugin.so")?;
        self.parts.programs.extend(plugin);
        let specs = self.printed("-print-file-name=", "specs")?;
        self.parts.plain.extend(specs);
        let flags = self.subject.flags;
        let joined = flags
            .iter()
            .filter_map(|flag| flag.split_once("-specs=").map(|(_, name)| name));
        let separate = flags.windows(2).filter(|pair| pair[0].ends_with("-specs"));
        for name in joined.chain(separate.map(|pair| pair[1].as_str())) {
            let found = self.printed("-print-file-name=", name)?;
            self.brings(self.subject.cwd.join(found.unwrap_or_else(|| PathBuf::from(name))))?;
        }
        Ok(())
    }

    fn clang_parts(&mut self, said: &str) -> Result<(), ToolchainFailure> {
        self.parts.programs.extend(cc1_program(said));
        let flags = self.subject.flags;
        if flags
            .iter()
            .any(|flag| flag == "-fno-integrated-as" || flag == "-no-integrated-as")
        {
            self.program("as")?;
        }
        let configs = said
            .lines()
            .filter_map(|line| line.strip_prefix("Configuration file: "));
        for path in configs {
            self.brings(self.subject.cwd.join(path.trim()))?;
        }
        for label in [
            "System configuration file directory: ",
            "User configuration file directory: ",
        ] {
            if let Some(dir) = labelled(said, label) {
                self.parts.evidence.directory(Path::new(dir));
            }
        }
        if let Some(dir) = self.subject.identity.driver_real.parent() {
            self.parts.evidence.directory(dir);
        }
        // It finds the C++ library by the object file of a gcc installation.
        if let Some(gcc) = labelled(said, "Selected GCC installation: ") {
            let gcc = PathBuf::from(gcc);
            self.parts.evidence.directory(gcc.parent().unwrap_or(&gcc));
            self.parts
                .plain
                .extend([gcc.join("crtbegin.o")].into_iter().filter(|file| file.is_file()));
        }
        let resources = self.put(&["-print-resource-dir"])?;
        let resources = PathBuf::from(String::from_utf8_lossy(&resources.stdout).trim());
        self.parts.evidence.existence(&resources);
        self.parts.plain.extend(default_lists(&resources.join("share")));
        Ok(())
    }

    /// A file with arguments for the compiler.
    fn brings(&mut self, path: PathBuf) -> Result<(), ToolchainFailure> {
        let text = fs::read(&path).at("read", &path)?;
        let text = String::from_utf8_lossy(&text);
        if let Some(word) = brought::unknown(self.subject.identity.family, &text) {
            return Err(ToolchainFailure::Brought { path, word });
        }
        self.parts.plain.insert(path);
        Ok(())
    }

    fn finish(
        self,
        digests: &dyn FileDigests,
        target: String,
        include_dirs: Vec<PathBuf>,
        facts: Hasher,
    ) -> Result<Proven<Toolchain>, ToolchainFailure> {
        let settled = self.parts.settle(&self.env, digests)?;
        let identity = self.subject.identity;
        Ok(Proven {
            value: Toolchain {
                driver: identity.driver.clone(),
                driver_real: identity.driver_real.clone(),
                family: identity.family,
                version: identity.version,
                target,
                files: settled.files,
                facts: facts.finish(),
                include_dirs,
                library_path_matters: settled.library_path_matters,
            },
            evidence: settled.evidence,
        })
    }
}

/// The lists that sanitizers read unasked, `share/*_ignorelist.txt` of the resource directory.
fn default_lists(share: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(share) else {
        return Vec::new();
    };
    let files = entries.flatten().map(|entry| entry.path());
    files
        .filter(|path| path.extension() == Some(OsStr::new("txt")))
        .collect()
}
