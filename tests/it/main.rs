//! All integration tests, in one program so that they link once.

mod generated;
mod merkle_oracle;
mod relocation_oracle;
mod tools;
