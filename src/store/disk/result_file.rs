//! The file of an action result: a header that tells a whole file from a torn or altered one, then the message.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | `RWAC` |
//! | 4 | version, little endian: 1 |
//! | 32 | SHA-256 of the name of the action's digest function (none for SHA-256), the action's hash, its size (8 bytes, little endian) and the message |
//! | rest | `build.bazel.remote.execution.v2.ActionResult` |
//!
//! The action is part of the checksum so that a file under another action's name is refused too.

use crate::digest::{Digest, Function, Hasher};
use crate::pb::reapi::ActionResult;
use prost::Message as _;

const MAGIC: &[u8; 4] = b"RWAC";
/// Another version's results are misses. Raise it when the meaning of a stored result changes.
const VERSION: u32 = 1;

/// The content of the file.
pub(super) fn encode(action: Digest, result: &ActionResult) -> Vec<u8> {
    let message = result.encode_to_vec();
    [MAGIC, &VERSION.to_le_bytes()[..], &checksum(action, &message), &message].concat()
}

/// The result in a file's content; `None` if it is not whole, not of this version or not of this action.
pub(super) fn decode(action: Digest, content: &[u8]) -> Option<ActionResult> {
    let (magic, content) = content.split_first_chunk::<4>()?;
    let (version, content) = content.split_first_chunk::<4>()?;
    let (sum, message) = content.split_first_chunk::<32>()?;
    let whole = magic == MAGIC && u32::from_le_bytes(*version) == VERSION && *sum == checksum(action, message);
    whole.then(|| ActionResult::decode(message).ok()).flatten()
}

fn checksum(action: Digest, message: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    if action.function() != Function::Sha256 {
        hasher.update(action.function().name().as_bytes());
    }
    hasher.update(action.hash());
    hasher.update(&action.size().to_le_bytes());
    hasher.update(message);
    *hasher.finish().hash()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn result(exit_code: i32, stdout: Vec<u8>) -> ActionResult {
        ActionResult {
            exit_code,
            stdout_raw: stdout,
            ..ActionResult::default()
        }
    }

    #[test]
    fn another_actions_result_is_refused() {
        let file = encode(Digest::of(b"action"), &result(0, Vec::new()));
        assert!(decode(Digest::of(b"action"), &file).is_some());
        assert!(decode(Digest::of(b"another"), &file).is_none());
    }

    #[test]
    fn another_version_is_refused() {
        let mut file = encode(Digest::empty(), &result(0, Vec::new()));
        file[4] = 2;
        assert!(decode(Digest::empty(), &file).is_none());
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(exit_code: i32, stdout: Vec<u8>) {
            let result = result(exit_code, stdout);
            prop_assert_eq!(decode(Digest::empty(), &encode(Digest::empty(), &result)), Some(result));
        }

        #[test]
        fn any_flipped_bit_and_any_cut_is_noticed(stdout: Vec<u8>, at: prop::sample::Index, bit in 0..8u8) {
            let mut file = encode(Digest::empty(), &result(1, stdout));
            let at = at.index(file.len());
            prop_assert_eq!(decode(Digest::empty(), &file[..at]), None);
            file[at] ^= 1 << bit;
            prop_assert_eq!(decode(Digest::empty(), &file), None);
        }

        #[test]
        fn arbitrary_bytes_are_refused_without_a_panic(mut content: Vec<u8>, with_header: bool) {
            if with_header {
                content = [&MAGIC[..], &VERSION.to_le_bytes(), &content].concat();
            }
            prop_assert_eq!(decode(Digest::empty(), &content), None);
        }

        #[test]
        fn a_right_checksum_over_no_message_does_not_panic(message: Vec<u8>) {
            let sum = checksum(Digest::empty(), &message);
            let file = [MAGIC, &VERSION.to_le_bytes()[..], &sum, &message].concat();
            prop_assert_eq!(decode(Digest::empty(), &file), ActionResult::decode(&message[..]).ok());
        }
    }
}
