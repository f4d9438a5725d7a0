//! A driver's own options that matter to a link, and mean nothing or something else to a compile.

use crate::command::{Family, Form, LocalOnly};

/// What such an option does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Own {
    /// `-l`.
    Library,
    /// `-L`.
    LibraryDir,
    /// `-T`: a script, or the address of a section.
    Script,
    /// Names no file.
    Plain,
    /// The value is recorded in the output.
    Recorded,
    /// `-r`.
    Relocatable,
    /// `-shared`.
    Shared,
    /// `-Wl,`: words of the linker with commas between them.
    LinkerWords,
    /// `-Xlinker`: one word of the linker.
    LinkerWord,
    /// Chooses the linker: by a name, or by a path.
    Program,
    /// `-march` and its like: `native` is this machine's processor.
    Processor,
    /// Makes the step local-only.
    Local(fn(&str) -> LocalOnly),
}

struct Row {
    own: Own,
    form: Form,
    names: &'static str,
}

const fn row(own: Own, form: Form, names: &'static str) -> Row {
    Row { own, form, names }
}

const SAVE_TEMPS: Own = Own::Local(|option| LocalOnly::SaveTemps {
    option: option.to_owned(),
});
const EXOTIC_OUTPUT: Own = Own::Local(|option| LocalOnly::ExoticOutput {
    option: option.to_owned(),
});

const ROWS: &[Row] = &[
    row(Own::Library, Form::Joined, "-l"),
    row(Own::Library, Form::Separate, "-l"),
    row(Own::LibraryDir, Form::Joined, "-L --library-directory="),
    row(Own::LibraryDir, Form::Separate, "-L --library-directory"),
    row(Own::Script, Form::Joined, "-T"),
    row(Own::Script, Form::Separate, "-T"),
    row(
        Own::Plain,
        Form::Separate,
        "-Tbss -Tdata -Ttext -z -u -e --entry --force-link",
    ),
    row(Own::Plain, Form::Joined, "-z -u -e --entry= --force-link="),
    row(Own::Relocatable, Form::Alone, "-r"),
    row(Own::Shared, Form::Alone, "-shared --shared"),
    row(Own::LinkerWords, Form::Joined, "-Wl,"),
    row(Own::LinkerWord, Form::Joined, "--for-linker="),
    row(Own::LinkerWord, Form::Separate, "-Xlinker --for-linker"),
    row(Own::Program, Form::Joined, "-fuse-ld= --ld-path="),
    row(Own::Processor, Form::Joined, "-march= -mtune= -mcpu="),
    // Without link-time optimisation nothing is read: see `unpredicted_with_lto`.
    row(
        Own::Plain,
        Form::Alone,
        "-fprofile-use -fauto-profile -fbranch-probabilities -fprofile-instr-use -fprofile-sample-use",
    ),
    row(
        Own::Recorded,
        Form::Joined,
        "-fprofile-use= -fauto-profile= -fprofile-instr-use= -fprofile-sample-use=",
    ),
    row(SAVE_TEMPS, Form::Alone, "-save-temps --save-temps"),
    row(SAVE_TEMPS, Form::Joined, "-save-temps= --save-temps="),
    row(EXOTIC_OUTPUT, Form::Alone, "-ftime-trace"),
    row(EXOTIC_OUTPUT, Form::Joined, "-ftime-trace="),
    row(
        EXOTIC_OUTPUT,
        Form::Separate,
        "-dumpdir -dumpbase -dumpbase-ext --dumpdir --dumpbase --dumpbase-ext",
    ),
];

const SPECS: Own = Own::Local(|option| LocalOnly::Specs {
    option: option.to_owned(),
});
const CONFIG: Own = Own::Local(|option| LocalOnly::ConfigFile {
    option: option.to_owned(),
});

const GCC: &[Row] = &[
    row(SPECS, Form::Joined, "-specs= --specs="),
    row(SPECS, Form::Separate, "-specs --specs"),
];

const CLANG: &[Row] = &[
    row(Own::Recorded, Form::Separate, "-rpath"),
    row(CONFIG, Form::Joined, "--config="),
    row(CONFIG, Form::Separate, "--config"),
];

/// Looks a word up that starts with `-`: what it does, its name and how its value stands. The longest name wins.
pub(super) fn look_up_own(family: Family, word: &str) -> Option<(Own, &'static str, Form)> {
    let families = match family {
        Family::Gcc => GCC,
        Family::Clang => CLANG,
    };
    let rows = ROWS.iter().chain(families);
    let named = rows.flat_map(|row| {
        row.names
            .split_ascii_whitespace()
            .map(move |name| (row.own, name, row.form))
    });
    let fits = |(_, name, form): &(Own, &'static str, Form)| match form {
        Form::Alone | Form::Separate => word == *name,
        Form::Through | Form::ThroughJoined => false,
        Form::Joined => word.starts_with(name) && (word.len() > name.len() || name.ends_with(['=', ','])),
    };
    named.filter(fits).max_by_key(|(_, name, _)| name.len())
}
