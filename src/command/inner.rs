//! Words that the driver hands to another program: `-Wp,…`, `-Wa,…`, `-Xclang …`, `-mllvm …`.
//!
//! Each program has a table of its own here. What is not in it makes the step local-only: an inner option can name
//! files as well as any other.

use super::options::Inner;
use super::{LocalOnly, Role, inner_inputs};

/// What an inner word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// An option whose operand, the next inner word, has this role.
    Awaits(Role),
    /// These bytes of the word's value have this role.
    Value {
        /// First byte.
        start: usize,
        /// One past the last.
        end: usize,
        /// What they are.
        role: Role,
    },
    /// All of it has this role.
    Is(Role),
    /// All of it names no path but these files, which the assembler writes.
    Writes(Vec<String>),
    /// `-Wp,-MD,F`: the value of the argument starts at this byte of the word's value.
    Depfile {
        /// Length of `-MD,` or `-MMD,`.
        option: usize,
        /// `-MMD`.
        user_headers_only: bool,
    },
}

/// Judges the value of one `through` argument (`-Wa,` with all its commas; `-Xclang` with one word).
///
/// `operand_of` is the previous inner word that waits for an operand, if there is one (`-Xclang -target-feature
/// -Xclang +x`); it is set for the next call.
pub(super) fn judge(
    inner: Inner,
    through: &str,
    value: &str,
    operand_of: &mut Option<&'static str>,
) -> Result<Judged, LocalOnly> {
    let unknown = |option: &str| LocalOnly::InnerOption {
        through: through.to_owned(),
        option: option.to_owned(),
    };
    let words = || value.split(',').filter(|_| through.ends_with(','));
    let single = (!through.ends_with(',')).then_some(value);
    if operand_of.is_none()
        && let Some(judged) = inner_inputs::judge(inner, value, single.is_none())
    {
        // What stands beside the value in a list has to be known too.
        let (before, after) = match &judged {
            Judged::Value { start, end, .. } if single.is_none() => (&value[..*start], &value[*end..]),
            _ => ("", ""),
        };
        let option = before.trim_end_matches(',').rfind(',').map_or(0, |comma| comma + 1);
        let others = before[..option].split(',').chain(after.split(','));
        for word in others.filter(|word| !word.is_empty()) {
            judge(inner, through, word, &mut None)?;
        }
        return Ok(judged);
    }
    match inner {
        Inner::Preprocessor => {
            preprocessor(value, &words().chain(single).collect::<Vec<_>>()).ok_or_else(|| unknown(value))
        }
        Inner::Assembler => {
            let mut files = Vec::new();
            for word in words().chain(single) {
                let file = assembler(word, operand_of).map_err(|reason| reason.unwrap_or_else(|| unknown(word)))?;
                files.extend(file);
            }
            Ok(if files.is_empty() {
                Judged::Is(Role::Plain)
            } else {
                Judged::Writes(files)
            })
        }
        Inner::Frontend => match operand_of.take() {
            Some(_) => Ok(Judged::Is(Role::Plain)),
            None => frontend(value, operand_of).map_err(|reason| reason.unwrap_or_else(|| unknown(value))),
        },
        Inner::Backend if is_harmless_to_llvm(value) => Ok(Judged::Is(Role::Plain)),
        Inner::Backend => Err(unknown(value)),
    }
}

/// Definitions and warnings, or exactly one depfile: gcc reads `-MD,F,-MT,x` one way and clang another.
fn preprocessor(value: &str, words: &[&str]) -> Option<Judged> {
    if let ["-MD" | "-MMD", file] = words
        && !file.is_empty()
    {
        return Some(Judged::Depfile {
            option: value.len() - file.len(),
            user_headers_only: words[0] == "-MMD",
        });
    }
    let is_macro = |word: &&str| (word.starts_with("-D") || word.starts_with("-U")) && word.len() > 2;
    let is_flag = |word: &&str| word.starts_with("-W") || matches!(*word, "-w" | "-fopenmp" | "-undef");
    if words.iter().all(is_flag) {
        return Some(Judged::Is(Role::Plain));
    }
    let known = words.iter().all(|word| is_macro(word) || is_flag(word));
    known.then_some(Judged::Is(Role::Macro))
}

/// Whether `word` is one of the names, which have blanks between them.
fn is_one_of(names: &str, word: &str) -> bool {
    names.split(' ').any(|name| name == word)
}

