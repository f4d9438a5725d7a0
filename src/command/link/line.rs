//! One walk along a linker's words: what each piece of them is, and the model of the whole line.

use super::library_kinds::LibraryKinds;
use super::plugin_option;
use super::table::{Lookup, Meaning, Spec, Written, look_up};
use super::{Flavour, LinkItem, LinkLine, LinkState};
use crate::command::tool_command::{Piece, PieceRole};
use crate::command::{LocalOnly, ToolOutput, ToolText};

/// What is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Product {
    /// A program.
    #[default]
    Program,
    /// `-shared`.
    SharedLibrary,
    /// `-r`: one object of several.
    Object,
}

/// What the words ask for besides inputs.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// `-o`.
    pub(super) output: Option<String>,
    /// What else is written, in order.
    pub(super) secondary: Vec<(Written, ToolOutput)>,
    pub(super) product: Product,
    pub(super) soname: bool,
    pub(super) version_script: bool,
    /// The first input that is taken as raw bytes and named absolutely.
    pub(super) raw_absolute: Option<String>,
    /// An option that names a directory of results.
    pub(super) cache: Option<String>,
    /// A file that is written for the driver, which knows of it: matters if there is no driver.
    pub(super) undeclared: Option<LocalOnly>,
}

/// An option whose value is the next word.
struct Pending {
    spec: Spec,
    option: String,
}

/// The walk.
pub(super) struct Walk {
    flavour: Flavour,
    pub(super) line: LinkLine,
    pub(super) asked: Asked,
    state: LinkState,
    libraries: LibraryKinds,
    pending: Option<Pending>,
    /// The first reason that an option gave.
    reason: Option<LocalOnly>,
    /// What the whole step is, where it is a question.
    mode: Option<LocalOnly>,
}

fn plain(text: &str) -> Vec<Piece> {
    piece(text, PieceRole::Plain)
}

fn piece(text: &str, role: PieceRole) -> Vec<Piece> {
    vec![Piece {
        text: text.to_owned(),
        role,
    }]
}

/// Whether a path begins with what stands for the sysroot.
fn in_sysroot(path: &str) -> bool {
    path.starts_with('=') || path.starts_with("$SYSROOT")
}

/// What a directory of libraries is: what stands for the sysroot is not for us to rewrite.
pub(super) fn searched(dir: &str) -> PieceRole {
    if in_sysroot(dir) {
        return PieceRole::Plain;
    }
    PieceRole::SearchDir
}

