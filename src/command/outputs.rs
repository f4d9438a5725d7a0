//! Which files a compile writes, and under which names.
//!
//! Verified against the compilers by `tests/it/output_names_oracle.rs`. All secondary names are made from the *auxiliary
//! name*: the output without its last suffix, or the source's file name without it where there is no `-o`.

use super::options::{Feature, Named};
use super::{Depfile, Family, Language, LocalOnly, SecondaryKind, SecondaryOutput, Stage};

/// What the options say about outputs, gathered in command-line order.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// Value of the last `-o`.
    pub(super) output: Option<String>,
    /// `-MD` or `-MMD`; true for the latter, which wins in either order.
    pub(super) write_depfile: Option<bool>,
    /// Value of the last `-MF`.
    pub(super) depfile_name: Option<String>,
    /// `-Wp,-MD,F` or `-Wp,-MMD,F`: the file, and whether it was the latter.
    pub(super) inner_depfile: Option<(String, bool)>,
    /// Features in their last state.
    pub(super) on: Vec<Feature>,
    /// Files that options name: the last of each kind.
    pub(super) named: Vec<(Named, String)>,
    /// The format of the optimization record.
    pub(super) record_format: Option<String>,
    /// The name of a precompiled header without `-o`.
    pub(super) header_output: Option<String>,
}

/// All that a compile writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outputs {
    pub(super) primary: String,
    pub(super) depfile: Option<Depfile>,
    pub(super) secondary: Vec<SecondaryOutput>,
}

impl Asked {
    /// Sets a feature to its new state.
    pub(super) fn switch(&mut self, feature: Feature, on: bool) {
        self.on.retain(|other| *other != feature);
        if on {
            self.on.push(feature);
        }
    }

    /// Sets the file of a kind.
    pub(super) fn name(&mut self, kind: Named, path: &str) {
        self.named.retain(|(other, _)| *other != kind);
        self.named.push((kind, path.to_owned()));
    }

    fn has(&self, feature: Feature) -> bool {
        self.on.contains(&feature)
    }

    fn named(&self, kind: Named) -> Option<&String> {
        self.named
            .iter()
            .find(|(named, _)| *named == kind)
            .map(|(_, path)| path)
    }

