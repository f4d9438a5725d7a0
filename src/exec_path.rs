//! Paths inside the exec root, as the input root names them.

use std::fmt;

/// A path relative to the exec root: normal components joined by `/`, UTF-8 (REAPI strings are), never empty
/// components, `.` or `..`, no leading or trailing slash. The root itself is the empty path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ExecPath(String);

/// A path that cannot be one of the input root.
#[derive(Debug, thiserror::Error)]
#[error("not a path inside the exec root: `{0}`")]
pub struct BadExecPath(pub String);

impl ExecPath {
    /// The exec root itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// From text that is already in normal form.
    pub fn new(path: impl Into<String>) -> Result<Self, BadExecPath> {
        let path = path.into();
        let normal = path.is_empty()
            || path
                .split('/')
                .all(|part| !part.is_empty() && part != "." && part != ".." && !part.contains('\0'));
        if normal { Ok(Self(path)) } else { Err(BadExecPath(path)) }
    }

    /// The text, `/`-separated.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the exec root itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The components, outermost first; none for the root.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// How many components.
    pub fn depth(&self) -> usize {
        self.components().count()
    }

    /// This path and a normal relative path below it.
    pub fn join(&self, below: &Self) -> Self {
        match (self.is_root(), below.is_root()) {
            (true, _) => below.clone(),
            (_, true) => self.clone(),
            _ => Self(format!("{}/{}", self.0, below.0)),
        }
    }

    /// The directory that holds it; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(Self(
            self.0
                .rsplit_once('/')
                .map_or(String::new(), |(parent, _)| parent.to_owned()),
        ))
    }
}

impl fmt::Display for ExecPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ExecPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_normal_relative_paths_are_paths() {
        for good in ["", "a", "a/b.c", ".hidden", "a..b/c"] {
            assert!(ExecPath::new(good).is_ok(), "{good}");
        }
        for bad in ["/", "/a", "a/", "a//b", "./a", "a/../b", "..", "a\0b"] {
            assert!(ExecPath::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn joining_and_parent_are_inverse() {
        let dir = ExecPath::new("a/b").expect("path");
        let file = dir.join(&ExecPath::new("c").expect("path"));
        assert_eq!(file.as_str(), "a/b/c");
        assert_eq!(file.parent(), Some(dir));
        assert_eq!(ExecPath::root().parent(), None);
    }
}