/// Options of the GNU assembler that name no file, exactly.
const ASSEMBLER_FLAGS: &str = "--32 --64 --x32 --divide --execstack --noexecstack --fatal-warnings --warn --no-warn -W -g \
    --gen-debug --gstabs --gstabs+ --gdwarf-2 --gdwarf-3 --gdwarf-4 --gdwarf-5 --gdwarf-sections -gdwarf-2 -gdwarf-3 -gdwarf-4 -gdwarf-5 \
    --keep-locals -L --strip-local-absolute --no-pad-sections --traditional-format \
    --compress-debug-sections --nocompress-debug-sections --reduce-memory-overheads -n -EL -EB -J";

/// The same with a value after `=`.
const ASSEMBLER_VALUES: &str = "--compress-debug-sections= --elf-stt-common= --generate-missing-build-notes= --hash-size= \
    --multibyte-handling= --size-check= --defsym=";

/// What a word is to the assembler: the file that it names, if it names one that is written.
fn assembler(word: &str, operand_of: &mut Option<&'static str>) -> Result<Option<String>, Option<LocalOnly>> {
    if let Some(option) = operand_of.take() {
        return Ok((option == "--MD").then(|| word.to_owned()));
    }
    // Machine options of all targets start with -m; none names a file.
    let machine = word
        .strip_prefix("-m")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    let native = machine && word.ends_with("=native");
    if native {
        return Err(Some(LocalOnly::NativeTuning {
            option: word.to_owned(),
        }));
    }
    if machine || is_one_of(ASSEMBLER_FLAGS, word) || ASSEMBLER_VALUES.split(' ').any(|name| word.starts_with(name)) {
        return Ok(None);
    }
    if let Some(name) = ["--defsym", "--MD"].into_iter().find(|name| *name == word) {
        *operand_of = Some(name);
        return Ok(None);
    }
    let listing = word.strip_prefix("-a").and_then(|rest| rest.split_once('='));
    let listing = listing.filter(|(what, _)| what.chars().all(|letter| "cdghilmns".contains(letter)));
    if let Some(file) = listing.map(|(_, file)| file).or(word.strip_prefix("--MD=")) {
        return Ok(Some(file.to_owned()));
    }
    let option = word.to_owned();
    Err(match word {
        // Of several search directories in one word.
        _ if word.starts_with("-I") => Some(LocalOnly::AssemblerSearch { option }),
        _ if word.starts_with("-a") => Some(LocalOnly::ExoticOutput { option }),
        _ => None,
    })
}

/// Options of clang's compiler proper that name no file.
const FRONTEND_FLAGS: &str = "-disable-O0-optnone -disable-lifetime-markers -disable-llvm-optzns -disable-llvm-passes \
    -disable-llvm-verifier -fno-pch-timestamp -fno-validate-pch -no-opaque-pointers -opaque-pointers \
    -fexperimental-assignment-tracking=disabled -fexperimental-assignment-tracking=enabled \
    -fexperimental-assignment-tracking=forced -fallow-half-arguments-and-returns -fnative-half-type \
    -fnative-half-arguments-and-returns -ffake-address-space-map -finclude-default-header \
    -emit-pch -menable-no-nans -mdisable-tail-calls -fdeclare-opencl-builtins -fno-rtti-data -fdebug-macro";

/// Options of it with an operand that names no file.
const FRONTEND_OPERANDS: &[&str] = &[
    "-target-feature",
    "-target-cpu",
    "-tune-cpu",
    "-target-abi",
    "-mrelocation-model",
];

fn frontend(word: &str, operand_of: &mut Option<&'static str>) -> Result<Judged, Option<LocalOnly>> {
    if let Some(name) = FRONTEND_OPERANDS.iter().find(|name| **name == word) {
        *operand_of = Some(name);
        return Ok(Judged::Is(Role::Plain));
    }
    let option = word.to_owned();
    match word {
        _ if is_one_of(FRONTEND_FLAGS, word) => Ok(Judged::Is(Role::Plain)),
        "-load" | "-add-plugin" | "-plugin" => Err(Some(LocalOnly::Plugin { option })),
        _ if word.starts_with("-plugin-arg-") => Err(Some(LocalOnly::Plugin { option })),
        "-dependency-file" | "-dependency-dot" | "-header-include-file" | "-diagnostic-log-file" => {
            Err(Some(LocalOnly::ExoticOutput { option }))
        }
        _ => Err(None),
    }
}

