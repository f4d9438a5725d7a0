//! A compiler driver that links: its own options, and the linker's inside of `-Wl,` and after `-Xlinker`.

use super::driver_options::{Own, look_up_own};
use super::line::{Product, Walk, searched};
use super::table::{self, Meaning as LinkerMeaning};
use super::{Flavour, LinkItem, outputs, response};
use crate::command::inner;
use crate::command::language::Operand;
use crate::command::options::{self, Checked, Feature, Inner, Lookup, Meaning};
use crate::command::response_file::{self, ReadResponse};
use crate::command::tool_command::{Piece, PieceRole};
use crate::command::{Driver, Family, Form, Language, LocalOnly, Role, ToolCommand, ToolKind, Word};

/// Understands the arguments (without `argv[0]`) of a driver that links, or says why the step has no Action. For a
/// command of which [`parse`](crate::command::parse) says that it is a [link](LocalOnly::Link).
///
/// `flavour`: the linker that the driver will run. `read`: see [`parse_line`](super::parse_line). Native options
/// (`-march=native`) are [refused](LocalOnly::NativeTuning): the caller may [replace](crate::command::native::placed)
/// them by what they stand for.
pub fn parse_driver(
    driver: &Driver,
    flavour: Flavour,
    args: &[String],
    read: &mut ReadResponse<'_>,
) -> Result<ToolCommand, LocalOnly> {
    let expanded = response_file::expand(driver, args, read)?;
    let mut parser = Parser {
        driver: *driver,
        flavour,
        walk: Walk::new(flavour),
        words: Vec::new(),
        response_files: expanded.files,
        language: None,
        source: None,
        mode: None,
        inner_operand: None,
    };
    let mut words = expanded.args.iter().map(String::as_str);
    while let Some(word) = words.next() {
        parser.word(word, &mut words, read)?;
    }
    parser.finish()
}

/// What a driver's own words ask of a link beyond what the linker's line shows, if link-time optimisation takes place:
/// files under names that no rule describes, and profiles that are looked up by name.
pub fn unpredicted_with_lto(command: &ToolCommand) -> Option<LocalOnly> {
    const WRITES: [&str; 3] = ["-gsplit-dwarf", "-fstack-usage", "-fcallgraph-info"];
    const READS: [&str; 3] = ["-fprofile-use", "-fauto-profile", "-fbranch-probabilities"];
    command.words.iter().find_map(|word| {
        let option = word.text();
        let starts = |names: [&str; 3]| names.iter().any(|name| option.starts_with(name));
        match (starts(WRITES), starts(READS)) {
            (true, _) => Some(LocalOnly::ExoticOutput { option }),
            (false, true) => Some(LocalOnly::ProfileInput { option }),
            (false, false) => None,
        }
    })
}

/// The flags of a driver's expanded arguments that may have a part in what native options stand for.
pub fn machine_flags(args: &[String]) -> Vec<String> {
    let mut flags = Vec::new();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        if matches!(word.as_str(), "-Xlinker" | "-Xclang" | "-mllvm" | "-o") {
            words.next();
        } else if word == "-target" {
            flags.push(word.clone());
            flags.extend(words.next().cloned());
        } else if (word.starts_with("-m") && !word.starts_with("-mllvm")) || word.starts_with("--target=") {
            flags.push(word.clone());
        }
    }
    flags
}

/// The state of one walk along the words.
struct Parser {
    driver: Driver,
    flavour: Flavour,
    /// The linker's own view of the words that it will get.
    walk: Walk,
    words: Vec<Word>,
    response_files: Vec<String>,
    /// The value of `-x` that holds, `None` for `none`.
    language: Option<String>,
    /// The reason that the first operand gives that is not for the linker.
    source: Option<LocalOnly>,
    /// What the whole step is, where it is no link.
    mode: Option<LocalOnly>,
    /// An inner word that waits for its operand.
    inner_operand: Option<&'static str>,
}

