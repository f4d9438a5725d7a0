//! What several integration tests share.

#[expect(dead_code, reason = "benches and other tests need more of it")]
pub(crate) mod casd;
pub(crate) mod fake_reapi;
