//! `ar`: one word of letters, options around it, then the archive and its members.

use super::{ArchiveCommand, ArchiveTool, Operation, output};
use crate::command::response_file::ReadResponse;
use crate::command::suite::{Suite, Words, expanded};
use crate::command::{LocalOnly, PieceRole, ToolCommand, ToolKind, Unrelocatable};

pub(super) fn parse(
    tool: &ArchiveTool,
    args: &[String],
    read: &mut ReadResponse<'_>,
) -> Result<ArchiveCommand, LocalOnly> {
    let expanded = expanded(tool.suite, args, read)?;
    let mut line = Line::new(tool, &expanded.args);
    match tool.suite {
        Suite::Gnu => line.gnu()?,
        Suite::Llvm => line.llvm()?,
    }
    let mut parsed = line.finish()?;
    parsed.command.response_files = expanded.files;
    Ok(parsed)
}

/// What the line has said so far.
struct Line<'a> {
    tool: &'a ArchiveTool,
    args: &'a [String],
    operation: Option<Operation>,
    /// The operation is spelled twice, or differently.
    several: bool,
    /// `s` after the last `S`.
    index: bool,
    deterministic: bool,
    /// `a`, `b`, `i`: a member's name comes before the archive's.
    position: bool,
    /// `N`: a number comes before the archive's name.
    count: bool,
    thin: bool,
    full_paths: bool,
    newer_only: bool,
    plugin: Option<String>,
    /// Indices of the words that are neither options nor letters.
    operands: Vec<usize>,
}

impl<'a> Line<'a> {
    fn new(tool: &'a ArchiveTool, args: &'a [String]) -> Self {
        Self {
            tool,
            args,
            operation: None,
            several: false,
            index: false,
            deterministic: tool.deterministic_default,
            position: false,
            count: false,
            thin: false,
            full_paths: false,
            newer_only: false,
            plugin: None,
            operands: Vec::new(),
        }
    }

