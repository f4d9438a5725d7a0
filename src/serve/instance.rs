//! Instance names: which of a server's action caches is meant. The blobs are the same in all of them.

use crate::digest::Digest;
use tonic::Status;

/// What stands between the parts of resource names, and so cannot be part of an instance name (REAPI,
/// ContentAddressableStorage).
pub(super) const RESERVED: [&str; 7] = [
    "blobs",
    "uploads",
    "actions",
    "actionResults",
    "operations",
    "capabilities",
    "compressed-blobs",
];

/// Longer names, in bytes, are nobody's.
const LONGEST: usize = 1024;

/// The name of an instance. Any name will do, segment by segment; the empty one is what a client has that knows of
/// none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Instance(String);

/// A name that cannot be an instance's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInstance {
    /// A segment is a word of resource names.
    #[error("`{0}` cannot be part of an instance name")]
    Reserved(&'static str),
    /// A segment is empty.
    #[error("the instance name has an empty segment")]
    EmptySegment,
    /// It has a character that no name has.
    #[error("the instance name has a control character")]
    ControlCharacter,
    /// It has more than 1024 bytes.
    #[error("the instance name is too long")]
    TooLong,
}

impl Instance {
    /// From the `instance_name` of a request.
    pub fn parse(name: &str) -> Result<Self, BadInstance> {
        if name.len() > LONGEST {
            return Err(BadInstance::TooLong);
        }
        if name.chars().any(char::is_control) {
            return Err(BadInstance::ControlCharacter);
        }
        for segment in name.split('/').filter(|_| !name.is_empty()) {
            if segment.is_empty() {
                return Err(BadInstance::EmptySegment);
            }
            if let Some(word) = RESERVED.into_iter().find(|word| *word == segment) {
                return Err(BadInstance::Reserved(word));
            }
        }
        Ok(Self(name.to_owned()))
    }

    /// As the client spells it.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Under which digest the store keeps the action's result: the action's own for the empty name, so that a store
    /// without instances is one with this name; else that of name and action, in the action's function.
    pub fn result_key(&self, action: Digest) -> Digest {
        if self.0.is_empty() {
            return action;
        }
        // No name holds a NUL, so no two pairs are spelled alike.
        action.function().digest(format!("{}\0{action}", self.0).as_bytes())
    }
}

impl From<BadInstance> for Status {
    fn from(error: BadInstance) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Function;
    use proptest::prelude::*;

    #[test]
    fn names_are_paths_without_reserved_words() {
        for name in ["", "main", "a/b/c", "Blobs", "blobs2", "ä b"] {
            assert_eq!(Instance::parse(name).map(|instance| instance.0), Ok(name.to_owned()));
        }
        for word in RESERVED {
            for name in [word.to_owned(), format!("a/{word}"), format!("{word}/a")] {
                assert_eq!(Instance::parse(&name), Err(BadInstance::Reserved(word)), "{name}");
            }
        }
        for (name, expected) in [
            ("/", BadInstance::EmptySegment),
            ("/a", BadInstance::EmptySegment),
            ("a/", BadInstance::EmptySegment),
            ("a//b", BadInstance::EmptySegment),
            ("a\0b", BadInstance::ControlCharacter),
            ("a\nb", BadInstance::ControlCharacter),
            (&*"a".repeat(1025), BadInstance::TooLong),
        ] {
            assert_eq!(Instance::parse(name), Err(expected), "{name}");
        }
    }

    proptest! {
        #[test]
        fn each_instance_has_keys_of_its_own(names in prop::collection::hash_set("[a-c/0-9]{0,4}", 2..6), blake3: bool) {
            let function = if blake3 { Function::Blake3 } else { Function::Sha256 };
            let actions = [function.digest(b"one"), function.digest(b"two")];
            let instances = names.iter().filter_map(|name| Instance::parse(name).ok());
            let keys: Vec<_> = instances.flat_map(|instance| actions.map(|action| instance.result_key(action))).collect();
            let distinct: std::collections::HashSet<_> = keys.iter().collect();
            prop_assert_eq!(distinct.len(), keys.len());
            prop_assert!(keys.iter().all(|key| key.function() == function));
        }
    }

    #[test]
    fn the_empty_name_has_the_actions_own_key() {
        let action = Digest::of(b"action");
        assert_eq!(Instance::default().result_key(action), action);
        let key = Instance::parse("main").unwrap().result_key(action);
        assert_eq!(key, Digest::of(format!("main\0{action}").as_bytes()));
    }
}
