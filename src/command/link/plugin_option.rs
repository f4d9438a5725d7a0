//! Words for a linker's plugin: `-plugin-opt`, and lld's `--mllvm`.

use crate::command::LocalOnly;
use crate::command::inner::is_harmless_to_llvm;

/// What such a word is.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// It makes the step local-only.
    pub(super) reason: Option<LocalOnly>,
    /// It makes the step local-only unless a driver gave it, which looks after the file itself.
    pub(super) for_the_driver: Option<LocalOnly>,
    /// It names a directory of results.
    pub(super) cache: bool,
    /// The name of a file that is read begins at this byte.
    pub(super) reads: Option<usize>,
}

/// Words of LLVM's plugin and of lld that name no file.
const FLAGS: &str = "thinlto cs-profile-generate disable-verify new-pass-manager legacy-pass-manager \
    opt-remarks-with-hotness O0 O1 O2 O3";

/// The same up to a value that is a number, a processor or a word of a fixed list.
const VALUES: &str = "mcpu= jobs= lto-partitions= cache-policy= opt-remarks-passes= opt-remarks-format= \
    opt-remarks-hotness-threshold= -pass-through= -debugger-tune= -target-abi= -exception-model= -float-abi= \
    -vector-library= -function-sections= -data-sections= -relocation-model= -code-model=";

/// Files that are read.
const READS: &str = "sample-profile= cs-profile-path=";

/// Files that are written under names that no rule describes.
const WRITES: &str = "obj-path= dwo_dir= stats-file= opt-remarks-filename= thinlto-index-only thinlto-object-suffix-replace= \
    thinlto-prefix-replace= thinlto-emit-imports-files emit-asm emit-llvm also-emit-llvm time-trace=";

fn is_one_of(names: &str, word: &str) -> bool {
    names.split_ascii_whitespace().any(|name| name == word)
}

fn starts_with_one_of<'a>(names: &'a str, word: &str) -> Option<&'a str> {
    names.split_ascii_whitespace().find(|name| word.starts_with(name))
}

/// Judges the value of one such option.
pub(super) fn judge(option: &str, value: &str) -> Judged {
    let whole = || format!("{option}={value}");
    let mut judged = Judged::default();
    if let Some(name) = starts_with_one_of(READS, value) {
        judged.reads = Some(name.len());
    } else if starts_with_one_of(WRITES, value).is_some() {
        judged.reason = Some(LocalOnly::ExoticOutput { option: whole() });
    } else if value.starts_with("save-temps") {
        judged.reason = Some(LocalOnly::SaveTemps { option: whole() });
    } else if matches!(value, "mcpu=native" | "-mcpu=native") {
        // The plugin itself asks which processor this is.
        judged.reason = Some(LocalOnly::NativeTuning { option: whole() });
    } else if value.starts_with("cache-dir=") {
        judged.cache = true;
    } else if value.starts_with("-fresolution=") {
        judged.for_the_driver = Some(LocalOnly::ExoticOutput { option: whole() });
    } else {
        let driver_program = value.starts_with('/') && value.ends_with("/lto-wrapper");
        let flag = matches!(value, "-function-sections" | "-data-sections" | "-tailcallopt");
        let known = is_one_of(FLAGS, value) || starts_with_one_of(VALUES, value).is_some();
        if !(driver_program || flag || known || is_harmless_to_llvm(value)) {
            judged.reason = Some(LocalOnly::InnerOption {
                through: option.to_owned(),
                option: value.to_owned(),
            });
        }
    }
    judged
}
