//! The ByteStream service: one large blob at a time, in pieces, compressed where the server can.

mod read;
mod write;

pub(super) use read::read;
pub(super) use write::write;

use crate::digest::Digest;

/// What the stream holds: the part of a resource name before the digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// The blob itself.
    Plain,
    /// zstd frames of it.
    Zstd,
}

impl Encoding {
    fn of(compressed: bool) -> Self {
        if compressed { Self::Zstd } else { Self::Plain }
    }

    fn collection(self) -> &'static str {
        match self {
            Self::Plain => "blobs",
            Self::Zstd => "compressed-blobs/zstd",
        }
    }
}

/// `[{instance}/]blobs/{hash}/{size}`, for an upload `[{instance}/]uploads/{uuid}/blobs/{hash}/{size}`; size and hash
/// are the blob's also where the stream is compressed.
fn resource_name(instance: &str, digest: Digest, encoding: Encoding, upload: Option<u128>) -> String {
    let slash = if instance.is_empty() { "" } else { "/" };
    let upload = upload.map_or(String::new(), |random| format!("uploads/{}/", uuid(random)));
    format!("{instance}{slash}{upload}{}/{digest}", encoding.collection())
}

/// A version 4 UUID (RFC 9562) of these random bits.
fn uuid(random: u128) -> String {
    let bits = random & !(0xf << 76) & !(0b11 << 62) | 4 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_names_are_those_of_the_protocol() {
        let digest = Digest::empty();
        let uuid = "00000000-0000-4000-8000-000000000000";
        let check = |instance, encoding, upload, expected: &str| {
            let name = resource_name(instance, digest, encoding, upload);
            assert_eq!(name, format!("{expected}/{digest}"));
        };
        check("", Encoding::Plain, None, "blobs");
        check("a/b", Encoding::Plain, None, "a/b/blobs");
        check("", Encoding::Plain, Some(0), &format!("uploads/{uuid}/blobs"));
        check("m", Encoding::Plain, Some(0), &format!("m/uploads/{uuid}/blobs"));
        check("m", Encoding::Zstd, None, "m/compressed-blobs/zstd");
        let upload = format!("m/uploads/{uuid}/compressed-blobs/zstd");
        check("m", Encoding::Zstd, Some(0), &upload);
    }

    #[test]
    fn uuids_have_their_version_and_variant() {
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