    /// GNU's: letters come first without a dash, or as options anywhere; options may follow operands.
    fn gnu(&mut self) -> Result<(), LocalOnly> {
        let args = self.args;
        let mut at = 0;
        if let Some(first) = args.first().filter(|first| !first.starts_with('-')) {
            self.letters(first)?;
            at = 1;
        }
        while let Some(word) = args.get(at) {
            at += 1;
            if word == "--" {
                self.operands.extend(at..args.len());
                break;
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (long, None),
                };
                let takes_value = ["plugin", "target", "output", "record-libdeps"].contains(&name);
                let value = if takes_value && value.is_none() {
                    at += 1;
                    let missing = || LocalOnly::MissingValue { option: word.clone() };
                    Some(args.get(at - 1).ok_or_else(missing)?.as_str())
                } else {
                    value
                };
                self.gnu_option(word, name, value)?;
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                self.letters(letters)?;
            } else {
                self.operands.push(at - 1);
            }
        }
        // `ar --plugin P rcs …`: after options with a dash, letters may still come without one.
        if self.operation.is_none() && !self.index && !self.operands.is_empty() {
            let first = self.operands.remove(0);
            self.letters(&args[first])?;
        }
        Ok(())
    }

    fn gnu_option(&mut self, word: &str, name: &str, value: Option<&str>) -> Result<(), LocalOnly> {
        match (name, value) {
            ("thin", None) => self.thin = true,
            ("plugin", Some(path)) => self.plugin = Some(path.to_owned()),
            // `--output` is for extraction; the libraries that an archive depends on are recorded as they are spelled.
            ("target" | "output" | "record-libdeps", Some(_)) => {}
            ("help" | "version", None) => return Err(LocalOnly::NoSource),
            _ => return Err(unknown(word)),
        }
        Ok(())
    }

    /// LLVM's: all words with a dash are letters, wherever they stand; if there are none, the first word is.
    fn llvm(&mut self) -> Result<(), LocalOnly> {
        let args = self.args;
        let mut letters = String::new();
        let mut at = 0;
        while let Some(word) = args.get(at) {
            at += 1;
            let named = |name: &str| {
                let rest = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
                let value = rest.strip_prefix(name)?;
                (value.is_empty() || value.starts_with('=')).then(|| value.strip_prefix('='))
            };
            if word == "--" {
                self.operands.extend(at..args.len());
                break;
            } else if ["--help", "-help", "-h", "--version", "-version"].contains(&word.as_str()) {
                return Err(LocalOnly::NoSource);
            } else if word == "-M" {
                return Err(LocalOnly::ArchiveScript);
            } else if word == "--thin" {
                self.thin = true;
            } else if let Some(value) = ["format", "plugin", "output"].iter().find_map(|name| named(name)) {
                let missing = || LocalOnly::MissingValue { option: word.clone() };
                let value = match value {
                    Some(value) => value,
                    None => {
                        at += 1;
                        args.get(at - 1).ok_or_else(missing)?
                    }
                };
                let of_format = named("format").is_some();
                if of_format && !["default", "gnu", "bsd"].contains(&value) {
                    return Err(LocalOnly::UnsupportedFormat { option: word.clone() });
                }
            } else if word.starts_with("--") || word.starts_with("-X") || named("rsp-quoting").is_some() {
                return Err(unknown(word));
            } else if let Some(more) = word.strip_prefix('-') {
                letters.push_str(more);
            } else if letters.is_empty() {
                letters.push_str(word);
            } else {
                self.operands.push(at - 1);
            }
        }
        self.letters(&letters)
    }

    fn letters(&mut self, letters: &str) -> Result<(), LocalOnly> {
        for letter in letters.chars() {
            self.letter(letter)?;
        }
        Ok(())
    }

    fn letter(&mut self, letter: char) -> Result<(), LocalOnly> {
        let gnu = self.tool.suite == Suite::Gnu;
        let option = || letter.to_string();
        match letter {
            'd' => self.set(Operation::Delete),
            'm' => self.set(Operation::Move),
            'q' => self.set(Operation::Append),
            'r' => self.set(Operation::Replace),
            'p' | 't' | 'x' => return Err(LocalOnly::ArchiveRead { operation: option() }),
            's' => self.index = true,
            'S' => self.index = false,
            'a' | 'b' | 'i' => self.position = true,
            'N' => self.count = true,
            'D' => self.deterministic = true,
            'U' => self.deterministic = false,
            'u' => self.newer_only = true,
            'T' => self.thin = true,
            // LLVM's compares paths in full, but stores base names all the same.
            'P' => self.full_paths = gnu,
            'c' | 'v' | 'o' | 'O' => {}
            'f' if gnu => {}
            // `L`: members of an archive instead of the archive. `l` is ignored.
            'L' | 'l' if !gnu => {}
            // The next word, since binutils 2.36; ignored before.
            'l' => return Err(LocalOnly::AmbiguousModifier { option: option() }),
            'M' if gnu => return Err(LocalOnly::ArchiveScript),
            'h' | 'V' => return Err(LocalOnly::NoSource),
            _ => return Err(unknown(&option())),
        }
        Ok(())
    }

    fn set(&mut self, operation: Operation) {
        self.several |= self.operation.is_some();
        self.operation = Some(operation);
    }

    fn finish(self) -> Result<ArchiveCommand, LocalOnly> {
        let operation = match self.operation {
            Some(operation) if !self.several => operation,
            None if self.index => Operation::Index,
            _ => return Err(LocalOnly::NoSource),
        };
        if !self.deterministic {
            return Err(LocalOnly::ArchiveTimes);
        }
        let before = usize::from(self.position) + usize::from(self.count);
        let archive = *self.operands.get(before).ok_or(LocalOnly::NoSource)?;
        let mut words = Words::of(self.args);
        words.mark(archive, 0, PieceRole::Output);
        if matches!(operation, Operation::Append | Operation::Replace) {
            for member in &self.operands[before + 1..] {
                words.mark(*member, 0, PieceRole::Input);
            }
        }
        let row = |option: &str, why| Unrelocatable {
            option: option.to_owned(),
            why,
            only_if_rewritten: true,
            also_portable: true,
        };
        let placed_locally = if self.thin {
            Some(row(
                "T",
                "stores the paths of members, which are relative to the archive only if they are so here",
            ))
        } else if self.full_paths {
            Some(row("P", "names members by their paths as they are spelled"))
        } else {
            None
        };
        Ok(ArchiveCommand {
            command: ToolCommand {
                kind: ToolKind::Archive,
                words: words.finish(),
                outputs: vec![output(self.tool.suite, &self.args[archive])],
                removes_on_failure: false,
                response_files: Vec::new(),
                placed_locally,
            },
            operation,
            members: self.operands.len() - before - 1,
            thin: self.thin,
            newer_only: self.newer_only,
            plugin: self.plugin,
        })
    }
}

fn unknown(word: &str) -> LocalOnly {
    LocalOnly::UnknownOption {
        option: word.to_owned(),
    }
}
