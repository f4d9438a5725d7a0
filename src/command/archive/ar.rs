//! `ar`: one word of letters, options around it, then the archive and its members.

use super::{ArchiveCommand, ArchiveTool, Operation, output, thin_names};
use crate::command::response_file::ReadResponse;
use crate::command::suite::{Suite, Words, expanded};
use crate::command::{LocalOnly, PieceRole, ToolCommand, ToolKind, Unrelocatable};

/// The letters of operations that write.
const OPERATIONS: [char; 4] = ['d', 'm', 'q', 'r'];

pub(super) fn parse(
    tool: ArchiveTool,
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
    tool: ArchiveTool,
    args: &'a [String],
    /// Operation and modifiers, in order: of two that contradict each other the later counts.
    letters: String,
    /// `--thin`.
    thin: bool,
    plugin: Option<String>,
    /// Indices of the words that are neither options nor letters.
    operands: Vec<usize>,
}

impl<'a> Line<'a> {
    fn new(tool: ArchiveTool, args: &'a [String]) -> Self {
        Self {
            tool,
            args,
            letters: String::new(),
            thin: false,
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
        if !self.letters.contains(OPERATIONS) && !self.is_on('s', 'S', false) && !self.operands.is_empty() {
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
                let value = if let Some(value) = value {
                    value
                } else {
                    at += 1;
                    args.get(at - 1).ok_or_else(missing)?
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
            'd' | 'm' | 'q' | 'r' | 's' | 'S' | 'a' | 'b' | 'i' | 'N' | 'D' | 'U' | 'u' | 'T' | 'P' | 'c' | 'v'
            | 'o' | 'O' => {}
            'f' if gnu => {}
            // `L`: members of an archive instead of the archive. `l` is ignored.
            'L' | 'l' if !gnu => {}
            'p' | 't' | 'x' => return Err(LocalOnly::ArchiveRead { operation: option() }),
            // The next word, since binutils 2.36; ignored before.
            'l' => return Err(LocalOnly::AmbiguousModifier { option: option() }),
            'M' if gnu => return Err(LocalOnly::ArchiveScript),
            'h' | 'V' => return Err(LocalOnly::NoSource),
            _ => return Err(unknown(&option())),
        }
        self.letters.push(letter);
        Ok(())
    }

    /// Whether the last of two letters that contradict each other is the first one; `default` without any.
    fn is_on(&self, on: char, off: char, default: bool) -> bool {
        let last = self.letters.chars().rev().find(|letter| [on, off].contains(letter));
        last.map_or(default, |last| last == on)
    }

    /// The only operation, if there is exactly one.
    fn operation(&self) -> Option<Operation> {
        let mut named = self.letters.chars().filter(|letter| OPERATIONS.contains(letter));
        match (named.next(), named.next()) {
            (Some('d'), None) => Some(Operation::Delete),
            (Some('m'), None) => Some(Operation::Move),
            (Some('q'), None) => Some(Operation::Append),
            (Some('r'), None) => Some(Operation::Replace),
            (None, _) if self.is_on('s', 'S', false) => Some(Operation::Index),
            _ => None,
        }
    }

    fn finish(self) -> Result<ArchiveCommand, LocalOnly> {
        let operation = self.operation().ok_or(LocalOnly::NoSource)?;
        if !self.is_on('D', 'U', self.tool.deterministic_default) {
            return Err(LocalOnly::ArchiveTimes);
        }
        let thin = self.thin || self.letters.contains('T');
        // `a`, `b`, `i`: a member's name comes before the archive's; `N`: a number.
        let before = usize::from(self.letters.contains(['a', 'b', 'i'])) + usize::from(self.letters.contains('N'));
        let archive = *self.operands.get(before).ok_or(LocalOnly::NoSource)?;
        let mut words = Words::of(self.args);
        words.mark(archive, 0, PieceRole::Output);
        if matches!(operation, Operation::Append | Operation::Replace) {
            for member in &self.operands[before + 1..] {
                words.mark(*member, 0, PieceRole::Input);
            }
        }
        let full_paths = self.letters.contains('P') && self.tool.suite == Suite::Gnu;
        let placed_locally = if thin {
            Some(thin_names())
        // LLVM's compares paths in full, but stores base names all the same.
        } else if full_paths {
            Some(Unrelocatable {
                option: "P".to_owned(),
                why: "names members by their paths as they are spelled",
                only_if_rewritten: true,
                also_portable: true,
            })
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
            thin,
            newer_only: self.letters.contains('u'),
            plugin: self.plugin,
        })
    }
}

fn unknown(word: &str) -> LocalOnly {
    LocalOnly::UnknownOption {
        option: word.to_owned(),
    }
}
