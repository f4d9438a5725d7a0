//! A compiler's arguments → [`CompileCommand`].

use super::inner::{self, Judged};
use super::language::{self, Operand};
use super::modules;
use super::options::{self, Checked, Feature, Inner, Lookup, Meaning, OptionSpec};
use super::outputs::Asked;
use super::response_file::{self, ReadResponse};
use super::{Arg, CompileCommand, Family, Form, Language, LocalOnly, Native, Role, Stage};

/// What the arguments are given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Driver {
    /// Whose options it takes.
    pub family: Family,
    /// Invoked as `g++`, `c++` or `clang++`: takes C sources for C++.
    pub cxx: bool,
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
}

/// Understands the arguments (without `argv[0]`) of a compile, or says why the step has no Action.
///
/// `read_response` gives the content of a response file by its path as spelled after `@`, relative to the cwd; `None` if
/// it cannot be opened.
pub fn parse(
    driver: &Driver,
    args: &[String],
    read_response: &mut ReadResponse<'_>,
) -> Result<CompileCommand, LocalOnly> {
    let expanded = response_file::expand(driver, args, read_response)?;
    let mut parser = Parser::new(*driver);
    let mut words = expanded.args.iter().map(String::as_str);
    while let Some(word) = words.next() {
        parser.word(word, &mut words);
    }
    let command = parser.finish(expanded.files)?;
    modules::check(&command, read_response)?;
    Ok(command)
}

/// The state of one walk along the words.
struct Parser {
    driver: Driver,
    args: Vec<Arg>,
    asked: Asked,
    stage: Option<Stage>,
    /// The value of `-x` that holds, `None` for `none`.
    language: Option<String>,
    sources: Vec<(String, Operand)>,
    /// What the whole step is, where it is no compile.
    mode: Option<LocalOnly>,
    /// The first reason that an option gave.
    reason: Option<LocalOnly>,
    /// An inner word that waits for its operand.
    inner_operand: Option<&'static str>,
    /// The same where the operand is a path: where the argument stands, and the operand's role.
    inner_path: Option<(usize, Role)>,
}

impl Parser {
    fn new(driver: Driver) -> Self {
        Self {
            driver,
            args: Vec::new(),
            asked: Asked::default(),
            stage: None,
            language: None,
            sources: Vec::new(),
            mode: None,
            reason: None,
            inner_operand: None,
            inner_path: None,
        }
    }

    fn refuse(&mut self, reason: LocalOnly) {
        self.reason.get_or_insert(reason);
    }

    fn push(&mut self, name: &str, value: Option<&str>, form: Form, role: Role) {
        self.args.push(Arg {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            form,
            role,
            tail: String::new(),
        });
    }

    /// Gives the argument that was pushed last its tail.
    fn with_tail(&mut self, tail: &str) {
        if let Some(arg) = self.args.last_mut() {
            tail.clone_into(&mut arg.tail);
        }
    }