    /// The files of a compile of `source`.
    pub(super) fn outputs(
        &self,
        family: Family,
        stage: Stage,
        language: Language,
        source: &str,
    ) -> Result<Outputs, LocalOnly> {
        let base = source.rsplit_once('/').map_or(source, |(_, name)| name);
        let aux = cut_suffix(self.output.as_deref().unwrap_or(base));
        let primary = match &self.output {
            Some(output) => writable("-o", output)?,
            None if stage == Stage::PrecompiledHeader => self.header_output.clone().ok_or_else(|| {
                let path = source.to_owned();
                LocalOnly::PchOutput { path }
            })?,
            None => format!("{aux}{}", self.suffix(family, stage)),
        };
        let depfile = self.depfile(language, aux)?;
        let secondary = self.secondary(family, stage, language, aux)?;
        if stage == Stage::PrecompiledHeader && self.output.is_none() && !secondary.is_empty() {
            // They are named as those of a link.
            return Err(LocalOnly::PchOutput {
                path: source.to_owned(),
            });
        }
        let files = secondary
            .iter()
            .map(|file| &file.path)
            .chain(depfile.iter().map(|depfile| &depfile.path));
        let mut all: Vec<&String> = files.chain([&primary]).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        // gcc cuts `.o` of `-o .o` for some names and not for others.
        let hidden = primary
            .rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with('.') && cut_suffix(name).is_empty());
        if all.len() != count || (count > 1 && hidden) {
            return Err(LocalOnly::ExoticOutput {
                option: format!("-o {primary}"),
            });
        }
        Ok(Outputs {
            primary,
            depfile,
            secondary,
        })
    }

    fn suffix(&self, family: Family, stage: Stage) -> &'static str {
        let llvm = family == Family::Clang && self.has(Feature::EmitLlvm);
        match (stage, llvm) {
            (Stage::PrecompiledHeader, _) => "",
            (Stage::Object, false) => ".o",
            (Stage::Assembly, false) => ".s",
            (Stage::Object, true) => ".bc",
            (Stage::Assembly, true) => ".ll",
        }
    }

    /// A depfile exists where directives are evaluated; `-MF` alone asks for none.
    fn depfile(&self, language: Language, aux: &str) -> Result<Option<Depfile>, LocalOnly> {
        let (path, user_headers_only) = match (&self.inner_depfile, self.write_depfile) {
            (Some(_), Some(_)) => return Err(second("-Wp,-MD")),
            (Some(_), None) if self.depfile_name.is_some() => return Err(second("-MF")),
            (Some((path, user)), None) => (path.clone(), *user),
            (None, Some(user)) => (self.depfile_name.clone().unwrap_or_else(|| format!("{aux}.d")), user),
            (None, None) => return Ok(None),
        };
        if !language.is_preprocessed_by_compiler() || path == "/dev/null" {
            return Ok(None);
        }
        Ok(Some(Depfile {
            path: writable("-MF", &path)?,
            user_headers_only,
        }))
    }

    fn secondary(
        &self,
        family: Family,
        stage: Stage,
        language: Language,
        aux: &str,
    ) -> Result<Vec<SecondaryOutput>, LocalOnly> {
        let mut files = Vec::new();
        let mut add = |present: Option<bool>, path: String, kind| {
            let file = present.map(|certain| SecondaryOutput {
                path,
                kind,
                optional: !certain,
            });
            files.extend(file);
        };
        // clang stops before it makes code of a header; gcc goes through all motions.
        let header = stage == Stage::PrecompiledHeader;
        let code = self.writes_code(family).filter(|_| !header || family == Family::Gcc);
        // gcc's driver splits whatever the assembler wrote, debug information or none; clang's compiler does it itself.
        let split = match family {
            Family::Gcc => (stage == Stage::Object).then_some(true),
            Family::Clang => code.filter(|_| self.has(Feature::Debug)),
        };
        let split = split.filter(|_| self.has(Feature::SplitDwarf));
        add(split, format!("{aux}.dwo"), SecondaryKind::SplitDwarf);
        if !language.is_assembler() {
            let coverage =
                (self.has(Feature::Coverage) || self.has(Feature::TestCoverage)) && (!header || family == Family::Gcc);
            let notes = self.named(Named::CoverageNotes).cloned();
            let notes = notes.unwrap_or_else(|| format!("{aux}.gcno"));
            add(coverage.then_some(true), notes, SecondaryKind::CoverageNotes);
            let when = |feature| code.filter(|_| self.has(feature));
            add(
                when(Feature::StackUsage),
                format!("{aux}.su"),
                SecondaryKind::StackUsage,
            );
            add(when(Feature::CallGraph), format!("{aux}.ci"), SecondaryKind::Other);
            let trace = self.has(Feature::TimeTrace).then_some(true);
            add(trace, format!("{aux}.json"), SecondaryKind::Other);
            if let Some(path) = self.optimization_record(aux).filter(|_| !header) {
                add(Some(true), path, SecondaryKind::Other);
            }
        }
        for (named, path) in &self.named {
            let present = match named {
                Named::CompilationDatabase => language != Language::Assembler,
                Named::Prototypes if !matches!(language, Language::C | Language::CPreprocessed) => {
                    return Err(LocalOnly::ExoticOutput {
                        option: format!("-aux-info {path}"),
                    });
                }
                Named::Diagnostics | Named::Prototypes => true,
                Named::CoverageNotes | Named::OptimizationRecord => false,
            };
            add(present.then_some(true), path.clone(), SecondaryKind::Other);
        }
        for file in &files {
            writable("an option", &file.path)?;
        }
        Ok(files)
    }

    /// Whether the compiler gets as far as machine code, which some files describe; `Some(false)`: depends on its version.
    fn writes_code(&self, family: Family) -> Option<bool> {
        let llvm = family == Family::Clang && self.has(Feature::EmitLlvm);
        match family {
            _ if !llvm && !self.has(Feature::Lto) => Some(true),
            Family::Clang if !llvm && self.has(Feature::FatLto) => Some(false),
            Family::Gcc | Family::Clang => None,
        }
    }

    fn optimization_record(&self, aux: &str) -> Option<String> {
        let format = self.record_format.as_deref().unwrap_or("yaml");
        match self.named(Named::OptimizationRecord) {
            Some(path) => Some(path.clone()),
            None if self.has(Feature::OptimizationRecord) => Some(format!("{aux}.opt.{format}")),
            None => None,
        }
    }
}

fn second(option: &str) -> LocalOnly {
    LocalOnly::SecondDepfile {
        option: option.to_owned(),
    }
}

/// The path if it can be an output of an action.
fn writable(option: &str, path: &str) -> Result<String, LocalOnly> {
    match path {
        "-" => Err(LocalOnly::StdoutOutput {
            option: format!("{option} -"),
        }),
        "" => Err(LocalOnly::MissingValue {
            option: option.to_owned(),
        }),
        _ if path.starts_with("/dev/") || path.ends_with('/') => {
            Err(LocalOnly::OutputNotRegular { path: path.to_owned() })
        }
        _ => Ok(path.to_owned()),
    }
}

/// The path without the last suffix of its file name: `d.x/a.b.o` → `d.x/a.b`, `d.x/a` → itself, `.o` → nothing.
fn cut_suffix(path: &str) -> &str {
    let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
    path[name_at..].rfind('.').map_or(path, |dot| &path[..name_at + dot])
}
