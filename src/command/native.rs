//! `-march=native` and its like: options that stand for the processor at hand. Who asked the driver what they stand for
//! here ([`crate::toolchain`] does) has it written into the command, so that an Action says which processor it means.

use super::{Arg, CompileCommand, Family, Form, Role};
use serde::{Deserialize, Serialize};

/// What a word of a command has to do with this machine's processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Native {
    /// The user's own word, `-march=native`: what runs here gets it, and questions to the compiler do.
    Asked,
    /// What [`Asked`](Self::Asked) stands for here: takes its place wherever the step may run.
    Resolved,
    /// What it stands for here, in words that cannot take its place: part of the key, and the step is placed locally.
    Known,
}

/// What native options stand for on this machine, as the driver's own command line shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeWords {
    /// Never empty.
    pub words: Vec<String>,
    /// Whether the driver, given these words in the [place](placed) of the native ones, hands the same options to the
    /// compiler, in the same order as far as one changes another.
    pub equal: bool,
}

/// Whether a word names the processor at hand.
pub fn is_native(word: &str) -> bool {
    matches!(word, "-march=native" | "-mtune=native" | "-mcpu=native")
}

/// The flags with `words` where they have to stand: gcc hands what `native` stands for to the compiler before all other
/// machine options, clang where the last of the native ones stands.
pub fn placed(family: Family, flags: &[String], words: &[String]) -> Vec<String> {
    let at = place(family, flags.len(), |at| is_native(&flags[at]));
    let (front, back) = flags.split_at(at);
    let own = |flags: &[String]| -> Vec<String> { flags.iter().filter(|flag| !is_native(flag)).cloned().collect() };
    [own(front), words.to_vec(), own(back)].concat()
}

fn place(family: Family, count: usize, is_asked: impl Fn(usize) -> bool) -> usize {
    match family {
        Family::Gcc => 0,
        Family::Clang => (0..count).rev().find(|at| is_asked(*at)).map_or(0, |last| last + 1),
    }
}

impl CompileCommand {
    /// The words that name the processor at hand.
    pub fn native(&self) -> impl Iterator<Item = &Arg> {
        self.with_role(Role::Native(Native::Asked))
    }

    /// The words that say which it is.
    pub fn processor(&self) -> impl Iterator<Item = &str> {
        let says = |role| matches!(role, Role::Native(Native::Resolved | Native::Known));
        let args = self.args.iter().filter(move |arg| says(arg.role));
        args.map(|arg| arg.name.as_str())
    }

    /// The command that also says what its native options stand for.
    #[must_use]
    pub fn with_processor(mut self, native: &NativeWords) -> Self {
        let role = Role::Native(if native.equal { Native::Resolved } else { Native::Known });
        let at = place(self.family, self.args.len(), |at| {
            self.args[at].role == Role::Native(Native::Asked)
        });
        let words = native.words.iter().map(|word| Arg {
            name: word.clone(),
            value: None,
            form: Form::Alone,
            role,
            tail: String::new(),
        });
        self.args.splice(at..at, words);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Driver, parse};

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn words_stand_where_the_driver_would_put_them() {
        let check = |family, flags: &str, expected: &str| {
            let found = placed(family, &words(flags), &words("-ma -mb"));
            assert_eq!(found, words(expected), "{flags}");
        };
        check(Family::Gcc, "-O2 -mx -march=native -my", "-ma -mb -O2 -mx -my");
        check(Family::Clang, "-O2 -mx -march=native -my", "-O2 -mx -ma -mb -my");
        check(Family::Clang, "-march=native -mx -mtune=native", "-mx -ma -mb");
    }

    #[test]
    fn a_command_says_what_it_stands_for() {
        let driver = Driver {
            family: Family::Clang,
            cxx: false,
            version: (19, 0, 0),
        };
        let command = parse(&driver, &words("-c a.c -march=native -mx87"), &mut |_| None).expect("a compile");
        assert_eq!(command.native().count(), 1);
        let native = NativeWords {
            words: words("-march=a -mb"),
            equal: true,
        };
        let command = command.with_processor(&native);
        assert_eq!(command.processor().collect::<Vec<_>>(), ["-march=a", "-mb"]);
        let all: Vec<String> = command.args.iter().flat_map(Arg::words).collect();
        assert_eq!(all, words("-c a.c -march=native -march=a -mb -mx87"));
    }
}
