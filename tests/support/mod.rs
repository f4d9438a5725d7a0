//! What several integration tests share.

pub(crate) mod buildgrid;
#[expect(dead_code, reason = "benches and other tests need more of it")]
pub(crate) mod casd;
pub(crate) mod fake_reapi;
#[expect(dead_code, reason = "the conformance suite uses the rest")]
pub(crate) mod serve;
