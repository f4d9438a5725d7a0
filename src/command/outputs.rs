//! Which files a compile writes, and under which names.
//!
//! Verified against the compilers by `tests/it/output_names_oracle.rs`. All secondary names are made from the *auxiliary
//! name*: the output without its last suffix, or the source's file name without it where there is no `-o`; gcc has
//! options to name it otherwise. Only clang's intermediate files are named by the source.

use super::options::{Feature, Named};
use super::{Depfile, Family, Language, LocalOnly, SecondaryKind, SecondaryOutput, Stage};
use std::collections::BTreeSet;

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
    /// `-save-temps`; whether beside the output rather than in the cwd.
    pub(super) save_temps: Option<bool>,
    /// Files of the compiler's dumps.
    pub(super) dumps: BTreeSet<String>,
    /// Files of the assembler's listings.
    pub(super) listings: BTreeSet<String>,
}

/// What is compiled.
#[derive(Clone, Copy)]
struct Compile<'a> {
    family: Family,
    stage: Stage,
    language: Language,
    source: &'a str,
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

    pub(super) fn named(&self, kind: Named) -> Option<&String> {
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
        let base = file_name(source);
        let aux = cut_suffix(self.output.as_deref().unwrap_or(base));
        let primary = match &self.output {
            Some(output) => writable("-o", output)?,
            None if stage == Stage::PrecompiledHeader => self.header_output.clone().ok_or_else(|| {
                let path = source.to_owned();
                LocalOnly::PchOutput { path }
            })?,
            None => format!("{aux}{}", self.suffix(family, stage)),
        };
        let depfile = self.depfile(language, &self.depfile_stem(aux, base)?)?;
        let compile = Compile {
            family,
            stage,
            language,
            source,
        };
        let names = self.auxiliary(&compile)?;
        let mut secondary = self.secondary(&compile, &names)?;
        secondary.extend(self.intermediate(&compile, &names)?);
        if stage == Stage::PrecompiledHeader
            && (self.output.is_none() || self.save_temps.is_some())
            && !secondary.is_empty()
        {
            // They are named as those of a link.
            return Err(LocalOnly::PchOutput {
                path: source.to_owned(),
            });
        }
        for file in &secondary {
            writable("an option", &file.path)?;
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
            // There is an output by name, or no Action.
            (Stage::Preprocess, _) => ".i",
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

    /// The stem of a depfile that no option names: gcc's dump options have a part in it only where there is no `-o`.
    fn depfile_stem(&self, aux: &str, base: &str) -> Result<String, LocalOnly> {
        match self.output {
            Some(_) => Ok(aux.to_owned()),
            None => self.gcc_auxiliary(base),
        }
    }

    /// The auxiliary name.
    fn auxiliary(&self, compile: &Compile<'_>) -> Result<String, LocalOnly> {
        let base = file_name(compile.source);
        match compile.family {
            Family::Gcc => self.gcc_auxiliary(base),
            Family::Clang => Ok(cut_suffix(self.output.as_deref().unwrap_or(base)).to_owned()),
        }
    }

    /// gcc's rules: a directory (a text in front, really) and a stem, each of which has an option.
    fn gcc_auxiliary(&self, base: &str) -> Result<String, LocalOnly> {
        let exotic = |option: &str| LocalOnly::ExoticOutput {
            option: option.to_owned(),
        };
        let output = self.output.as_deref();
        let extension = self.named(Named::DumpExtension).map(String::as_str);
        let stem = match (self.named(Named::DumpBase), extension) {
            (Some(stem), _) if stem.is_empty() || stem.ends_with('/') => return Err(exotic("-dumpbase")),
            (None, Some(_)) => return Err(exotic("-dumpbase-ext")),
            (Some(stem), extension) => {
                let short = stem.strip_suffix(extension.unwrap_or_default());
                short.filter(|short| !short.is_empty()).unwrap_or(stem)
            }
            (None, None) => cut_suffix(output.map_or(base, file_name)),
        };
        if stem.contains('/') {
            return Ok(stem.to_owned());
        }
        let front = match (self.named(Named::DumpDirectory), self.save_temps) {
            (Some(_), Some(false)) => return Err(exotic("-dumpdir")),
            (Some(front), _) => front,
            (None, Some(false)) => "",
            (None, _) => output.map_or("", |output| &output[..output.len() - file_name(output).len()]),
        };
        Ok(format!("{front}{stem}"))
    }

    fn secondary(&self, compile: &Compile<'_>, aux: &str) -> Result<Vec<SecondaryOutput>, LocalOnly> {
        let Compile {
            family,
            stage,
            language,
            ..
        } = *compile;
        if stage == Stage::Preprocess && self.has(Feature::ModuleDependencies) {
            return Err(LocalOnly::ExoticOutput {
                option: "-fdeps-format=".to_owned(),
            });
        }
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
            _ if stage == Stage::Preprocess => None,
            Family::Gcc => (stage == Stage::Object).then_some(true),
            Family::Clang => code.filter(|_| self.has(Feature::Debug)),
        };
        let split = split.filter(|_| self.has(Feature::SplitDwarf));
        add(split, format!("{aux}.dwo"), SecondaryKind::SplitDwarf);
        if !language.is_assembler() && stage != Stage::Preprocess {
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
            let dependencies = self.has(Feature::ModuleDependencies).then_some(true);
            add(dependencies, format!("{aux}.ddi"), SecondaryKind::Other);
            if let Some((path, kind)) = self.optimization_record(compile, aux)?.filter(|_| !header) {
                add(Some(true), path, kind);
            }
            for dump in &self.dumps {
                add(Some(false), dump.clone(), SecondaryKind::Dump);
            }
        }
        let traces = !language.is_assembler() || stage == Stage::Preprocess;
        if self.has(Feature::TimeTrace) && traces && self.named(Named::TimeTrace).is_none() {
            add(Some(true), format!("{aux}.json"), SecondaryKind::Other);
        }
        if family == Family::Clang && !self.listings.is_empty() {
            return Err(LocalOnly::ExoticOutput {
                option: "-Wa,-a".to_owned(),
            });
        }
        for listing in self.listings.iter().filter(|_| stage == Stage::Object) {
            add(Some(true), listing.clone(), SecondaryKind::Dump);
        }
        for (named, path) in &self.named {
            add(
                self.is_written(compile, *named, path)?,
                path.clone(),
                SecondaryKind::Other,
            );
        }
        Ok(files)
    }

    /// Whether a file that an option names is written, and if so, for certain; `None` also for those that have a kind
    /// of their own.
    fn is_written(&self, compile: &Compile<'_>, named: Named, path: &str) -> Result<Option<bool>, LocalOnly> {
        let present = match named {
            Named::CompilationDatabase | Named::TimeTrace => compile.language != Language::Assembler,
            Named::Prototypes if compile.stage == Stage::Preprocess => false,
            Named::Prototypes if !matches!(compile.language, Language::C | Language::CPreprocessed) => {
                return Err(LocalOnly::ExoticOutput {
                    option: format!("-aux-info {path}"),
                });
            }
            Named::ThinLink => return self.thin_link(compile, path),
            Named::Diagnostics | Named::Prototypes => true,
            Named::CoverageNotes
            | Named::OptimizationRecord
            | Named::DumpDirectory
            | Named::DumpBase
            | Named::DumpExtension => false,
        };
        Ok(present.then_some(true))
    }

    /// Written beside bitcode for links, of one of two kinds.
    fn thin_link(&self, compile: &Compile<'_>, path: &str) -> Result<Option<bool>, LocalOnly> {
        match compile.stage {
            Stage::Object if self.has(Feature::Lto) && !compile.language.is_assembler() => Ok(Some(false)),
            Stage::Preprocess => Ok(None),
            Stage::Object | Stage::Assembly | Stage::PrecompiledHeader => Err(LocalOnly::ExoticOutput {
                option: format!("-fthin-link-bitcode={path}"),
            }),
        }
    }

    /// What `-save-temps` keeps. clang runs one program for each kind of file that it can stop at.
    fn intermediate(&self, compile: &Compile<'_>, aux: &str) -> Result<Vec<SecondaryOutput>, LocalOnly> {
        let (language, assembles) = (compile.language, compile.stage == Stage::Object);
        let Some(beside_output) = self.save_temps.filter(|_| compile.stage != Stage::Preprocess) else {
            return Ok(Vec::new());
        };
        let refused = [
            Feature::EmitLlvm,
            Feature::EmbedBitcode,
            Feature::TimeTrace,
            Feature::FatLto,
            Feature::OptimizationRecord,
        ];
        let refused = refused.into_iter().any(|feature| self.has(feature)) || self.named(Named::TimeTrace).is_some();
        if refused || (language.is_assembler() && !assembles) {
            return Err(LocalOnly::SaveTemps {
                option: "-save-temps".to_owned(),
            });
        }
        let (stem, bitcode) = match compile.family {
            Family::Gcc => (aux.to_owned(), false),
            Family::Clang => {
                let dir = self.output.as_deref().filter(|_| beside_output);
                let dir = dir.map_or("", |output| &output[..output.len() - file_name(output).len()]);
                let stem = format!("{dir}{}", cut_suffix(file_name(compile.source)));
                (stem, true)
            }
        };
        let text = assembles && (compile.family == Family::Gcc || !self.has(Feature::Lto));
        let suffixes: &[(&str, bool)] = match language {
            Language::C => &[(".i", true), (".bc", bitcode), (".s", text)],
            Language::Cxx => &[(".ii", true), (".bc", bitcode), (".s", text)],
            Language::CPreprocessed | Language::CxxPreprocessed => &[(".s", text)],
            Language::AssemblerWithCpp => &[(".s", true)],
            Language::Assembler => &[],
        };
        let files = suffixes.iter().filter(|(_, present)| *present);
        let file = |(suffix, _): &(&str, bool)| SecondaryOutput {
            path: format!("{stem}{suffix}"),
            kind: SecondaryKind::Intermediate,
            optional: false,
        };
        Ok(files.map(file).collect())
    }

    /// Whether the compiler gets as far as machine code, which some files describe; `Some(false)`: depends on its
    /// version, or on more options.
    fn writes_code(&self, family: Family) -> Option<bool> {
        let llvm = family == Family::Clang && self.has(Feature::EmitLlvm);
        match family {
            Family::Clang if self.has(Feature::EmbedBitcode) => Some(false),
            _ if !llvm && !self.has(Feature::Lto) => Some(true),
            Family::Clang if !llvm && self.has(Feature::FatLto) => Some(false),
            Family::Gcc | Family::Clang => None,
        }
    }

    /// gcc compresses its record, with the time in it.
    fn optimization_record(
        &self,
        compile: &Compile<'_>,
        aux: &str,
    ) -> Result<Option<(String, SecondaryKind)>, LocalOnly> {
        let format = self.record_format.as_deref().unwrap_or("yaml");
        let asked = self.has(Feature::OptimizationRecord);
        match (compile.family, self.named(Named::OptimizationRecord)) {
            (Family::Clang, Some(path)) => Ok(Some((path.clone(), SecondaryKind::Other))),
            (Family::Clang, None) if asked => Ok(Some((format!("{aux}.opt.{format}"), SecondaryKind::Other))),
            (Family::Gcc, _) if asked && self.named(Named::DumpBase).is_some() => Err(LocalOnly::ExoticOutput {
                option: "-dumpbase".to_owned(),
            }),
            (Family::Gcc, _) if asked => {
                let source = file_name(compile.source);
                let suffix = &source[cut_suffix(source).len()..];
                let path = format!("{aux}{suffix}.opt-record.json.gz");
                Ok(Some((path, SecondaryKind::Dump)))
            }
            (Family::Gcc | Family::Clang, _) => Ok(None),
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

/// The part after the last slash.
fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The path without the last suffix of its file name: `d.x/a.b.o` → `d.x/a.b`, `d.x/a` → itself, `.o` → nothing.
fn cut_suffix(path: &str) -> &str {
    let name_at = path.rfind('/').map_or(0, |slash| slash + 1);
    path[name_at..].rfind('.').map_or(path, |dot| &path[..name_at + dot])
}
