//! Why a step has no Action at all and must run here, uncached: a closed list, each with a sentence for the user.

/// A reason. The code (`snake_case` of the name) is in records and statistics: never rename one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalOnly {
    /// Links its operands (no `-c`, `-S` or `-E`).
    Link,
}
