//! All integration tests, in one program so that they link once.

mod generated;
mod scan_oracle;
