//! Digests of blobs: a hash and a size, as the Remote Execution API names content.

use crate::pb::reapi;
use sha2::Digest as _;
use std::fmt;

/// The name of a blob: its SHA-256 and its size in bytes. Two digests are the same blob only if both agree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    hash: [u8; 32],
    size: u64,
}

/// A digest on the wire that is none: a wrong length, other characters than lower-case hex, a negative size.
#[derive(Debug, thiserror::Error)]
#[error("not a SHA-256 digest: `{0}`")]
pub struct BadDigest(String);

impl Digest {
    /// The digest of no bytes.
    pub fn empty() -> Self {
        Self::of(b"")
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            hash: sha2::Sha256::digest(bytes).into(),
            size: bytes.len() as u64,
        }
    }

    /// From a hash computed elsewhere.
    pub fn from_parts(hash: [u8; 32], size: u64) -> Self {
        Self { hash, size }
    }

    /// The size of the blob in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The raw hash.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The hash in lower-case hex, as the protocol writes it.
    pub fn hex(&self) -> String {
        use fmt::Write as _;
        self.hash.iter().fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
            text
        })
    }

    /// From the hash in lower-case hex and a size.
    pub fn from_hex(hex: &str, size: u64) -> Result<Self, BadDigest> {
        let bad = || BadDigest(format!("{hex}/{size}"));
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(bad());
        }
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self { hash, size })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.hex(), self.size)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Digest> for reapi::Digest {
    fn from(digest: Digest) -> Self {
        Self {
            hash: digest.hex(),
            size_bytes: digest.size.cast_signed(),
        }
    }
}

impl TryFrom<&reapi::Digest> for Digest {
    type Error = BadDigest;

    fn try_from(wire: &reapi::Digest) -> Result<Self, BadDigest> {
        let size =
            u64::try_from(wire.size_bytes).map_err(|_| BadDigest(format!("{}/{}", wire.hash, wire.size_bytes)))?;
        Self::from_hex(&wire.hash, size)
    }
}

/// Hashes a blob that arrives in pieces.
#[derive(Default)]
pub struct Hasher {
    sha: sha2::Sha256,
    size: u64,
}

impl Hasher {
    /// Nothing hashed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// The digest of everything taken.
    pub fn finish(self) -> Digest {
        Digest::from_parts(self.sha.finalize().into(), self.size)
    }
}

impl std::io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_blob_has_the_published_hash() {
        assert_eq!(
            Digest::empty().to_string(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/0"
        );
    }

    #[test]
    fn wire_form_round_trips_and_bad_ones_are_refused() {
        let digest = Digest::of(b"int main(){}");
        let wire = reapi::Digest::from(digest);
        assert_eq!(Digest::try_from(&wire).expect("round trip"), digest);
        for (hash, size) in [("", 0), ("E3", 0), (&*"G".repeat(64), 1), (&*"a".repeat(64), -1)] {
            let wire = reapi::Digest {
                hash: hash.to_owned(),
                size_bytes: size,
            };
            assert!(Digest::try_from(&wire).is_err(), "{hash}/{size}");
        }
    }

    #[test]
    fn hashing_in_pieces_is_hashing_at_once() {
        let mut hasher = Hasher::new();
        hasher.update(b"ab");
        hasher.update(b"c");
        assert_eq!(hasher.finish(), Digest::of(b"abc"));
    }
}