impl Walk {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            line: LinkLine {
                flavour,
                items: Vec::new(),
                library_dirs: Vec::new(),
                rpath: Vec::new(),
                rpath_link: Vec::new(),
                sysroot: None,
                nostdlib: false,
                emulation: None,
                dynamic: true,
            },
            asked: Asked::default(),
            state: LinkState::default(),
            libraries: LibraryKinds::default(),
            pending: None,
            reason: None,
            mode: None,
        }
    }

    /// The option that waits for its value.
    pub(super) fn waiting(&self) -> Option<&str> {
        self.pending.as_ref().map(|pending| pending.option.as_str())
    }

    pub(super) fn refuse(&mut self, reason: LocalOnly) {
        self.reason.get_or_insert(reason);
    }

    /// Takes one word; gives its pieces.
    pub(super) fn word(&mut self, word: &str) -> Vec<Piece> {
        if let Some(Pending { spec, option }) = self.pending.take() {
            return self.value(spec.meaning, &option, word);
        }
        match look_up(self.flavour, word) {
            Lookup::Alone(spec) => {
                self.flag(spec.meaning, word);
                plain(word)
            }
            Lookup::Joined(spec, at) => {
                let (option, value) = word.split_at(at);
                let mut pieces = plain(option);
                pieces.extend(self.value(spec.meaning, option.trim_end_matches('='), value));
                pieces
            }
            Lookup::Separate(spec) => {
                self.pending = Some(Pending {
                    spec,
                    option: word.to_owned(),
                });
                plain(word)
            }
            Lookup::Operand => {
                self.file(word);
                piece(word, PieceRole::Input)
            }
            Lookup::Unknown(option) => {
                self.refuse(LocalOnly::UnknownOption {
                    option: option.to_owned(),
                });
                plain(word)
            }
        }
    }

    /// An input that stands by itself.
    pub(super) fn file(&mut self, path: &str) {
        if path == "-" {
            return self.refuse(LocalOnly::StdinSource);
        }
        if in_sysroot(path) {
            return self.refuse(LocalOnly::LinkRules {
                option: path.to_owned(),
            });
        }
        if self.state.raw && path.starts_with('/') {
            self.asked.raw_absolute.get_or_insert_with(|| path.to_owned());
        }
        self.line.items.push(LinkItem::File(path.to_owned(), self.state));
    }

    /// `-l` of the linker or of its driver.
    pub(super) fn library(&mut self, name: &str) {
        let item = self.line.items.len();
        let state = LinkState {
            static_only: self.libraries.now(item),
            ..self.state
        };
        self.line.items.push(LinkItem::Library(name.to_owned(), state));
    }

    fn flag(&mut self, meaning: Meaning, word: &str) {
        match meaning {
            Meaning::NoStandardDirs => self.line.nostdlib = true,
            Meaning::StaticLibraries(only) => self.libraries.set(only),
            Meaning::Static => self.libraries.set_all_static(),
            Meaning::PushState => self.libraries.push(),
            Meaning::PopState => self.libraries.pop(),
            Meaning::Relocatable => self.asked.product = Product::Object,
            Meaning::Shared => self.asked.product = Product::SharedLibrary,
            // GNU ld and gold lay the map out by the length of names, which nothing puts back on standard output.
            Meaning::PrintMap if matches!(self.flavour, Flavour::Bfd | Flavour::Gold) => {
                self.refuse(LocalOnly::StdoutOutput {
                    option: word.to_owned(),
                });
            }
            Meaning::Mode(reason) => {
                self.mode.get_or_insert(reason(word));
            }
            Meaning::Local(reason) => self.refuse(reason(word)),
            _ => {}
        }
    }

    /// The pieces of an option's value, and what it does.
    fn value(&mut self, meaning: Meaning, option: &str, value: &str) -> Vec<Piece> {
        let whole = || format!("{option} {value}");
        match meaning {
            Meaning::Recorded => return piece(value, PieceRole::Recorded),
            Meaning::Soname => {
                self.asked.soname = true;
                return piece(value, PieceRole::Recorded);
            }
            Meaning::Rpath => return self.rpath(value),
            // What is a directory and what a file is known only where the link runs; `$ORIGIN` can be no file.
            Meaning::RpathOrSymbols if value.starts_with("$ORIGIN") => return self.rpath(value),
            Meaning::RpathOrSymbols => self.refuse(LocalOnly::LinkRules { option: whole() }),
            Meaning::RpathLink => return self.rpath_link(value),
            Meaning::Reads => {
                self.line.items.push(LinkItem::Plain(value.to_owned()));
                return piece(value, PieceRole::Input);
            }
            Meaning::VersionScript => {
                self.asked.version_script = true;
                return self.value(Meaning::Reads, option, value);
            }
            Meaning::JustSymbols => {
                let just_symbols = LinkState {
                    just_symbols: true,
                    ..self.state
                };
                self.line.items.push(LinkItem::File(value.to_owned(), just_symbols));
                return piece(value, PieceRole::Input);
            }
            Meaning::Script => {
                self.line.items.push(LinkItem::Script(value.to_owned()));
                return piece(value, PieceRole::Input);
            }
            Meaning::Library => self.library(value),
            Meaning::LibraryDir => {
                self.line.library_dirs.push(value.to_owned());
                let role = searched(value);
                return piece(value, role);
            }
            Meaning::Sysroot => {
                self.line.sysroot = Some(value.to_owned());
                return piece(value, PieceRole::ToolDir);
            }
            Meaning::Emulation => self.line.emulation = Some(value.to_owned()),
            Meaning::Output => return self.output(option, value),
            Meaning::Writes(written) => return self.writes(written, option, value),
            Meaning::Format => self.format(option, value),
            Meaning::Plugin => self.plugin(option, value),
            Meaning::PluginOption => return self.plugin_option(option, value),
            Meaning::Cache => {
                self.asked.cache = Some(option.to_owned());
                return piece(value, PieceRole::Plain);
            }
            Meaning::Mode(reason) => {
                self.mode.get_or_insert(reason(&whole()));
            }
            Meaning::Local(reason) => self.refuse(reason(&whole())),
            _ => {}
        }
        plain(value)
    }

    fn rpath(&mut self, value: &str) -> Vec<Piece> {
        self.line.rpath.extend(value.split(':').map(str::to_owned));
        piece(value, PieceRole::Recorded)
    }

    fn rpath_link(&mut self, value: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for dir in value.split(':') {
            if !pieces.is_empty() {
                pieces.extend(plain(":"));
            }
            self.line.rpath_link.push(dir.to_owned());
            let role = searched(dir);
            pieces.extend(piece(dir, role));
        }
        pieces
    }

    /// `-o` of the linker or of its driver.
    pub(super) fn output(&mut self, option: &str, value: &str) -> Vec<Piece> {
        if value == "-" {
            self.refuse(LocalOnly::StdoutOutput {
                option: format!("{option} {value}"),
            });
        }
        self.asked.output = Some(value.to_owned());
        piece(value, PieceRole::Output)
    }

    fn writes(&mut self, written: Written, option: &str, value: &str) -> Vec<Piece> {
        if value == "-" {
            self.refuse(LocalOnly::StdoutOutput {
                option: format!("{option} {value}"),
            });
        }
        // GNU ld makes a name of its own in a directory.
        if value.ends_with('/') || value.is_empty() || value.contains('%') {
            self.refuse(LocalOnly::ExoticOutput {
                option: format!("{option} {value}"),
            });
        }
        let text = match (written, self.flavour) {
            (Written::Map, Flavour::Bfd | Flavour::Gold) => ToolText::Map,
            (Written::Map, Flavour::Lld | Flavour::Mold) | (Written::Paths, _) => ToolText::Paths,
            (Written::Depfile, _) => ToolText::Depfile,
            (Written::ImportLibrary | Written::Symbols, _) => ToolText::None,
        };
        // Which of two counts is not worth knowing.
        if self.asked.secondary.iter().any(|(earlier, _)| *earlier == written) {
            self.refuse(LocalOnly::ExoticOutput {
                option: format!("{option} {value}"),
            });
        }
        let output = ToolOutput {
            path: value.to_owned(),
            mode: 0o666,
            in_place: true,
            optional: false,
            text,
            updates: false,
        };
        self.asked.secondary.push((written, output));
        piece(value, PieceRole::Output)
    }

    fn format(&mut self, option: &str, value: &str) {
        let named = matches!(value, "default" | "elf") || value.starts_with("elf32-") || value.starts_with("elf64-");
        if !named && value != "binary" {
            self.refuse(LocalOnly::LinkRules {
                option: format!("{option} {value}"),
            });
        }
        self.state.raw = value == "binary";
    }

    /// The compilers' own plugins read what the linker has read; another may read anything.
    fn plugin(&mut self, option: &str, value: &str) {
        let name = value.rsplit_once('/').map_or(value, |(_, name)| name);
        let stem = name.split_once(".so").map_or(name, |(stem, _)| stem);
        if !matches!(stem, "liblto_plugin" | "LLVMgold") {
            self.refuse(LocalOnly::Plugin {
                option: format!("{option} {value}"),
            });
        }
        self.line.items.push(LinkItem::Plugin(value.to_owned()));
    }

    fn plugin_option(&mut self, option: &str, value: &str) -> Vec<Piece> {
        let judged = plugin_option::judge(option, value);
        if let Some(reason) = judged.reason {
            self.refuse(reason);
        }
        if let Some(reason) = judged.for_the_driver {
            self.asked.undeclared.get_or_insert(reason);
        }
        if judged.cache {
            self.asked.cache.get_or_insert_with(|| format!("{option}={value}"));
        }
        let Some(at) = judged.reads else {
            return plain(value);
        };
        let (name, file) = value.split_at(at);
        self.line.items.push(LinkItem::Plain(file.to_owned()));
        let mut pieces = plain(name);
        pieces.extend(piece(file, PieceRole::Input));
        pieces
    }

    /// The line and what it asks for, when all words are read; or why there is no Action. What the step *is* goes
    /// before what one of its options is.
    pub(super) fn finish(mut self) -> Result<(LinkLine, Asked), LocalOnly> {
        if let Some(mode) = self.mode {
            return Err(mode);
        }
        if let Some(Pending { option, .. }) = self.pending {
            self.reason.get_or_insert(LocalOnly::MissingValue { option });
        }
        if let Err(reason) = self.libraries.settle(&mut self.line, self.asked.product) {
            self.reason.get_or_insert(reason);
        }
        let reads = |item: &LinkItem| matches!(item, LinkItem::File(..) | LinkItem::Library(..) | LinkItem::Script(_));
        if !self.line.items.iter().any(reads) {
            return Err(LocalOnly::NoSource);
        }
        if let Some(reason) = self.reason {
            return Err(reason);
        }
        self.line.dynamic = self.asked.product != Product::Object && !self.libraries.are_all_static();
        Ok((self.line, self.asked))
    }
}
