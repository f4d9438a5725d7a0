//! Who calls.

use std::fmt;

/// Who sent a request, as the listener found out: a user id, the name of a token, the subject of a certificate. It is
/// in the request's extensions, where a listener put it; requests of a listener that asks nobody have none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Caller(pub String);

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
