//! The list of searched directories that gcc and clang print under `-v`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Where headers are searched, as the compiler states it: duplicates removed, everything in its final order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchList {
    /// Only for `#include "…"`, before `angled`.
    pub quote: Vec<PathBuf>,
    /// For both forms.
    pub angled: Vec<PathBuf>,
    /// Directories that the compiler left out because they do not exist.
    pub absent: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq)]
enum Section {
    Outside,
    Quote,
    Angled,
}

impl SearchList {
    /// Takes the list out of what `-v` wrote to standard error. `None` if there is no complete list in it.
    pub fn parse(stderr: &[u8]) -> Option<Self> {
        let mut list = Self::default();
        let mut section = Section::Outside;
        let mut complete = false;
        for line in stderr.split(|byte| *byte == b'\n') {
            if line.starts_with(b"#include \"...\" search starts here") {
                section = Section::Quote;
            } else if line.starts_with(b"#include <...> search starts here") {
                section = Section::Angled;
            } else if line.starts_with(b"End of search list") {
                // clang leaves the title of an empty list out.
                complete |= section != Section::Outside;
                section = Section::Outside;
            } else if let Some(rest) = line.strip_prefix(b"ignoring nonexistent directory \"") {
                list.absent.push(path(rest.strip_suffix(b"\"").unwrap_or(rest)));
            } else if let Some(dir) = line.strip_prefix(b" ") {
                match section {
                    Section::Quote => list.quote.push(path(dir)),
                    Section::Angled => list.angled.push(path(dir)),
                    Section::Outside => {}
                }
            }
        }
        complete.then_some(list)
    }
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_what_stands_between_the_markers() {
        let text = b"Target: x86_64-linux-gnu\n not a directory\nignoring nonexistent directory \"/no pe\"\n\
            ignoring duplicate directory \".\"\n#include \"...\" search starts here:\n q d\n\
            #include <...> search starts here:\n .\n /usr/include\nEnd of search list.\n after\n";
        let list = SearchList::parse(text).expect("complete");
        assert_eq!(list.quote, [PathBuf::from("q d")]);
        assert_eq!(list.angled, [PathBuf::from("."), PathBuf::from("/usr/include")]);
        assert_eq!(list.absent, [PathBuf::from("/no pe")]);
    }

    #[test]
    fn a_list_may_be_empty() {
        let text = b"#include \"...\" search starts here:\nEnd of search list.\n";
        assert_eq!(SearchList::parse(text), Some(SearchList::default()));
    }

    #[test]
    fn a_list_without_an_end_is_none() {
        assert_eq!(
            SearchList::parse(b"#include <...> search starts here:\n /usr/include\n"),
            None
        );
        assert_eq!(SearchList::parse(b""), None);
    }
}