impl Parser {
    fn word<'a>(
        &mut self,
        word: &'a str,
        rest: &mut impl Iterator<Item = &'a str>,
        read: &mut ReadResponse<'_>,
    ) -> Result<(), LocalOnly> {
        if !word.starts_with('-') || word == "-" {
            self.operand(word);
            return Ok(());
        }
        let found = options::look_up(self.driver.family, word);
        let length = match &found {
            Lookup::Alone(spec) | Lookup::Joined(spec, _) | Lookup::Separate(spec) => spec.name.len(),
            Lookup::Unknown { .. } => 0,
        };
        // The longest name counts: `-undef` is not `-u ndef`.
        let own = look_up_own(self.driver.family, word).filter(|(_, name, _)| name.len() >= length);
        let (name, form) = match (&own, &found) {
            (Some((_, name, form)), _) => (*name, *form),
            (None, Lookup::Joined(spec, _)) => (spec.name, Form::Joined),
            (None, Lookup::Separate(_) | Lookup::Unknown { takes_next: true }) => (word, Form::Separate),
            (None, Lookup::Alone(_) | Lookup::Unknown { takes_next: false }) => (word, Form::Alone),
        };
        let value = match form {
            Form::Alone => None,
            Form::Joined => Some(&word[name.len()..]),
            Form::Separate => rest.next(),
            Form::Through | Form::ThroughJoined => unreachable!("no option of a table has this form"),
        };
        if form == Form::Separate && value.is_none() {
            self.walk.refuse(LocalOnly::MissingValue {
                option: word.to_owned(),
            });
        }
        match (own, found) {
            (Some((Own::LinkerWords | Own::LinkerWord, ..)), _) => {
                return self.linker_words(name, value.unwrap_or_default(), form, read);
            }
            (Some((own, ..)), _) => self.own(own, name, value, form),
            (None, Lookup::Alone(spec) | Lookup::Joined(spec, _) | Lookup::Separate(spec)) => {
                let role = self.option(spec.meaning, name, value.unwrap_or_default());
                self.push(name, value, form, role);
            }
            (None, Lookup::Unknown { .. }) => {
                self.walk.refuse(LocalOnly::UnknownOption {
                    option: word.to_owned(),
                });
            }
        }
        Ok(())
    }

    fn push(&mut self, name: &str, value: Option<&str>, form: Form, role: PieceRole) {
        let pieces = value.map(|value| Piece {
            text: value.to_owned(),
            role,
        });
        self.push_pieces(name, pieces.into_iter().collect(), form);
    }

    /// An option with the pieces of its value.
    fn push_pieces(&mut self, name: &str, mut pieces: Vec<Piece>, form: Form) {
        let name = Piece {
            text: name.to_owned(),
            role: PieceRole::Plain,
        };
        if form == Form::Separate {
            self.words.push(Word { pieces: vec![name] });
        } else {
            pieces.insert(0, name);
        }
        if !pieces.is_empty() {
            self.words.push(Word { pieces });
        }
    }

    /// What the driver puts among the linker's words in order must not become the value of one of them.
    fn takes_place_in_line(&mut self) {
        if let Some(option) = self.walk.waiting().map(str::to_owned) {
            self.walk.refuse(LocalOnly::InnerOption {
                through: "-Wl,".to_owned(),
                option,
            });
        }
    }

    fn operand(&mut self, word: &str) {
        let Driver { family, cxx, .. } = self.driver;
        let kind = match &self.language {
            Some(name) => Language::from_x(name),
            None => Language::from_path(family, cxx, word),
        };
        let path = word.to_owned();
        let reason = match kind {
            _ if word == "-" => Some(LocalOnly::StdinSource),
            Operand::ForLinker => None,
            Operand::Source(_) => Some(LocalOnly::CompileAndLink { path }),
            Operand::Header(_) => Some(LocalOnly::PchOutput { path }),
            Operand::Module => Some(LocalOnly::Modules { option: path }),
            Operand::Unsupported => Some(LocalOnly::UnsupportedLanguage {
                language: self.language.clone().unwrap_or(path),
            }),
        };
        if let Some(reason) = reason {
            self.source.get_or_insert(reason);
        } else {
            self.takes_place_in_line();
            self.walk.file(word);
        }
        self.words.push(Word::of(word, PieceRole::Input));
    }

    /// An option of this module's table.
    fn own(&mut self, own: Own, name: &str, value: Option<&str>, form: Form) {
        let text = value.unwrap_or_default();
        let whole = || format!("{name}{text}");
        let role = match own {
            Own::Library => {
                self.takes_place_in_line();
                self.walk.library(text);
                PieceRole::Plain
            }
            Own::LibraryDir => searched(text),
            Own::Script => self.script(text, form),
            Own::Recorded => PieceRole::Recorded,
            Own::Relocatable => {
                self.walk.asked.product = Product::Object;
                PieceRole::Plain
            }
            Own::Shared => {
                self.walk.asked.product = Product::SharedLibrary;
                PieceRole::Plain
            }
            Own::Program if text.contains('/') => PieceRole::Input,
            Own::Program | Own::Plain => PieceRole::Plain,
            Own::Processor => {
                if text.starts_with("native") {
                    self.walk.refuse(LocalOnly::NativeTuning { option: whole() });
                }
                PieceRole::Plain
            }
            Own::Local(reason) => {
                self.walk.refuse(reason(&whole()));
                PieceRole::Plain
            }
            Own::LinkerWords | Own::LinkerWord => unreachable!("the words of the linker are taken apart elsewhere"),
        };
        self.push(name, value, form, role);
    }

    /// `-T F` and `-TF`, where `-Ttext=0x1000` is another option of the linker.
    fn script(&mut self, text: &str, form: Form) -> PieceRole {
        let word = format!("-T{text}");
        let is_script = form == Form::Separate
            || matches!(
                table::look_up(self.flavour, &word),
                table::Lookup::Joined(spec, _) if matches!(spec.meaning, LinkerMeaning::Script)
            );
        if is_script {
            self.walk.line.items.push(LinkItem::Script(text.to_owned()));
            return PieceRole::Input;
        }
        PieceRole::Plain
    }

    /// `-Wl,a,b` and `-Xlinker a`, where `@file` stands for the words in it.
    fn linker_words(
        &mut self,
        name: &str,
        value: &str,
        form: Form,
        read: &mut ReadResponse<'_>,
    ) -> Result<(), LocalOnly> {
        let comma = name.ends_with(',');
        let given: Vec<String> = value.split(|c| comma && c == ',').map(str::to_owned).collect();
        // gcc's `collect2` reads the files before the linker does.
        let expanded = match self.driver.family {
            Family::Gcc => response_file::expand(&self.driver, &given, read)?,
            Family::Clang => response::expand(self.flavour, &given, read)?,
        };
        let before = self.walk.asked.output.clone();
        let mut pieces = Vec::new();
        for word in &expanded.args {
            if !expanded.files.is_empty() {
                let own = self.walk.word(word);
                self.push_pieces("-Xlinker", own, Form::Separate);
                continue;
            }
            if !pieces.is_empty() {
                pieces.push(Piece {
                    text: ",".to_owned(),
                    role: PieceRole::Plain,
                });
            }
            pieces.extend(self.walk.word(word));
        }
        if expanded.files.is_empty() {
            self.push_pieces(name, pieces, form);
        }
        self.response_files.extend(expanded.files);
        // The driver gives the linker an `-o` of its own, or counts on `a.out`.
        if self.walk.asked.output != before {
            self.walk.refuse(LocalOnly::ExoticOutput {
                option: format!("{name}{value}"),
            });
        }
        Ok(())
    }

    /// An option that the compile's tables have: what it is to a link.
    fn option(&mut self, meaning: Meaning, name: &str, value: &str) -> PieceRole {
        let option = format!("{name}{value}");
        match meaning {
            Meaning::Is(role) => return self.role(role, option),
            Meaning::Output => {
                self.walk.output(name, value);
                return PieceRole::Output;
            }
            Meaning::Language => self.language = Some(value.to_owned()).filter(|name| name != "none"),
            Meaning::Stop(_) => self.set_mode(LocalOnly::LinkerInput { path: option }),
            Meaning::Mode(reason) => self.set_mode(reason(&option)),
            Meaning::Local(reason) => self.walk.refuse(reason(&option)),
            // Nothing is compiled, so no depfile is written.
            Meaning::DepfileName => return PieceRole::Recorded,
            Meaning::Switch(Feature::OptimizationRecord | Feature::EmitLlvm | Feature::TimeTrace, true) => {
                self.walk.refuse(LocalOnly::ExoticOutput { option });
            }
            Meaning::WriteDepfile { .. }
            | Meaning::Switch(..)
            | Meaning::Check(Checked::Charset | Checked::SplitDwarf) => {}
            Meaning::Check(Checked::DumpLetters) => self.walk.refuse(LocalOnly::DumpFiles { option }),
            Meaning::Check(Checked::OptimizationInfo) if !option.contains('=') => {}
            Meaning::Check(Checked::DiagnosticsFormat) if matches!(value, "text" | "clang") => {}
            Meaning::Passes(inner) => self.inner(inner, name, value),
            _ => self.walk.refuse(LocalOnly::ExoticOutput { option }),
        }
        PieceRole::Plain
    }

    fn role(&mut self, role: Role, option: String) -> PieceRole {
        match role {
            Role::Plain | Role::Structure | Role::DepFlag => PieceRole::Plain,
            // A link without sources neither uses nor opens them.
            Role::Macro
            | Role::DepTarget
            | Role::Depfile
            | Role::ForcedInclude
            | Role::PrefixMap(_)
            | Role::CompilationDir => PieceRole::Recorded,
            Role::SearchDir(_) => PieceRole::SearchDir,
            Role::ToolDir => PieceRole::ToolDir,
            Role::Input | Role::ProfileDir => PieceRole::Input,
            _ => {
                self.walk.refuse(LocalOnly::ExoticOutput { option });
                PieceRole::Plain
            }
        }
    }

    fn inner(&mut self, inner: Inner, name: &str, value: &str) {
        if let Err(reason) = inner::judge(inner, name, value, &mut self.inner_operand) {
            self.walk.refuse(reason);
        }
    }

    fn set_mode(&mut self, mode: LocalOnly) {
        self.mode = Some(match self.mode.take() {
            // A question about the compiler is answered whatever else is asked.
            Some(earlier) if earlier.is_probe() || !mode.is_probe() => earlier,
            _ => mode,
        });
    }

    /// The command, when all words are read. What the step *is* goes before what one of its options is.
    fn finish(self) -> Result<ToolCommand, LocalOnly> {
        let no_link = match (self.mode, self.source) {
            (Some(mode), source) if mode.is_probe() || source.is_none() => Some(mode),
            (_, source) => source,
        };
        if let Some(reason) = no_link {
            return Err(reason);
        }
        let (line, asked) = self.walk.finish()?;
        if let Some(reason) = asked.undeclared {
            return Err(reason);
        }
        Ok(ToolCommand {
            kind: ToolKind::Link,
            words: self.words,
            outputs: outputs::outputs(&line, &asked),
            // clang removes what it named, whichever linker fails.
            removes_on_failure: self.driver.family == Family::Clang || outputs::removes_on_failure(self.flavour),
            response_files: self.response_files,
            placed_locally: outputs::unrelocatable(self.flavour, &asked),
        })
    }
}
