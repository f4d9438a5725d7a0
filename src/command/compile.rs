//! A compiler's arguments → [`CompileCommand`].

use super::inner::{self, Judged};
use super::language::Operand;
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
    parser.finish(expanded.files)
}

/// The state of one walk along the words.
struct Parser {
    driver: Driver,
    args: Vec<Arg>,
    asked: Asked,
    /// `-S` beats `-c`, in either order.
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
                if self.stage != Some(Stage::Assembly) {
                    self.stage = Some(stage);
                }
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
            Checked::OptimizationInfo if option.contains('=') => Err(LocalOnly::ExoticOutput { option }),
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

    fn inner(&mut self, inner: Inner, name: &str, value: &str, form: Form) {
        let role = match inner::judge(inner, name, value, &mut self.inner_operand) {
            Ok(Judged::Is(role)) => role,
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
        let stage = self.stage.ok_or(LocalOnly::Link)?;
        if let Some(reason) = self.reason.take() {
            return Err(reason);
        }
        let (source, language) = self.only_source()?;
        let family = self.driver.family;
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

    fn only_source(&mut self) -> Result<(String, Language), LocalOnly> {
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
            Operand::Header => Err(LocalOnly::PchOutput { path }),
            Operand::Module => Err(LocalOnly::Modules { option: path }),
            Operand::Unsupported => Err(LocalOnly::UnsupportedLanguage {
                language: self.language.take().unwrap_or(path),
            }),
            Operand::ForLinker => Err(LocalOnly::LinkerInput { path }),
        }
    }
}

#[cfg(test)]
mod tests;
