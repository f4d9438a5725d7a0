//! The options of `strip` and `objcopy`. GNU's and LLVM's stand in one table: where both know an option they mean the
//! same by it, and one that a tool does not know makes it fail as it would have.

use super::ObjectToolName;

/// What an option's value is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// No value.
    Flag,
    /// A value that names no file.
    Plain,
    /// A value that may be left out: only behind `=`.
    Optional,
    /// A file that is read.
    Input,
    /// `section=file`, which is read.
    SectionInput,
    /// `section=file`, which is written.
    SectionOutput,
    /// A file that gets the split debug information.
    SplitOutput,
    /// The primary output.
    Output,
    /// A format.
    InputFormat,
    /// A format.
    OutputFormat,
    /// A format.
    BothFormats,
    /// `-p`: the input's times.
    Dates,
    /// `-D`.
    Deterministic,
    /// `-U`.
    RealTimes,
    /// Compression, which one version of LLVM's does not repeat.
    Compression,
    /// A question about the tool.
    Question,
}

/// One option: its short letters, its long names, what follows.
struct Row {
    short: &'static str,
    long: &'static [&'static str],
    usage: Use,
}

const fn row(short: &'static str, long: &'static [&'static str], usage: Use) -> Row {
    Row { short, long, usage }
}

use Use::{
    BothFormats, Compression, Dates, Deterministic, Flag, Input, InputFormat, Optional, Output, OutputFormat, Plain,
    Question, RealTimes, SectionInput, SectionOutput, SplitOutput,
};

const BOTH: &[Row] = &[
    row("I", &["input-target"], InputFormat),
    row("O", &["output-target"], OutputFormat),
    row("F", &["target"], BothFormats),
    row("p", &["preserve-dates"], Dates),
    row("D", &["enable-deterministic-archives"], Deterministic),
    row("U", &["disable-deterministic-archives"], RealTimes),
    row("R", &["remove-section"], Plain),
    row("", &["remove-relocations"], Plain),
    row("g", &["strip-debug"], Flag),
    row("", &["strip-dwo", "strip-unneeded", "only-keep-debug"], Flag),
    row("M", &["merge-notes", "no-merge-notes"], Flag),
    row("N", &["strip-symbol"], Plain),
    row("", &["keep-section"], Plain),
    row("K", &["keep-symbol"], Plain),
    row(
        "",
        &["keep-section-symbols", "keep-file-symbols", "keep-undefined"],
        Flag,
    ),
    row("w", &["wildcard", "regex"], Flag),
    row("x", &["discard-all"], Flag),
    row("X", &["discard-locals"], Flag),
    row("v", &["verbose"], Flag),
    row("", &["allow-broken-links", "strip-all-gnu", "strip-sections"], Flag),
    row("hV", &["help", "version", "info"], Question),
];

const STRIP: &[Row] = &[
    row("s", &["strip-all"], Flag),
    row("Sd", &[], Flag),
    row("", &["no-strip-all"], Flag),
    row("T", &[], Flag),
    row("o", &[], Output),
];

const OBJCOPY: &[Row] = &[
    row("S", &["strip-all"], Flag),
    row("s", &[], InputFormat),
    row("d", &[], OutputFormat),
    row("B", &["binary-architecture"], Plain),
    row(
        "",
        &[
            "debugging",
            "extract-dwo",
            "extract-symbol",
            "localize-hidden",
            "weaken",
        ],
        Flag,
    ),
    row("j", &["only-section"], Plain),
    row("", &["add-gnu-debuglink"], Input),
    row("", &["strip-unneeded-symbol", "globalize-symbol"], Plain),
    row("L", &["localize-symbol"], Plain),
    row("G", &["keep-global-symbol"], Plain),
    row("W", &["weaken-symbol"], Plain),
    row("", &["interleave", "elf-stt-common"], Optional),
    row("", &["interleave-width"], Plain),
    row("b", &["byte"], Plain),
    row("", &["gap-fill", "pad-to", "set-start"], Plain),
    row(
        "",
        &["change-start", "adjust-start", "change-addresses", "adjust-vma"],
        Plain,
    ),
    row("", &["change-section-address", "adjust-section-vma"], Plain),
    row("", &["change-section-lma", "change-section-vma"], Plain),
    row(
        "",
        &[
            "change-warnings",
            "no-change-warnings",
            "adjust-warnings",
            "no-adjust-warnings",
        ],
        Flag,
    ),
    row(
        "",
        &["set-section-flags", "set-section-alignment", "set-section-type"],
        Plain,
    ),
    row("", &["add-section", "update-section"], SectionInput),
    row("", &["dump-section"], SectionOutput),
    row("", &["split-dwo"], SplitOutput),
    row("", &["rename-section", "long-section-names"], Plain),
    row(
        "",
        &["change-leading-char", "remove-leading-char", "srec-forceS3"],
        Flag,
    ),
    row(
        "",
        &["reverse-bytes", "redefine-sym", "srec-len", "verilog-data-width"],
        Plain,
    ),
    row(
        "",
        &[
            "redefine-syms",
            "strip-symbols",
            "strip-unneeded-symbols",
            "keep-symbols",
            "localize-symbols",
            "globalize-symbols",
            "keep-global-symbols",
            "weaken-symbols",
            "skip-symbols",
        ],
        Input,
    ),
    row("", &["add-symbol", "alt-machine-code", "skip-symbol"], Plain),
    row("", &["writable-text", "readonly-text", "pure", "impure"], Flag),
    row(
        "",
        &["prefix-symbols", "prefix-sections", "prefix-alloc-sections"],
        Plain,
    ),
    row(
        "",
        &["remove-symbol-prefix", "new-symbol-visibility", "set-symbol-visibility"],
        Plain,
    ),
    row(
        "",
        &[
            "file-alignment",
            "heap",
            "image-base",
            "section-alignment",
            "stack",
            "subsystem",
        ],
        Plain,
    ),
    row("", &["compress-debug-sections"], Compression),
    row("", &["compress-sections"], Plain),
    row("", &["decompress-debug-sections"], Flag),
    row("", &["strip-non-alloc", "extract-main-partition"], Flag),
    row("", &["extract-partition"], Plain),
    row("", &["verify-note-sections", "no-verify-note-sections"], Flag),
    row("H", &[], Question),
];

fn rows(tool: ObjectToolName) -> impl Iterator<Item = &'static Row> {
    let own = if tool == ObjectToolName::Strip { STRIP } else { OBJCOPY };
    BOTH.iter().chain(own)
}

/// What `--name` is.
pub(super) fn long(tool: ObjectToolName, name: &str) -> Option<Use> {
    rows(tool).find(|row| row.long.contains(&name)).map(|row| row.usage)
}

/// What the letter of `-l` is.
pub(super) fn short(tool: ObjectToolName, letter: char) -> Option<Use> {
    rows(tool).find(|row| row.short.contains(letter)).map(|row| row.usage)
}
