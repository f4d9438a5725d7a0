//! The options that make outputs independent of where the compiler runs: they come after the user's own.
//!
//! Written for gcc 12, clang 14 and clang 19, and measured with these; `tests/it/relocation_oracle.rs` repeats it.

use super::ActionRequest;
use super::exactness::Rewritten;
use super::place::{FILLER, PORTABLE_ROOT, ROOT_NAME, inside};
use super::prefix_maps::UserMaps;
use super::reason::PlacedLocally;
use super::words::Words;
use crate::command::{Family, Language, MapKind, Role, SecondaryKind};
use crate::config::PathsMode;

/// What decides the options.
pub(super) struct Recipe<'a> {
    pub(super) request: &'a ActionRequest<'a>,
    pub(super) words: &'a Words,
    pub(super) maps: &'a UserMaps<'a>,
    pub(super) rewritten: Rewritten,
}

impl Recipe<'_> {
    /// Options for a relocated action.
    pub(super) fn for_worker(&self) -> Result<Vec<String>, PlacedLocally> {
        let root = self.request.place.relocated_root();
        // A relative forced include is found in the directory `.`, and that is how its name begins then.
        let forced = format!("./{root}");
        let spelled: &[&str] = match (self.rewritten.any, self.rewritten.forced, self.request.paths) {
            (_, true, _) => &[&root, &forced],
            (true, ..) | (_, _, PathsMode::Portable) => &[&root],
            (false, false, PathsMode::Exact) => &[],
        };
        match self.request.command.family {
            Family::Gcc => {
                let mut options = self.gcc_cwd_maps()?;
                options.extend(self.gcc_maps(spelled)?);
                Ok(options)
            }
            Family::Clang => self.clang(spelled),
        }
    }

    /// Options for the user's command in its own directory that give the bytes of the portable action.
    pub(super) fn for_home(&self) -> Result<Vec<String>, PlacedLocally> {
        let spelled = &[self.request.place.exec_root()];
        match self.request.command.family {
            Family::Gcc => self.gcc_maps(spelled),
            Family::Clang => self.clang(spelled),
        }
    }

    /// The exec root as outputs shall name it.
    fn recorded_root(&self) -> &str {
        match self.request.paths {
            PathsMode::Exact => self.request.place.exec_root(),
            PathsMode::Portable => PORTABLE_ROOT,
        }
    }

    fn recorded_cwd(&self) -> String {
        self.request.place.cwd_below(self.recorded_root())
    }

    /// gcc records `PWD`: `/proc/self/cwd`, or what a sandbox that mounts the input root at `/` puts in its place.
    fn gcc_cwd_maps(&self) -> Result<Vec<String>, PlacedLocally> {
        let cwd = self.maps.apply(MapKind::Debug, &self.recorded_cwd())?;
        let sandboxed = self.request.place.cwd_below(&format!("/{FILLER}/{ROOT_NAME}"));
        [sandboxed.as_str(), "/proc/self/cwd"]
            .iter()
            .map(|old| self.maps.word("-fdebug-prefix-map", old, &cwd))
            .collect()
    }

    /// File maps for `__FILE__` (any of them beats every macro map of the user's), then debug and profile maps, which
    /// beat them for their kinds because they come later.
    fn gcc_maps(&self, spelled: &[&str]) -> Result<Vec<String>, PlacedLocally> {
        self.mapped(
            spelled,
            &[
                ("-ffile-prefix-map", MapKind::Macro),
                ("-fdebug-prefix-map", MapKind::Debug),
                ("-fprofile-prefix-map", MapKind::Profile),
            ],
        )
    }

    /// Maps from each of these spellings of the exec root to what is recorded.
    fn mapped(&self, spelled: &[&str], kinds: &[(&str, MapKind)]) -> Result<Vec<String>, PlacedLocally> {
        let mut options = Vec::new();
        for (option, kind) in kinds {
            for spelled in spelled {
                for (old, new) in self.maps.compose(*kind, spelled, self.recorded_root())? {
                    options.push(self.maps.word(option, &old, &new)?);
                }
            }
        }
        Ok(options)
    }

    /// clang warns about each option that an input of this language does not consume, and that would be an extra line.
    fn clang(&self, spelled: &[&str]) -> Result<Vec<String>, PlacedLocally> {
        let language = self.request.command.language;
        let preprocesses = matches!(language, Language::C | Language::Cxx | Language::AssemblerWithCpp);
        let mut options = Vec::from_iter(self.clang_compilation_dir());
        let mut kinds = vec![("-fdebug-prefix-map", MapKind::Debug)];
        if preprocesses {
            kinds.push(("-fmacro-prefix-map", MapKind::Macro));
            if self.words.one_of(&["-fcoverage-mapping"]).is_some() {
                kinds.push(("-fcoverage-prefix-map", MapKind::Coverage));
            }
        }
        options.extend(self.mapped(spelled, &kinds)?);
        // A macro map also makes clang normalise `__FILE__`, which the user's command does not do without one.
        let has_option = self.request.toolchain.version.0 >= 15;
        let chosen = self
            .words
            .one_of(&["-ffile-reproducible", "-fno-file-reproducible"])
            .is_some();
        if preprocesses && !spelled.is_empty() && has_option && !chosen && !self.maps.any_for_macros() {
            options.push("-fno-file-reproducible".to_owned());
        }
        options.extend(self.clang_recorded_outputs());
        Ok(options)
    }

    /// The user's own compilation directory is recorded as it stands; each kind that has none gets the cwd.
    fn clang_compilation_dir(&self) -> Option<String> {
        let given = |names: &[&str]| {
            let mut dirs = self.request.command.with_role(Role::CompilationDir);
            dirs.any(|arg| names.contains(&arg.name.trim_end_matches('=')))
        };
        let assembles = matches!(self.request.command.language, Language::Assembler);
        let debug = given(&["-ffile-compilation-dir", "-fdebug-compilation-dir"]);
        let coverage = given(&["-ffile-compilation-dir", "-fcoverage-compilation-dir"]) || assembles;
        let option = match (debug, coverage) {
            (false, false) => "-ffile-compilation-dir",
            (false, true) => "-fdebug-compilation-dir",
            (true, false) => "-fcoverage-compilation-dir",
            (true, true) => return None,
        };
        Some(format!("{option}={}", self.recorded_cwd()))
    }

    /// Names of other outputs that clang derives from `-o` and records unmapped.
    fn clang_recorded_outputs(&self) -> Vec<String> {
        let command = self.request.command;
        let mut options = Vec::new();
        let mut cc1 = |words: &[&str]| {
            for word in words {
                options.extend(["-Xclang".to_owned(), (*word).to_owned()]);
            }
        };
        let compiles = !matches!(command.language, Language::Assembler | Language::AssemblerWithCpp);
        if compiles
            && self
                .words
                .one_of(&["--coverage", "-coverage", "-fprofile-arcs"])
                .is_some()
        {
            cc1(&[&format!("-coverage-data-file={}", self.counts_file())]);
        }
        if compiles && self.rewritten.output {
            let dwo = command
                .secondary
                .iter()
                .find(|output| output.kind == SecondaryKind::SplitDwarf);
            if let Some(rest) = dwo.and_then(|dwo| inside(self.request.place.exec_root(), &dwo.path)) {
                cc1(&["-split-dwarf-file", &format!("{}{rest}", self.recorded_root())]);
            }
        }
        options
    }

    /// Where the compiled program will write its coverage counts: beside the primary output, absolute.
    fn counts_file(&self) -> String {
        let output = &self.request.command.output;
        let (dir, name) = output
            .rsplit_once('/')
            .map_or(("", output.as_str()), |(dir, name)| (dir, name));
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let counts = if output.contains('/') {
            format!("{dir}/{stem}.gcda")
        } else {
            format!("{stem}.gcda")
        };
        if counts.starts_with('/') {
            counts
        } else {
            format!("{}/{counts}", self.request.place.cwd())
        }
    }
}
