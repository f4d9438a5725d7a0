//! Digests of blobs: a hash and a size, as the Remote Execution API names content.

use crate::pb::reapi;
use sha2::Digest as _;
use std::fmt;

/// How content is turned into a hash. rewrap itself names everything by SHA-256; a server may be asked in another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// `DigestFunction.SHA256`: every server has it.
    #[default]
    Sha256,
    /// `DigestFunction.BLAKE3`.
    Blake3,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Blake3];

    /// As the protocol numbers it. `UNKNOWN` is what clients say that knew only one: SHA-256, judging by the length of
    /// a hash, since BLAKE3 must be said (REAPI, `digest_function` of each request). `None` for one that is not here.
    pub fn from_wire(value: i32) -> Option<Self> {
        use reapi::digest_function::Value;
        match Value::try_from(value) {
            Ok(Value::Unknown | Value::Sha256) => Some(Self::Sha256),
            Ok(Value::Blake3) => Some(Self::Blake3),
            _ => None,
        }
    }

    /// The protocol's number.
    pub fn to_wire(self) -> reapi::digest_function::Value {
        match self {
            Self::Sha256 => reapi::digest_function::Value::Sha256,
            Self::Blake3 => reapi::digest_function::Value::Blake3,
        }
    }

    /// As it is spelled in names: lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Blake3 => "blake3",
        }
    }

    /// The digest of these bytes.
    pub fn digest(self, bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::of(self);
        hasher.update(bytes);
        hasher.finish()
    }

    /// From a hash in lower-case hex and a size.
    pub fn digest_from_hex(self, hex: &str, size: u64) -> Result<Digest, BadDigest> {
        let bad = || BadDigest {
            function: self,
            text: format!("{hex}/{size}"),
        };
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(bad()),
        };
        if hex.len() != 64 {
            return Err(bad());
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Digest {
            hash,
            size,
            function: self,
        })
    }

    /// A digest of this function on the wire.
    pub fn digest_from_wire(self, wire: &reapi::Digest) -> Result<Digest, BadDigest> {
        let size = u64::try_from(wire.size_bytes).map_err(|_| BadDigest {
            function: self,
            text: format!("{}/{}", wire.hash, wire.size_bytes),
        })?;
        self.digest_from_hex(&wire.hash, size)
    }
}

/// The name of a blob: its hash and its size in bytes. Two digests are the same blob only if all agree.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    hash: [u8; 32],
    size: u64,
    function: Function,
}

/// A digest on the wire that is none: a wrong length, other characters than lower-case hex, a negative size.
#[derive(Debug, thiserror::Error)]
#[error("not a {} digest: `{text}`", .function.to_wire().as_str_name())]
pub struct BadDigest {
    function: Function,
    text: String,
}

impl Digest {
    /// The SHA-256 digest of no bytes.
    pub fn empty() -> Self {
        Self::of(b"")
    }

    /// The SHA-256 digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Function::Sha256.digest(bytes)
    }

    /// From a SHA-256 hash computed elsewhere.
    pub fn from_parts(hash: [u8; 32], size: u64) -> Self {
        Self {
            hash,
            size,
            function: Function::Sha256,
        }
    }

    /// The size of the blob in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What the hash was made with.
    pub fn function(&self) -> Function {
        self.function
    }

    /// Whether it names the blob of no bytes.
    pub fn is_empty(&self) -> bool {
        self.size == 0 && *self == self.function.digest(b"")
    }

    /// The raw hash.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The hash in lower-case hex, as the protocol writes it.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        self.hash.iter().flat_map(digits).map(char::from).collect()
    }

    /// From a SHA-256 hash in lower-case hex and a size.
    pub fn from_hex(hex: &str, size: u64) -> Result<Self, BadDigest> {
        Function::Sha256.digest_from_hex(hex, size)
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

    /// Of SHA-256.
    fn try_from(wire: &reapi::Digest) -> Result<Self, BadDigest> {
        Function::Sha256.digest_from_wire(wire)
    }
}

/// Hashes a blob that arrives in pieces.
pub struct Hasher {
    state: State,
    size: u64,
}

enum State {
    Sha256(sha2::Sha256),
    /// Nearly two kilobytes.
    Blake3(Box<blake3::Hasher>),
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher {
    /// SHA-256, nothing hashed yet.
    pub fn new() -> Self {
        Self::of(Function::Sha256)
    }

    /// Of this function, nothing hashed yet.
    pub fn of(function: Function) -> Self {
        let state = match function {
            Function::Sha256 => State::Sha256(sha2::Sha256::default()),
            Function::Blake3 => State::Blake3(Box::default()),
        };
        Self { state, size: 0 }
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(state) => state.update(bytes),
            State::Blake3(state) => {
                state.update(bytes);
            }
        }
        self.size += bytes.len() as u64;
    }

    /// The digest of everything taken.
    pub fn finish(self) -> Digest {
        let (hash, function) = match self.state {
            State::Sha256(state) => (state.finalize().into(), Function::Sha256),
            State::Blake3(state) => (state.finalize().into(), Function::Blake3),
        };
        Digest {
            hash,
            size: self.size,
            function,
        }
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
    fn blake3_of_nothing_and_of_abc_are_the_published_ones() {
        let hex = |bytes: &[u8]| Function::Blake3.digest(bytes).hex();
        assert_eq!(
            hex(b""),
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
        );
        assert_eq!(
            hex(b"abc"),
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
        );
    }

    #[test]
    fn the_function_is_part_of_the_name() {
        let sha256 = Function::Sha256.digest(b"");
        let blake3 = Function::Blake3.digest_from_hex(&sha256.hex(), 0).expect("64 digits");
        assert_ne!(sha256, blake3);
        assert!(sha256.is_empty() && !blake3.is_empty() && Function::Blake3.digest(b"").is_empty());
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
