//! What an answer of a compiler rests on: as long as this holds, the compiler would answer the same.

use super::ToolFile;
use super::machine::FileDigests;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A statement, with what it rests on.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Proven<T> {
    /// The statement.
    pub(super) value: T,
    /// Its grounds.
    pub(super) evidence: Evidence,
}

/// Files, directories and names whose change makes an answer doubtful. Cheap to check: a stat each.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Evidence {
    files: Vec<ToolFile>,
    links: BTreeMap<PathBuf, PathBuf>,
    directories: BTreeMap<PathBuf, Stamp>,
    existence: BTreeMap<PathBuf, bool>,
}

/// Identity and times of a directory; `None` for one that is not there.
type Stamp = Option<(u64, u64, i64, i64)>;

impl Evidence {
    /// The answer came from these programs and files.
    pub(super) fn files(&mut self, files: &[ToolFile]) {
        self.files.extend_from_slice(files);
    }

    /// `link` resolved to `target`.
    pub(super) fn link(&mut self, link: &Path, target: &Path) {
        self.links.insert(link.to_owned(), target.to_owned());
    }

    /// Something was looked for in this directory; any change of its listing may matter.
    pub(super) fn directory(&mut self, dir: &Path) {
        self.directories.insert(dir.to_owned(), stamp(dir));
    }

    /// Whether this exists was of account.
    pub(super) fn existence(&mut self, path: &Path) {
        self.existence.insert(path.to_owned(), path.exists());
    }

    /// Whether all of it is as it was.
    pub(super) fn holds(&self, digests: &dyn FileDigests) -> bool {
        let same_file = |file: &ToolFile| digests.digest(&file.path).is_ok_and(|now| now == file.digest);
        self.leads_to_the_same() && self.files.iter().all(same_file)
    }

    /// Whether it would still be these files, whatever is in them now.
    pub(super) fn leads_to_the_same(&self) -> bool {
        let same_link = |(link, target): (&PathBuf, &PathBuf)| link.canonicalize().is_ok_and(|now| now == *target);
        self.links.iter().all(same_link)
            && self.existence.iter().all(|(path, existed)| path.exists() == *existed)
            && self.directories.iter().all(|(dir, then)| stamp(dir) == *then)
    }
}

fn stamp(dir: &Path) -> Stamp {
    let meta = dir.metadata().ok()?;
    Some((meta.dev(), meta.ino(), meta.mtime(), meta.mtime_nsec()))
}

/// Digests as `hash/size`, as they are printed.
pub(super) mod digest_text {
    use crate::digest::Digest;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(digest)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
        let text = String::deserialize(from)?;
        let parts = text
            .split_once('/')
            .and_then(|(hash, size)| Some((hash, size.parse().ok()?)));
        let (hash, size) = parts.ok_or_else(|| D::Error::custom("not a digest"))?;
        Digest::from_hex(hash, size).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::toolchain::tests::Disk;
    use std::fs;

    #[test]
    fn evidence_holds_until_something_it_rests_on_changes() {
        let check = |what: &str, change: &dyn Fn(&Path)| {
            let dir = tempfile::tempdir().expect("temporary directory");
            let at = |name: &str| dir.path().join(name);
            fs::write(at("as"), "one").expect("file");
            fs::create_dir(at("lib")).expect("directory");
            std::os::unix::fs::symlink("as", at("link")).expect("link");
            let mut evidence = Evidence::default();
            evidence.files(&[ToolFile {
                path: at("as"),
                digest: Digest::of(b"one"),
            }]);
            evidence.link(&at("link"), &at("as").canonicalize().expect("real path"));
            evidence.directory(&at("lib"));
            evidence.existence(&at("earlier"));
            let kept = serde_json::to_string(&evidence).expect("JSON");
            let evidence: Evidence = serde_json::from_str(&kept).expect("JSON");
            assert!(evidence.holds(&Disk), "before");
            change(dir.path());
            assert!(!evidence.holds(&Disk), "{what}");
            assert_eq!(evidence.leads_to_the_same(), what == "content", "{what}");
        };
        check("content", &|dir| fs::write(dir.join("as"), "two").expect("file"));
        check("a new name", &|dir| fs::write(dir.join("earlier"), "").expect("file"));
        check("a listing", &|dir| fs::remove_dir(dir.join("lib")).expect("directory"));
        check("a link", &|dir| {
            fs::remove_file(dir.join("link")).expect("link");
            std::os::unix::fs::symlink("lib", dir.join("link")).expect("link");
        });
    }
}
