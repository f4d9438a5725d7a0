//! All integration tests, in one program so that they link once.

mod generated;
mod relocation_oracle;
