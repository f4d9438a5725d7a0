//! Arguments that come from files of the compiler's own kind: gcc's specs, clang's configuration files. They are followed
//! as far as they neither name files nor make the compiler write any besides its output.

use crate::command::options::{Lookup, Meaning, look_up};
use crate::command::{Family, Role};

/// The first thing in the text of such a file that cannot be followed.
pub(super) fn unknown(family: Family, text: &str) -> Option<String> {
    match family {
        Family::Gcc => in_specs(text),
        Family::Clang => in_configuration(text),
    }
}

/// gcc's specs are a language of their own: every word in it that looks like an option counts, in any branch.
fn in_specs(text: &str) -> Option<String> {
    let commands = ["%include", "%:"];
    if let Some(command) = commands.iter().find(|command| text.contains(**command)) {
        return Some((*command).to_owned());
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_+=.,/-".contains(c);
    let words = text.split(|c| !is_part(c));
    let mut options = words.filter(|word| word.len() > 1 && word.starts_with('-'));
    options.find(|word| !is_harmless(Family::Gcc, word)).map(str::to_owned)
}

/// Words as in a response file; `#` begins a comment.
fn in_configuration(text: &str) -> Option<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let mut words = lines.flat_map(str::split_ascii_whitespace);
    while let Some(word) = words.next() {
        let takes_next = matches!(look_up(Family::Clang, word), Lookup::Separate(_));
        let plain = word.starts_with('-') && !word.contains(['\\', '"', '\'']);
        if !plain || !is_harmless(Family::Clang, word) || (takes_next && words.next().is_none()) {
            return Some(word.to_owned());
        }
    }
    None
}

fn is_harmless(family: Family, word: &str) -> bool {
    let spec = match look_up(family, word) {
        Lookup::Alone(spec) | Lookup::Joined(spec, _) | Lookup::Separate(spec) => spec,
        Lookup::Unknown { .. } => return false,
    };
    matches!(
        spec.meaning,
        Meaning::Is(Role::Plain | Role::Macro | Role::SearchDir(_) | Role::PrefixMap(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_followed_where_they_only_add_flags() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(unknown(Family::Gcc, text).as_deref(), expected, "{text}");
        };
        check("*cc1_options:\n+ %{!fpie:%{!fPIE:-fPIE}}\n", None);
        check("*cpp:\n+ -DX=1 -Iinc\n", None);
        check("*cc1:\n+ -fplugin=annobin\n", Some("-fplugin=annobin"));
        check("%include <nano.specs>\n", Some("%include"));
        check("*cc1:\n+ -MD\n", Some("-MD"));
    }

    #[test]
    fn configuration_files_are_followed_where_they_only_add_flags() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(unknown(Family::Clang, text).as_deref(), expected, "{text}");
        };
        check("# x\n-DX -O2\n  -I <CFGDIR>/inc\n", None);
        check("@other.cfg", Some("@other.cfg"));
        check("-O2 \\\n -g", Some("\\"));
        check("-gsplit-dwarf", Some("-gsplit-dwarf"));
        check("-o x", Some("-o"));
        check("-I", Some("-I"));
    }
}
