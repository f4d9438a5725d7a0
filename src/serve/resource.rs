//! The resource names of the ByteStream service (REAPI, ContentAddressableStorage):
//!
//! ```text
//! {instance}/blobs/{function/}{hash}/{size}                                    read
//! {instance}/compressed-blobs/zstd/{function/}{hash}/{size}                    read
//! {instance}/uploads/{uuid}/blobs/{function/}{hash}/{size}{/anything}          write
//! {instance}/uploads/{uuid}/compressed-blobs/zstd/{function/}{hash}/{size}{/anything}
//! ```
//!
//! The function is left out for SHA-256, which every client knows, and said for BLAKE3.

use super::instance::{BadInstance, Instance, RESERVED};
use crate::digest::{BadDigest, Digest, Function};
use tonic::Status;

/// Longer identifiers of uploads, in bytes, are nobody's; a UUID has 36.
const LONGEST_UUID: usize = 256;

/// How the bytes of a stream stand for those of the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As they are.
    Identity,
    /// zstd.
    Zstd,
}

/// What a read names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReadName {
    pub(super) digest: Digest,
    pub(super) encoding: Encoding,
}

/// What a write names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WriteName {
    /// Chosen by the client, so that it finds its own upload again.
    pub(super) uuid: String,
    pub(super) digest: Digest,
    pub(super) encoding: Encoding,
}

/// A name that is none of a blob.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadName {
    #[error("not the name of a blob to be {0}")]
    Shape(&'static str),
    #[error(transparent)]
    Instance(#[from] BadInstance),
    #[error(transparent)]
    Digest(#[from] BadDigest),
    #[error("`{0}` is no size")]
    Size(String),
    #[error("there is no compressor `{0}` here")]
    Compressor(String),
}

impl From<BadName> for Status {
    fn from(error: BadName) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

impl ReadName {
    pub(super) fn parse(name: &str) -> Result<Self, BadName> {
        let bad = || BadName::Shape("read");
        let segments: Vec<&str> = name.split('/').collect();
        match blob(after_instance(&segments).ok_or_else(bad)??).ok_or_else(bad)?? {
            (digest, encoding, []) => Ok(Self { digest, encoding }),
            _ => Err(bad()),
        }
    }
}

impl WriteName {
    pub(super) fn parse(name: &str) -> Result<Self, BadName> {
        let bad = || BadName::Shape("written");
        let segments: Vec<&str> = name.split('/').collect();
        let ["uploads", uuid, rest @ ..] = after_instance(&segments).ok_or_else(bad)?? else {
            return Err(bad());
        };
        if uuid.is_empty() || uuid.len() > LONGEST_UUID {
            return Err(bad());
        }
        let (digest, encoding, _) = blob(rest).ok_or_else(bad)??;
        Ok(Self {
            uuid: (*uuid).to_owned(),
            digest,
            encoding,
        })
    }
}

/// What comes after the instance name, which ends where the first reserved word stands; `None` if there is none.
fn after_instance<'a, 'b>(segments: &'a [&'b str]) -> Option<Result<&'a [&'b str], BadName>> {
    let at = segments.iter().position(|segment| RESERVED.contains(segment))?;
    let (instance, rest) = segments.split_at(at);
    Some(match Instance::parse(&instance.join("/")) {
        // A slash before the first word: joined, the empty segment cannot be seen.
        _ if instance == [""] => Err(BadInstance::EmptySegment.into()),
        Ok(_) => Ok(rest), // The blobs of all instances are the same.
        Err(error) => Err(error.into()),
    })
}

/// A blob and the segments after it.
type Blob<'a, 'b> = (Digest, Encoding, &'a [&'b str]);

/// The blob and what comes after it; `None` if the segments do not begin like a blob's.
fn blob<'a, 'b>(segments: &'a [&'b str]) -> Option<Result<Blob<'a, 'b>, BadName>> {
    let (encoding, rest) = match segments {
        ["blobs", rest @ ..] => (Encoding::Identity, rest),
        ["compressed-blobs", "zstd", rest @ ..] => (Encoding::Zstd, rest),
        ["compressed-blobs", other, ..] => return Some(Err(BadName::Compressor((*other).to_owned()))),
        _ => return None,
    };
    let named = |name: &str| Function::ALL.into_iter().find(|function| function.name() == name);
    let (function, rest) = match rest {
        [name, rest @ ..] if named(name).is_some() => (named(name)?, rest),
        _ => (Function::default(), rest),
    };
    let [hash, size, rest @ ..] = rest else { return None };
    Some(digest(function, hash, size).map(|digest| (digest, encoding, rest)))
}

