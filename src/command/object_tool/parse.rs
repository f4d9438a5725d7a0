//! `strip` and `objcopy`: options in any order, then one file that is changed, or one that is copied to another.

use super::options::{Use, long, short};
use super::{ObjectCommand, ObjectTool, ObjectToolName, OutputMode};
use crate::command::response_file::ReadResponse;
use crate::command::suite::{Suite, Words, expanded};
use crate::command::{LocalOnly, PieceRole, ToolCommand, ToolKind, ToolOutput, ToolText, Unrelocatable};

/// Formats whose bytes follow from those of the input. A beginning; all of ELF's are called by machine and byte order.
const FORMATS: [&str; 6] = ["elf", "binary", "ihex", "verilog", "srec", "symbolsrec"];

/// The first LLVM whose compressed sections were seen to repeat.
const LLVM_COMPRESSES_ALIKE: u32 = 19;

/// The first LLVM whose `--split-dwo` was seen to heed the umask.
const LLVM_MODES_ALIKE: u32 = 19;

pub(super) fn parse(
    tool: ObjectTool,
    args: &[String],
    read: &mut ReadResponse<'_>,
) -> Result<ObjectCommand, LocalOnly> {
    let expanded = expanded(tool.suite, args, read)?;
    let mut line = Line {
        tool,
        args: &expanded.args,
        words: Words::of(&expanded.args),
        operands: Vec::new(),
        output: None,
        besides: Vec::new(),
        input_format: None,
        output_format: None,
        deterministic: tool.deterministic_default,
    };
    line.options()?;
    let mut parsed = line.finish()?;
    parsed.command.response_files = expanded.files;
    Ok(parsed)
}

struct Line<'a> {
    tool: ObjectTool,
    args: &'a [String],
    words: Words,
    /// Indices of the words that are no options.
    operands: Vec<usize>,
    /// `-o`: the word, and where in it the path begins.
    output: Option<(usize, usize)>,
    /// Files that are written besides.
    besides: Vec<ToolOutput>,
    input_format: Option<&'a str>,
    output_format: Option<&'a str>,
    deterministic: bool,
}

