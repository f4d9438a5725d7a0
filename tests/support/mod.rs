//! What several integration tests share.

pub(crate) mod casd;
pub(crate) mod fake_reapi;