    fn word<'a>(&mut self, word: &'a str, rest: &mut impl Iterator<Item = &'a str>) {
        if !word.starts_with('-') || word == "-" {
            return self.operand(word);
        }
        match options::look_up(self.driver.family, word) {
            Lookup::Alone(spec) => self.option(&spec, word, None, Form::Alone),
            Lookup::Joined(spec, value) => self.option(&spec, spec.name, Some(value), Form::Joined),
            Lookup::Separate(spec) => {
                if let Some(value) = rest.next() {
                    return self.option(&spec, word, Some(value), Form::Separate);
                }
                self.push(word, None, Form::Alone, Role::Plain);
                self.refuse(LocalOnly::MissingValue {
                    option: word.to_owned(),
                });
            }
            Lookup::Unknown { takes_next } => {
                let value = if takes_next { rest.next() } else { None };
                match value {
                    Some(value) => self.push(word, Some(value), Form::Separate, Role::Plain),
                    None => self.push(word, None, Form::Alone, Role::Plain),
                }
                self.refuse(LocalOnly::UnknownOption {
                    option: word.to_owned(),
                });
            }
        }
    }

    fn operand(&mut self, word: &str) {
        let Driver { family, cxx, .. } = self.driver;
        let kind = match &self.language {
            Some(name) => Language::from_x(name),
            None => Language::from_path(family, cxx, word),
        };
        self.sources.push((word.to_owned(), kind));
        self.push("", Some(word), Form::Joined, Role::Source);
    }

    /// One option with its value, if it has one.
    fn option(&mut self, spec: &OptionSpec, name: &str, value: Option<&str>, form: Form) {
        let text = value.unwrap_or_default();
        let whole = || format!("{name}{text}");
        let role = match spec.meaning {
            Meaning::Is(role) => role,
            Meaning::Stop(stage) => {
                self.stage = self.stage.max(Some(stage));
                Role::Structure
            }
            Meaning::Language => {
                self.language = Some(text.to_owned()).filter(|name| name != "none");
                Role::Structure
            }
            Meaning::Output => {
                self.asked.output = Some(text.to_owned());
                Role::Output
            }
            Meaning::WriteDepfile { user_headers_only } => {
                let user = self.asked.write_depfile.unwrap_or_default();
                self.asked.write_depfile = Some(user || user_headers_only);
                Role::DepFlag
            }
            Meaning::DepfileName => {
                self.asked.depfile_name = Some(text.to_owned());
                if text == "/dev/null" {
                    Role::Plain
                } else {
                    Role::Depfile
                }
            }
            Meaning::Switch(feature, on) => {
                self.asked.switch(feature, on);
                Role::Plain
            }
            Meaning::SaveTemps => {
                self.save_temps(text, whole());
                Role::Plain
            }
            Meaning::NamedDump => return self.named_dump(name, text, whole()),
            Meaning::Check(Checked::OptimizationInfo) if text.contains('=') => {
                return self.named_dump(name, text, whole());
            }
            Meaning::Writes(named) => {
                self.asked.name(named, text);
                Role::SecondaryOutput
            }
            Meaning::Check(Checked::Processor) if text == "native" => Role::Native(Native::Asked),
            Meaning::Check(checked) => {
                if let Err(reason) = self.check(checked, text, whole()) {
                    self.refuse(reason);
                }
                Role::Plain
            }
            Meaning::ModuleFile => match modules::named_file(&self.driver, text) {
                Ok((module, file)) => return self.push(&format!("{name}{module}"), Some(file), form, Role::Input),
                Err(reason) => {
                    self.refuse(reason);
                    Role::Plain
                }
            },
            Meaning::Passes(inner) => return self.inner(inner, name, text, form),
            Meaning::Mode(reason) => {
                let reason = reason(&whole());
                self.mode = Some(match self.mode.take() {
                    // A question about the compiler is answered whatever else is asked.
                    Some(earlier) if earlier.is_probe() || !reason.is_probe() => earlier,
                    _ => reason,
                });
                Role::Structure
            }
            Meaning::Local(reason) => {
                self.refuse(reason(&whole()));
                Role::Plain
            }
        };
        self.push(name, value, form, role);
    }

    /// Judges a value that decides; `option` is the whole word.
    fn check(&mut self, checked: Checked, value: &str, option: String) -> Result<(), LocalOnly> {
        match checked {
            // With features of its own after a `+`.
            Checked::Processor if value.starts_with("native") => Err(LocalOnly::NativeTuning { option }),
            Checked::Charset if !matches!(value.to_ascii_lowercase().as_str(), "utf-8" | "utf8") => {
                Err(LocalOnly::InputCharset { option })
            }
            Checked::DiagnosticsFormat => match value {
                _ if value.ends_with("-file") => Err(LocalOnly::ExoticOutput { option }),
                _ if value.to_ascii_lowercase().starts_with("sarif") => Err(LocalOnly::SarifDiagnostics { option }),
                _ => Ok(()),
            },
            // -dA, -dp and -dP comment the assembly; -dD, -dI, -dN and -dU only speak to -E.
            Checked::DumpLetters if value.is_empty() || !value.chars().all(|c| "ApPDINU".contains(c)) => {
                Err(LocalOnly::DumpFiles { option })
            }
            Checked::SplitDwarf => {
                self.asked.switch(Feature::SplitDwarf, value == "split");
                Ok(())
            }
            Checked::RecordFormat => {
                self.asked.switch(Feature::OptimizationRecord, true);
                self.asked.record_format = Some(value.to_owned());
                Ok(())
            }
            Checked::Processor | Checked::Charset | Checked::DumpLetters | Checked::OptimizationInfo => Ok(()),
        }
    }

    /// `-save-temps`, `=obj` or `=cwd`. gcc 11 was the first to name files as it does now.
    fn save_temps(&mut self, value: &str, option: String) {
        let beside_output = match (self.driver.family, value) {
            (_, "obj") | (Family::Gcc, "") => true,
            (_, "cwd") | (Family::Clang, "") => false,
            _ => return self.refuse(LocalOnly::SaveTemps { option }),
        };
        if self.driver.family == Family::Gcc && self.driver.version.0 < 11 {
            self.refuse(LocalOnly::SaveTemps { option });
        }
        self.asked.save_temps = Some(beside_output);
    }

    /// `-fdump-tree-optimized=F`, `-fopt-info-vec=F`: a file where one is named, else files that compiler passes name.
    fn named_dump(&mut self, name: &str, value: &str, option: String) {
        let (what, file) = value.split_once('=').unwrap_or((value, ""));
        let pass = ["tree-", "rtl-", "ipa-"]
            .iter()
            .find_map(|kind| what.strip_prefix(kind));
        // A graph is another file beside the one that is named.
        let of_a_pass = pass.is_some() && !what.contains("graph");
        let is_info = name.starts_with("-fopt-info");
        // As observed of gcc 12: what only one pass writes is written anew.
        let appends = is_info || what.starts_with("lang-") || pass.is_some_and(|pass| pass.starts_with("all"));
        if matches!(file, "" | "-" | "stdout" | "stderr") {
            self.refuse(LocalOnly::DumpFiles { option });
        } else if appends {
            self.refuse(LocalOnly::AppendedOutput { option });
        } else if of_a_pass || matches!(what, "go-spec" | "final-insns") {
            self.asked.dumps.insert(file.to_owned());
        } else {
            self.refuse(LocalOnly::DumpFiles { option });
        }
        self.push(
            &format!("{name}{what}="),
            Some(file),
            Form::Joined,
            Role::SecondaryOutput,
        );
    }

    fn inner(&mut self, inner: Inner, name: &str, value: &str, form: Form) {
        if let Some((at, role)) = self.inner_path.take() {
            return self.inner_value(at, role, name, value, form);
        }
        let role = match inner::judge(inner, name, value, &mut self.inner_operand) {
            Ok(Judged::Is(role)) => role,
            Ok(Judged::Awaits(role)) if form == Form::Separate => {
                self.inner_path = Some((self.args.len(), role));
                Role::Plain
            }
            Ok(Judged::Awaits(_)) => {
                self.refuse(LocalOnly::InnerOption {
                    through: name.to_owned(),
                    option: value.to_owned(),
                });
                Role::Plain
            }
            Ok(Judged::Value { start, end, role }) => {
                if form == Form::Separate {
                    self.push(name, Some(&value[start..end]), Form::ThroughJoined, role);
                    return self.with_tail(&value[..start]);
                }
                let front = format!("{name}{}", &value[..start]);
                self.push(&front, Some(&value[start..end]), form, role);
                return self.with_tail(&value[end..]);
            }
            Ok(Judged::Writes(files)) => {
                self.asked.listings.extend(files);
                Role::Plain
            }
            Ok(Judged::Depfile {
                option,
                user_headers_only,
            }) => {
                let (front, file) = value.split_at(option);
                if self.asked.inner_depfile.is_some() {
                    self.refuse(LocalOnly::SecondDepfile {
                        option: format!("{name}{value}"),
                    });
                }
                self.asked.inner_depfile = Some((file.to_owned(), user_headers_only));
                return self.push(&format!("{name}{front}"), Some(file), form, Role::Depfile);
            }
            Err(reason) => {
                self.refuse(reason);
                Role::Plain
            }
        };
        self.push(name, Some(value), form, role);
    }

    /// gcc names a profile after its dumps, which an option may name otherwise than the output.
    fn profile_by_another_name(&self) -> Option<String> {
        let has = |prefixes: &[&str]| {
            let mut args = self.args.iter();
            args.find(|arg| prefixes.iter().any(|prefix| arg.name.starts_with(prefix)))
        };
        has(&["-dumpdir", "-dumpbase", "--dumpdir", "--dumpbase", "-auxbase"])?;
        let used = has(&["-fprofile-use", "-fbranch-probabilities"])?;
        (self.driver.family == Family::Gcc).then(|| used.words().concat())
    }

    /// The operand of an inner option that names a path: one argument with it, if nothing stands between them.
    fn inner_value(&mut self, at: usize, role: Role, name: &str, value: &str, form: Form) {
        let follows = at + 1 == self.args.len() && form == Form::Separate;
        if let Some(arg) = self.args.last_mut().filter(|last| follows && last.name == name) {
            arg.tail = arg.value.replace(value.to_owned()).unwrap_or_default();
            arg.form = Form::Through;
            arg.role = role;
            return;
        }
        self.push(name, Some(value), form, Role::Plain);
        self.refuse(LocalOnly::InnerOption {
            through: name.to_owned(),
            option: value.to_owned(),
        });
    }

    /// The command, when all words are read. What the step *is* goes before what one of its options is.
    fn finish(mut self, response_files: Vec<String>) -> Result<CompileCommand, LocalOnly> {
        if let Some(mode) = self.mode.take_if(|mode| mode.is_probe()) {
            return Err(mode);
        }
        if self.sources.is_empty() {
            return Err(LocalOnly::NoSource);
        }
        if self.sources.iter().any(|(path, _)| path == "-") {
            return Err(LocalOnly::StdinSource);
        }
        if let Some(mode) = self.mode.take() {
            return Err(mode);
        }
        if let Some((at, _)) = self.inner_path.take() {
            let option = self.args[at].words().join(" ");
            self.refuse(LocalOnly::MissingValue { option });
        }
        let is_header = |(_, kind): &(String, Operand)| matches!(kind, Operand::Header(_));
        let stage = match self.stage {
            // `-S` has gcc write assembly besides.
            None | Some(Stage::Object) if self.sources.iter().all(is_header) => Stage::PrecompiledHeader,
            stage => stage.ok_or(LocalOnly::Link)?,
        };
        if stage == Stage::Preprocess && self.asked.output.is_none() {
            return Err(LocalOnly::Preprocess);
        }
        if let Some(reason) = self.reason.take() {
            return Err(reason);
        }
        let (source, language) = self.only_source(stage)?;
        if stage == Stage::Preprocess && !language.is_preprocessed_by_compiler() {
            return Err(LocalOnly::Preprocess);
        }
        let emits_header = |arg: &Arg| arg.value.as_deref() == Some("-emit-pch");
        if stage != Stage::PrecompiledHeader && self.args.iter().any(emits_header) {
            return Err(LocalOnly::PchOutput { path: source });
        }
        let family = self.driver.family;
        if let Some(option) = self.profile_by_another_name() {
            return Err(LocalOnly::ProfileInput { option });
        }
        if stage == Stage::PrecompiledHeader {
            self.asked.header_output = precompiled_name(&self.driver, &source);
        }
        let outputs = self.asked.outputs(family, stage, language, &source)?;
        Ok(CompileCommand {
            family,
            stage,
            language,
            args: self.args,
            source,
            output: outputs.primary,
            secondary: outputs.secondary,
            depfile: outputs.depfile,
            response_files,
        })
    }

    fn only_source(&mut self, stage: Stage) -> Result<(String, Language), LocalOnly> {
        if let Some((path, _)) = self.sources.iter().find(|(_, kind)| *kind == Operand::ForLinker) {
            return Err(LocalOnly::LinkerInput { path: path.clone() });
        }
        if self.sources.len() > 1 {
            return Err(LocalOnly::SeveralSources);
        }
        let (path, kind) = self.sources.pop().ok_or(LocalOnly::NoSource)?;
        match kind {
            Operand::Source(language) if path.is_empty() => Err(LocalOnly::UnsupportedLanguage {
                language: language.driver_name().to_owned(),
            }),
            Operand::Source(language) => Ok((path, language)),
            Operand::Header(language) if stage == Stage::PrecompiledHeader => Ok((path, language)),
            Operand::Header(_) if stage == Stage::Preprocess => Err(LocalOnly::Preprocess),
            Operand::Header(_) => Err(LocalOnly::PchOutput { path }),
            Operand::Module => Err(LocalOnly::Modules { option: path }),
            Operand::Unsupported => {
                let suffix = path.rsplit_once('.').map_or("", |(_, suffix)| suffix);
                let name = language::name_of_other(self.language.as_deref().unwrap_or(suffix));
                Err(LocalOnly::UnsupportedLanguage {
                    language: name.map(str::to_owned).or(self.language.take()).unwrap_or(path),
                })
            }
            Operand::ForLinker => Err(LocalOnly::LinkerInput { path }),
        }
    }
}

/// Where a precompiled header goes without `-o`: beside the header. Which clang changed the suffix was not tried.
fn precompiled_name(driver: &Driver, source: &str) -> Option<String> {
    match (driver.family, driver.version.0) {
        (Family::Gcc, _) | (Family::Clang, ..=14) => Some(format!("{source}.gch")),
        (Family::Clang, 19..) => Some(format!("{source}.pch")),
        (Family::Clang, 15..=18) => None,
    }
}

#[cfg(test)]
mod tests;
