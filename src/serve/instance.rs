//! Instance names: blobs are shared by all of them, results are not.

use crate::digest::Digest;

/// Segments of resource names that an instance name must not have (REAPI, `ByteStream` resource names).
const RESERVED: [&str; 7] = [
    "blobs",
    "uploads",
    "actions",
    "actionResults",
    "operations",
    "capabilities",
    "compressed-blobs",
];

/// Whether a resource name with this instance name can be taken apart again.
pub fn is_valid(instance: &str) -> bool {
    !instance.split('/').any(|segment| RESERVED.contains(&segment))
}

/// What the result of the action is kept under. The store knows no instances.
pub fn result_key(instance: &str, action: Digest) -> Digest {
    if instance.is_empty() {
        return action;
    }
    action.function().digest(format!("{instance}\0{action}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_instances_are_apart() {
        let action = Digest::of(b"action");
        let keys = ["", "a", "b", "a/b"].map(|instance| result_key(instance, action));
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(keys[0], action);
        assert_eq!(keys[1], Digest::of(format!("a\0{action}").as_bytes()));
    }

    #[test]
    fn reserved_words_are_no_segments() {
        let check = |instance, expected| assert_eq!(is_valid(instance), expected, "{instance}");
        check("", true);
        check("main/linux", true);
        check("myblobs", true);
        check("blobs", false);
        check("a/uploads/b", false);
    }
}
