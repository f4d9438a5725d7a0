//! Preprocessed text with the user's own paths. Only the lines by which the preprocessor says where it is (`# 1 "a.c"`,
//! `#line 1 "a.c"`) name files as they were opened; all other text is the source's own and stays.

use super::diagnostics::{self, BadText};
use crate::action::PathMap;
use std::borrow::Cow;

/// The text as the user's own compiler would have written it.
pub fn restore(bytes: &[u8], paths: &PathMap) -> Result<Vec<u8>, BadText> {
    if PathMap::names_worker(bytes) {
        return Err(BadText::NamesWorker);
    }
    in_markers(bytes, |line| diagnostics::restore(line, paths))
}

/// The reverse of [`restore`]: text that the user's own command wrote, as the action would have written it. Whatever
/// comes out is restored to what went in.
pub fn relocate(bytes: &[u8], paths: &PathMap) -> Result<Vec<u8>, BadText> {
    in_markers(bytes, |line| diagnostics::relocate(line, paths))
}

fn in_markers(bytes: &[u8], change: impl Fn(&[u8]) -> Result<Vec<u8>, BadText>) -> Result<Vec<u8>, BadText> {
    let mut out = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let line = if is_marker(line) {
            Cow::Owned(change(line)?)
        } else {
            Cow::Borrowed(line)
        };
        out.extend_from_slice(&line);
    }
    Ok(out)
}

/// `# 1 "` or `#line 1 "`.
fn is_marker(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"#line ").or_else(|| line.strip_prefix(b"# "));
    let digits = |rest: &[u8]| rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest.is_some_and(|rest| {
        let digits = digits(rest);
        digits > 0 && rest[digits..].starts_with(b" \"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Place;
    use crate::config::PathsMode;
    use std::path::Path;

    fn paths() -> PathMap {
        let place = Place::new(Path::new("/h/p"), Path::new("/h/p/b")).expect("place");
        PathMap::relocated(&place, PathsMode::Exact)
    }

    #[test]
    fn only_line_markers_name_files_as_they_were_opened() {
        let printed = "# 0 \"../../_rw/a.c\"\n# 0 \"/proc/self/cwd//\"\nchar *s = \"/proc/self/cwd ../../_rw/a\";\n\
            #line 3 \"../../_rw/b.h\"\n# define X \"../../_rw\"\n#pragma x 1 \"../../_rw\"\n";
        let expected = "# 0 \"/h/p/a.c\"\n# 0 \"/h/p/b//\"\nchar *s = \"/proc/self/cwd ../../_rw/a\";\n\
            #line 3 \"/h/p/b.h\"\n# define X \"../../_rw\"\n#pragma x 1 \"../../_rw\"\n";
        let restored = restore(printed.as_bytes(), &paths()).expect("restorable");
        assert_eq!(String::from_utf8_lossy(&restored), expected);
    }

    #[test]
    fn text_of_the_users_own_compiler_is_relocated() {
        let printed = "# 1 \"/h/p/a.c\" 1\nchar *s = \"/h/p/a.c\";\n";
        let relocated = relocate(printed.as_bytes(), &paths()).expect("relocatable");
        assert_eq!(
            String::from_utf8_lossy(&relocated),
            "# 1 \"../../_rw/a.c\" 1\nchar *s = \"/h/p/a.c\";\n"
        );
        assert_eq!(restore(&relocated, &paths()), Ok(printed.as_bytes().to_vec()));
    }
}