/// LLVM's own options: thousands, and they change between versions. One that takes a number or a truth value names no
/// file, nor does one of these families that has no value.
pub(super) fn is_harmless_to_llvm(word: &str) -> bool {
    let Some(name) = word.strip_prefix('-') else {
        return false;
    };
    let name = name.trim_start_matches('-');
    if let Some((_, value)) = name.split_once('=') {
        let hexadecimal = value
            .strip_prefix("0x")
            .is_some_and(|digits| u64::from_str_radix(digits, 16).is_ok());
        return matches!(value, "true" | "false") || hexadecimal || value.parse::<f64>().is_ok();
    }
    let families = "enable- disable- no- polly x86- aarch64- arm- unroll- vectorize inline-";
    families.split(' ').any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inner: Inner, through: &str, value: &str, expected: &Result<Judged, &str>) {
        let found = judge(inner, through, value, &mut None);
        assert_eq!(
            found.as_ref().map_err(LocalOnly::code),
            expected.as_ref().map_err(|code| *code),
            "{value}"
        );
    }

    #[test]
    fn preprocessor_words_are_macros_or_one_depfile() {
        let of = |option, user_headers_only| {
            Ok(Judged::Depfile {
                option,
                user_headers_only,
            })
        };
        check(Inner::Preprocessor, "-Wp,", "-MD,d/f.d", &of(4, false));
        check(Inner::Preprocessor, "-Wp,", "-MMD,f.d", &of(5, true));
        check(Inner::Preprocessor, "-Wp,", "-MD,f.d,-MT,x", &Err("inner_option"));
        check(Inner::Preprocessor, "-Wp,", "-MD", &Err("inner_option"));
        check(
            Inner::Preprocessor,
            "-Wp,",
            "-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=3",
            &Ok(Judged::Is(Role::Macro)),
        );
        check(Inner::Preprocessor, "-Wp,", "-Wall", &Ok(Judged::Is(Role::Plain)));
        check(
            Inner::Preprocessor,
            "-Xpreprocessor",
            "-fopenmp",
            &Ok(Judged::Is(Role::Plain)),
        );
        check(Inner::Preprocessor, "-Xpreprocessor", "-MD", &Err("inner_option"));
    }

    #[test]
    fn assembler_words_name_no_file() {
        let plain = Ok(Judged::Is(Role::Plain));
        check(Inner::Assembler, "-Wa,", "--noexecstack,-mrelax-relocations=no", &plain);
        check(Inner::Assembler, "-Wa,", "--defsym,A=1,-W", &plain);
        check(Inner::Assembler, "-Wa,", "-Ia,-Ib", &Err("assembler_search"));
        check(Inner::Assembler, "-Wa,", "-Ia,--frobnicate", &Err("inner_option"));
        let file = |name: &str| Ok(Judged::Writes(vec![name.to_owned()]));
        check(Inner::Assembler, "-Wa,", "-adhln=x.lst", &file("x.lst"));
        check(Inner::Assembler, "-Wa,", "-W,--MD,x.d", &file("x.d"));
        check(Inner::Assembler, "-Wa,", "--MD=x.d", &file("x.d"));
        check(Inner::Assembler, "-Wa,", "-adhln", &Err("exotic_output"));
        check(Inner::Assembler, "-Wa,", "-march=native", &Err("native_tuning"));
        check(Inner::Assembler, "-Wa,", "--frobnicate", &Err("inner_option"));
        check(Inner::Assembler, "-Wa,", "@f", &Err("inner_option"));
    }

    #[test]
    fn backend_words_have_no_path() {
        let plain = Ok(Judged::Is(Role::Plain));
        check(Inner::Backend, "-mllvm", "-inline-threshold=100", &plain);
        check(Inner::Backend, "-mllvm", "-enable-gvn-hoist", &plain);
        check(Inner::Backend, "-mllvm", "-stats", &Err("inner_option"));
        check(Inner::Backend, "-mllvm", "-info-output-file=x", &Err("inner_option"));
    }

    #[test]
    fn frontend_operand_follows_through_the_same_option() {
        let mut waiting = None;
        let first = judge(Inner::Frontend, "-Xclang", "-target-feature", &mut waiting);
        assert_eq!((first, waiting), (Ok(Judged::Is(Role::Plain)), Some("-target-feature")));
        let second = judge(Inner::Frontend, "-Xclang", "+avx2", &mut waiting);
        assert_eq!((second, waiting), (Ok(Judged::Is(Role::Plain)), None));
    }
}
