//! What a compiler printed, with the user's own paths. Only names of directories are replaced: carets refer to source
//! text and the indents of "included from" lines are fixed, so that no layout depends on the length of a path.

use crate::action::PathMap;
use crate::action::path_map::Replacement;

/// Text whose paths cannot be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// It names the worker's own directory, which is in no map: what the user would have seen is not known.
    #[error("cannot restore diagnostics: they name the worker's own directory")]
    NamesWorker,
    /// It holds text of its own that reads like a relocated path.
    #[error("cannot relocate diagnostics: they would not be restored")]
    Ambiguous,
}

/// The text as the user's own compiler would have printed it.
pub fn restore(bytes: &[u8], paths: &PathMap) -> Result<Vec<u8>, BadText> {
    let restored = replace(bytes, paths.to_home());
    if PathMap::names_worker(&restored) {
        Err(BadText::NamesWorker)
    } else {
        Ok(restored)
    }
}

/// The reverse of [`restore`]: text that the user's own command printed, as the action would have printed it. Whatever
/// comes out is restored to what went in.
pub fn relocate(bytes: &[u8], paths: &PathMap) -> Result<Vec<u8>, BadText> {
    let relocated = replace(bytes, paths.from_home());
    // A portable run here prints `/_rw` itself where `__FILE__` gets into a message: that is no difference.
    let seen = replace(bytes, paths.recorded());
    if restore(&relocated, paths)? == seen {
        Ok(relocated)
    } else {
        Err(BadText::Ambiguous)
    }
}

/// One pass, so that what was put in is not replaced again.
fn replace<'a>(bytes: &[u8], replacements: impl IntoIterator<Item = Replacement<'a>>) -> Vec<u8> {
    let replacements: Vec<_> = replacements.into_iter().collect();
    if replacements.is_empty() {
        return bytes.to_vec();
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let before = at.checked_sub(1).map(|at| bytes[at]);
        let found = replacements
            .iter()
            .find(|replacement| stands(&bytes[at..], before, replacement));
        if let Some(replacement) = found {
            out.extend_from_slice(replacement.to.as_bytes());
            at += replacement.from.len();
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// Whether the name stands here as a whole: neither `x/../_rw` nor `../_rwx` are our `../_rw`.
fn stands(rest: &[u8], before: Option<u8>, replacement: &Replacement<'_>) -> bool {
    let Some(after) = rest.strip_prefix(replacement.from.as_bytes()) else {
        return false;
    };
    let starts = match before {
        None => true,
        Some(b'/' | b'.') => false,
        Some(byte) => !replacement.at_word_start || !in_path(byte),
    };
    starts
        && after
            .first()
            .is_none_or(|byte| *byte == b'/' || !in_path(*byte) || ends_sentence(after))
}

/// A full stop or similar that ends the text around the name.
fn ends_sentence(after: &[u8]) -> bool {
    matches!(after, [b'.'] | [b'.', b' ' | b'\n', ..])
}

fn in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"/._-+~@%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Place;
    use crate::config::PathsMode;
    use proptest::prelude::*;
    use std::path::Path;

    fn paths(mode: PathsMode) -> PathMap {
        let place = Place::new(Path::new("/h/my p"), Path::new("/h/my p/b")).expect("place");
        PathMap::relocated(&place, mode)
    }

    #[track_caller]
    fn check(mode: PathsMode, printed: &str, expected: &str) {
        let restored = restore(printed.as_bytes(), &paths(mode)).expect("no worker's path");
        assert_eq!(String::from_utf8_lossy(&restored), expected);
    }

    #[test]
    fn relocated_names_become_the_users() {
        for mode in [PathsMode::Exact, PathsMode::Portable] {
            check(mode, "../../_rw/a.c:1:2: warning: x\n", "/h/my p/a.c:1:2: warning: x\n");
            check(mode, "from ./../../_rw/a.c:", "from /h/my p/a.c:");
            check(
                mode,
                "unused '-I../../_rw/inc' (../../_rw)",
                "unused '-I/h/my p/inc' (/h/my p)",
            );
            check(
                mode,
                "in \u{1b}[1m../../_rw/a.c:\u{1b}[m",
                "in \u{1b}[1m/h/my p/a.c:\u{1b}[m",
            );
            check(
                mode,
                "/proc/self/cwd/x.c and /proc/self/cwd.",
                "/h/my p/b/x.c and /h/my p/b.",
            );
        }
    }

    #[test]
    fn names_that_only_look_like_ours_stay() {
        for mode in [PathsMode::Exact, PathsMode::Portable] {
            for text in [
                "x/../../_rw/a.c",
                "../../../_rw/a.c",
                "x/./../../_rw/a.c",
                "../../_rwx/a.c",
                "../_rw/a.c",
                "/x/proc/self/cwd/a.c",
                "a/_rw/b",
                "/_rwx",
            ] {
                check(mode, text, text);
            }
        }
    }

    #[test]
    fn the_portable_root_is_the_users_only_in_portable_mode() {
        check(PathsMode::Exact, "'/_rw/a.c'", "'/_rw/a.c'");
        check(
            PathsMode::Portable,
            "error: /_rw/a.c \"/_rw/b.c\" /_rw",
            "error: /h/my p/a.c \"/h/my p/b.c\" /h/my p",
        );
    }

    #[test]
    fn an_action_placed_locally_prints_the_users_paths() {
        let printed = b"../../_rw/a.c /proc/self/cwd";
        assert_eq!(restore(printed, &PathMap::identity()), Ok(printed.to_vec()));
        assert_eq!(relocate(printed, &PathMap::identity()), Ok(printed.to_vec()));
    }

    #[test]
    fn text_of_the_users_own_compiler_is_relocated() {
        let printed = b"/h/my p/a.c:1: warning: unused '-I/h/my p'\n/h/my p2/b.c and /x/h/my p/y\n";
        let expected = b"../../_rw/a.c:1: warning: unused '-I../../_rw'\n/h/my p2/b.c and /x../../_rw/y\n";
        assert_eq!(relocate(printed, &paths(PathsMode::Exact)), Ok(expected.to_vec()));
        for text in ["/h/my p/h/my p", "../../_rw/a.c"] {
            assert_eq!(
                relocate(text.as_bytes(), &paths(PathsMode::Exact)),
                Err(BadText::Ambiguous),
                "{text}"
            );
        }
        let portable = b"static assertion: /_rw/a.c";
        assert_eq!(relocate(portable, &paths(PathsMode::Portable)), Ok(portable.to_vec()));
    }

    #[test]
    fn a_workers_own_directory_cannot_be_restored() {
        let printed = format!("/worker/1/{}/_rw/a.c:1: error", crate::action::place::FILLER);
        assert_eq!(
            restore(printed.as_bytes(), &paths(PathsMode::Exact)),
            Err(BadText::NamesWorker)
        );
    }

    proptest! {
        #[test]
        fn relocated_text_is_restored(
            words in proptest::collection::vec("(/h/my p|/h/my p/b|x|'|:|\n| |/|\\.\\./|-I|b\\.c|é){1,3}", 0..8),
        ) {
            let text = words.join(" ");
            prop_assume!(!text.contains("_rw"));
            let paths = paths(PathsMode::Portable);
            if let Ok(relocated) = relocate(text.as_bytes(), &paths) {
                let restored = restore(&relocated, &paths).expect("no worker's path");
                prop_assert_eq!(String::from_utf8_lossy(&restored), text);
            }
        }
    }
}