impl Line<'_> {
    fn options(&mut self) -> Result<(), LocalOnly> {
        let args = self.args;
        let mut at = 0;
        while let Some(word) = args.get(at) {
            at += 1;
            if word == "--" {
                self.operands.extend(at..args.len());
                break;
            } else if let Some(rest) = word.strip_prefix("--") {
                let (name, joined) = match rest.split_once('=') {
                    Some((name, _)) => (name, Some(2 + name.len() + 1)),
                    None => (rest, None),
                };
                let usage = long(self.tool.name, name).ok_or_else(|| unknown(word))?;
                let value = match (joined, usage) {
                    (Some(start), Use::Optional | Use::Compression) => Some((at - 1, start)),
                    (Some(_), usage) if is_alone(usage) => return Err(unknown(word)),
                    (Some(start), _) => Some((at - 1, start)),
                    (None, usage) if is_alone(usage) || matches!(usage, Use::Optional | Use::Compression) => None,
                    (None, _) => Some(self.next(&mut at, word)?),
                };
                self.option(word, usage, value)?;
            } else if word.len() > 1 && word.starts_with('-') {
                self.letters(word, &mut at)?;
            } else {
                self.operands.push(at - 1);
            }
        }
        Ok(())
    }

    fn letters(&mut self, word: &str, at: &mut usize) -> Result<(), LocalOnly> {
        let own = *at - 1;
        for (start, letter) in word.char_indices().skip(1) {
            let usage = short(self.tool.name, letter).ok_or_else(|| unknown(word))?;
            if is_alone(usage) {
                self.option(word, usage, None)?;
                continue;
            }
            let rest = start + letter.len_utf8();
            let value = if rest < word.len() {
                (own, rest)
            } else {
                self.next(at, word)?
            };
            return self.option(word, usage, Some(value));
        }
        Ok(())
    }

    fn next(&self, at: &mut usize, word: &str) -> Result<(usize, usize), LocalOnly> {
        *at += 1;
        match self.args.get(*at - 1) {
            Some(_) => Ok((*at - 1, 0)),
            None => Err(LocalOnly::MissingValue {
                option: word.to_owned(),
            }),
        }
    }

    fn option(&mut self, word: &str, usage: Use, value: Option<(usize, usize)>) -> Result<(), LocalOnly> {
        let option = || word.to_owned();
        let text = value.map_or("", |(index, start)| &self.args[index][start..]);
        match usage {
            Use::Flag | Use::Plain | Use::Optional => {}
            Use::Compression => {
                if self.tool.suite == Suite::Llvm && self.tool.major < LLVM_COMPRESSES_ALIKE {
                    return Err(LocalOnly::DiffersByRun { option: option() });
                }
            }
            Use::Input => self.mark(value, PieceRole::Input),
            Use::SectionInput => {
                let value = after_section(value, text).ok_or_else(|| unknown(word))?;
                self.mark(Some(value), PieceRole::Input);
            }
            Use::SectionOutput => {
                let (index, start) = after_section(value, text).ok_or_else(|| unknown(word))?;
                self.mark(Some((index, start)), PieceRole::Output);
                let in_place = self.tool.suite == Suite::Gnu;
                self.besides.push(output(&self.args[index][start..], in_place));
            }
            Use::SplitOutput => {
                // Older ones give it a mode of its own.
                if self.tool.major < LLVM_MODES_ALIKE {
                    return Err(LocalOnly::ExoticOutput { option: option() });
                }
                self.mark(value, PieceRole::Output);
                self.besides.push(output(text, false));
            }
            Use::Output => {
                if self.output.is_some() {
                    return Err(unknown(word));
                }
                self.output = value;
            }
            Use::InputFormat => self.input_format = Some(text),
            Use::OutputFormat => self.output_format = Some(text),
            Use::BothFormats => {
                self.input_format = Some(text);
                self.output_format = Some(text);
            }
            Use::Deterministic => self.deterministic = true,
            Use::Dates | Use::RealTimes => return Err(LocalOnly::RealTimes { option: option() }),
            Use::Question => return Err(LocalOnly::NoSource),
        }
        let is_format = matches!(usage, Use::InputFormat | Use::OutputFormat | Use::BothFormats);
        if is_format
            && !FORMATS
                .iter()
                .any(|known| text == *known || (*known == "elf" && text.starts_with(known)))
        {
            return Err(LocalOnly::UnsupportedFormat {
                option: text.to_owned(),
            });
        }
        Ok(())
    }

    fn mark(&mut self, value: Option<(usize, usize)>, role: PieceRole) {
        if let Some((index, start)) = value {
            self.words.mark(index, start, role);
        }
    }

    fn finish(mut self) -> Result<ObjectCommand, LocalOnly> {
        let (subjects, to) = match (self.tool.name, self.operands.as_slice(), self.output) {
            (ObjectToolName::Objcopy, [from, to], None) => (vec![*from], Some((*to, 0))),
            (ObjectToolName::Objcopy, [from], None) => (vec![*from], None),
            (ObjectToolName::Strip, [from], Some(to)) => (vec![*from], Some(to)),
            (ObjectToolName::Strip, [_, ..], None) => (self.operands.clone(), None),
            // What it says to that is its own affair.
            _ => return Err(LocalOnly::NoSource),
        };
        let text = |(index, start): (usize, usize)| &self.args[index][start..];
        let gnu = self.tool.suite == Suite::Gnu;
        let apart = to.filter(|to| text(*to) != self.args[subjects[0]]);
        let mut outputs = std::mem::take(&mut self.besides);
        let named_in_output = matches!(self.output_format, Some("srec" | "symbolsrec"));
        if let Some(apart) = apart {
            outputs.push(output(text(apart), false));
        } else if named_in_output {
            // A temporary name is recorded.
            return Err(LocalOnly::DiffersByRun {
                option: "srec".to_owned(),
            });
        } else {
            for subject in &subjects {
                outputs.push(ToolOutput {
                    updates: true,
                    ..output(&self.args[*subject], true)
                });
            }
        }
        let role = if apart.is_some() {
            PieceRole::Input
        } else {
            PieceRole::Output
        };
        for subject in &subjects {
            self.words.mark(*subject, 0, role);
        }
        self.mark(to, PieceRole::Output);
        let plain = self.input_format.is_some() || self.output_format.is_some_and(|format| !format.starts_with("elf"));
        let mode = match (apart, self.tool.suite) {
            (None, _) => OutputMode::Stated,
            (Some(_), Suite::Gnu) if plain => OutputMode::Stated,
            (Some(_), Suite::Gnu) => OutputMode::InputType,
            (Some(_), Suite::Llvm) => OutputMode::InputMode,
        };
        Ok(ObjectCommand {
            subjects: subjects.iter().map(|subject| self.args[*subject].clone()).collect(),
            mode,
            raw: self.input_format.is_some_and(|format| !format.starts_with("elf")),
            deterministic: self.deterministic,
            command: ToolCommand {
                kind: ToolKind::Object,
                placed_locally: unrelocatable(self.input_format, named_in_output),
                words: self.words.finish(),
                outputs,
                removes_on_failure: gnu && apart.is_some(),
                response_files: Vec::new(),
            },
        })
    }
}

fn unrelocatable(input_format: Option<&str>, named_in_output: bool) -> Option<Unrelocatable> {
    let row = |option: &str, why| {
        Some(Unrelocatable {
            option: option.to_owned(),
            why,
            only_if_rewritten: true,
            also_portable: true,
        })
    };
    if input_format == Some("binary") {
        row("-I binary", "names symbols by the path of the input as it is spelled")
    } else if named_in_output {
        row("-O srec", "writes the name of the output into it as it is spelled")
    } else {
        None
    }
}

fn is_alone(usage: Use) -> bool {
    matches!(
        usage,
        Use::Flag | Use::Dates | Use::Deterministic | Use::RealTimes | Use::Question
    )
}

/// Where the file begins in `section=file`.
fn after_section(value: Option<(usize, usize)>, text: &str) -> Option<(usize, usize)> {
    let (index, start) = value?;
    let equals = text.find('=')?;
    Some((index, start + equals + 1))
}

fn output(path: &str, in_place: bool) -> ToolOutput {
    ToolOutput {
        path: path.to_owned(),
        mode: 0o666,
        in_place,
        optional: false,
        text: ToolText::None,
        updates: false,
    }
}

fn unknown(word: &str) -> LocalOnly {
    LocalOnly::UnknownOption {
        option: word.to_owned(),
    }
}