fn digest(function: Function, hash: &str, text: &str) -> Result<Digest, BadName> {
    // Not `u64`: on the wire a size is signed. Only digits: no `+1`.
    let size = text.parse::<i64>().ok().and_then(|size| u64::try_from(size).ok());
    match size.filter(|size| size.to_string() == text) {
        Some(size) => Ok(function.digest_from_hex(hash, size)?),
        None => Err(BadName::Size(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn digest_of(function: Function, size: u64) -> Digest {
        function.digest_from_hex(HASH, size).unwrap()
    }

    #[test]
    fn names_to_read() {
        let check = |name: &str, function, encoding| {
            let name = name.replace("HASH", HASH);
            let digest = digest_of(function, 7);
            assert_eq!(ReadName::parse(&name).unwrap(), ReadName { digest, encoding }, "{name}");
        };
        check("blobs/HASH/7", Function::Sha256, Encoding::Identity);
        check("blobs/sha256/HASH/7", Function::Sha256, Encoding::Identity);
        check("a/b/blobs/HASH/7", Function::Sha256, Encoding::Identity);
        check("blobs/blake3/HASH/7", Function::Blake3, Encoding::Identity);
        check("compressed-blobs/zstd/HASH/7", Function::Sha256, Encoding::Zstd);
        check(
            "main/compressed-blobs/zstd/blake3/HASH/7",
            Function::Blake3,
            Encoding::Zstd,
        );
    }

    #[test]
    fn names_to_write() {
        let check = |name: &str, function, encoding| {
            let name = name.replace("HASH", HASH);
            let expected = WriteName {
                uuid: "id".to_owned(),
                digest: digest_of(function, 7),
                encoding,
            };
            assert_eq!(WriteName::parse(&name).unwrap(), expected, "{name}");
        };
        check("uploads/id/blobs/HASH/7", Function::Sha256, Encoding::Identity);
        check(
            "uploads/id/blobs/HASH/7/any/thing",
            Function::Sha256,
            Encoding::Identity,
        );
        check(
            "a/b/uploads/id/blobs/blake3/HASH/7",
            Function::Blake3,
            Encoding::Identity,
        );
        check(
            "uploads/id/compressed-blobs/zstd/HASH/7",
            Function::Sha256,
            Encoding::Zstd,
        );
        check(
            "uploads/id/compressed-blobs/zstd/blake3/HASH/7/x",
            Function::Blake3,
            Encoding::Zstd,
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in [
            "",
            "/",
            "blobs",
            "blobs/",
            "blobs/HASH",
            "blobs/HASH/",
            "blobs/HASH/-1",
            "blobs/HASH/+1",
            "blobs/HASH/01",
            "blobs/HASH/1x",
            "blobs/HASH/9223372036854775808",
            "blobs/HASH/18446744073709551616",
            "blobs/abc/1",
            "blobs/HASHff/1",
            "blobs/../../etc/passwd/1",
            "blobs/md5/HASH/1",
            "blobs/BLAKE3/HASH/1",
            "/blobs/HASH/1",
            "a//blobs/HASH/1",
            "actions/blobs/HASH/1",
            "compressed-blobs/HASH/1",
            "compressed-blobs/deflate/HASH/1",
            "compressed-blobs/identity/HASH/1",
            "HASH/1",
        ] {
            let name = name.replace("HASH", HASH);
            assert!(ReadName::parse(&name).is_err(), "{name}");
            assert!(WriteName::parse(&format!("uploads/id/{name}")).is_err(), "{name}");
        }
        let upper = HASH.to_uppercase();
        assert!(ReadName::parse(&format!("blobs/{upper}/1")).is_err());
        for name in ["uploads/id/blobs/HASH/1", "blobs/HASH/1/more"] {
            assert!(ReadName::parse(&name.replace("HASH", HASH)).is_err(), "{name}");
        }
        for name in [
            "blobs/HASH/1",
            "uploads/blobs/HASH/1",
            "uploads//blobs/HASH/1",
            "uploads/a/b/blobs/HASH/1",
        ] {
            assert!(WriteName::parse(&name.replace("HASH", HASH)).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(name: String) {
            drop((ReadName::parse(&name), WriteName::parse(&name)));
        }

        #[test]
        fn any_words_are_parsed_or_refused(
            words in prop::collection::vec(
                prop::sample::select(vec!["", "a", "blobs", "uploads", "compressed-blobs", "zstd", "blake3", HASH, "7", "-7"]),
                0..9,
            ),
        ) {
            let name = words.join("/");
            if let Ok(parsed) = ReadName::parse(&name) {
                prop_assert_eq!(parsed.digest.size(), 7);
                prop_assert_eq!(parsed.digest.hex(), HASH);
            }
            if let Ok(parsed) = WriteName::parse(&name) {
                prop_assert_eq!(parsed.digest.size(), 7);
                prop_assert!(!parsed.uuid.is_empty());
            }
        }
    }
}
