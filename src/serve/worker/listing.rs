//! A Directory message that has been found to be what the protocol allows.

use crate::digest::{Digest, Function};
use crate::pb::reapi;
use std::collections::HashSet;

/// Links do not know how long a path may be, but the kernel does (`PATH_MAX`).
const LONGEST_TARGET: usize = 4095;

/// What of its node properties counts; others are for other workers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties {
    /// Seconds since 1970, and nanoseconds.
    pub(super) mtime: Option<(i64, u32)>,
    /// Permission bits, without set-uid and its like.
    pub(super) mode: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) digest: Digest,
    pub(super) executable: bool,
    pub(super) properties: Properties,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) target: String,
}

/// The entries of a directory. No name is there twice, and each is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) files: Vec<File>,
    pub(super) directories: Vec<(String, Digest)>,
    pub(super) links: Vec<Link>,
    pub(super) properties: Properties,
}

impl Listing {
    /// Says what is wrong, for "the input tree …". Entries need not be sorted: foreign clients' are not always.
    pub(super) fn of(message: reapi::Directory, function: Function) -> Result<Self, String> {
        let digest = |name: &str, digest: Option<&reapi::Digest>| {
            let digest = digest.ok_or_else(|| format!("has no digest for {name:?}"))?;
            function
                .digest_from_wire(digest)
                .map_err(|error| format!("has an entry {name:?}: {error}"))
        };
        let mut listing = Self {
            properties: properties(message.node_properties.as_ref())?,
            ..Self::default()
        };
        for file in message.files {
            listing.files.push(File {
                digest: digest(&file.name, file.digest.as_ref())?,
                executable: file.is_executable,
                properties: properties(file.node_properties.as_ref())?,
                name: file.name,
            });
        }
        for directory in message.directories {
            let digest = digest(&directory.name, directory.digest.as_ref())?;
            listing.directories.push((directory.name, digest));
        }
        for link in message.symlinks {
            let fits = !link.target.is_empty() && link.target.len() <= LONGEST_TARGET && !link.target.contains('\0');
            if !fits {
                return Err(format!("has a symbolic link {:?} that leads to no path", link.name));
            }
            listing.links.push(Link {
                name: link.name,
                target: link.target,
            });
        }
        listing.check_names()?;
        Ok(listing)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.files.len() + self.directories.len() + self.links.len()
    }

    fn check_names(&self) -> Result<(), String> {
        let files = self.files.iter().map(|file| &file.name);
        let directories = self.directories.iter().map(|(name, _)| name);
        let links = self.links.iter().map(|link| &link.name);
        let mut seen = HashSet::with_capacity(self.len());
        for name in files.chain(directories).chain(links) {
            if !is_name(name) {
                return Err(format!("has an entry with the name {name:?}"));
            }
            if !seen.insert(name) {
                return Err(format!("has two entries with the name {name:?}"));
            }
        }
        Ok(())
    }
}

/// Whether it names an entry of a directory, and no other place.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains(['/', '\0'])
}

fn properties(message: Option<&reapi::NodeProperties>) -> Result<Properties, String> {
    let Some(message) = message else {
        return Ok(Properties::default());
    };
    let mtime = message.mtime.map(|time| match u32::try_from(time.nanos) {
        Ok(nanos) if nanos < 1_000_000_000 => Ok((time.seconds, nanos)),
        _ => Err("has a modification time that is none".to_owned()),
    });
    Ok(Properties {
        mtime: mtime.transpose()?,
        mode: message.unix_mode.map(|mode| mode & 0o777),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> reapi::FileNode {
        reapi::FileNode {
            name: name.to_owned(),
            digest: Some(Digest::empty().into()),
            ..Default::default()
        }
    }

    fn link(name: &str, target: &str) -> reapi::SymlinkNode {
        reapi::SymlinkNode {
            name: name.to_owned(),
            target: target.to_owned(),
            node_properties: None,
        }
    }

    #[track_caller]
    fn check(message: reapi::Directory, expected: Result<(), &str>) {
        let found = Listing::of(message, Function::Sha256).map(|_| ());
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_name_is_one_and_there_once() {
        let check = |name: &str, expected| {
            let files = vec![file(name), file("x")];
            check(
                reapi::Directory {
                    files,
                    ..Default::default()
                },
                expected,
            );
        };
        check("y", Ok(()));
        check("...", Ok(()));
        check("", Err(r#"has an entry with the name """#));
        check(".", Err(r#"has an entry with the name ".""#));
        check("..", Err(r#"has an entry with the name "..""#));
        check("a/b", Err(r#"has an entry with the name "a/b""#));
        check("/etc", Err(r#"has an entry with the name "/etc""#));
        check("a\0", Err(r#"has an entry with the name "a\0""#));
        check("x", Err(r#"has two entries with the name "x""#));
    }

    #[test]
    fn entries_of_two_kinds_have_two_names() {
        let message = reapi::Directory {
            files: vec![file("x")],
            symlinks: vec![link("x", "y")],
            ..Default::default()
        };
        check(message, Err(r#"has two entries with the name "x""#));
    }

    #[test]
    fn a_link_leads_anywhere_but_somewhere() {
        let check = |target: &str, fits: bool| {
            let symlinks = vec![link("x", target)];
            let expected = r#"has a symbolic link "x" that leads to no path"#;
            check(
                reapi::Directory {
                    symlinks,
                    ..Default::default()
                },
                fits.then_some(()).ok_or(expected),
            );
        };
        check("/etc/passwd", true);
        check("../../..", true);
        check("", false);
        check("a\0b", false);
        check(&"a".repeat(4096), false);
    }

    #[test]
    fn a_digest_is_needed() {
        let nameless = reapi::FileNode {
            digest: None,
            ..file("x")
        };
        let message = reapi::Directory {
            files: vec![nameless],
            ..Default::default()
        };
        check(message, Err(r#"has no digest for "x""#));
    }
}
