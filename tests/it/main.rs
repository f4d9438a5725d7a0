//! All integration tests, in one program so that they link once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cli;
mod generated;
mod option_lists;
mod relocation_oracle;
mod settings_page;
mod daemon;
mod steps;
mod wrapper;
mod wrapper_links;
#[path = "../support/mod.rs"]
mod support;

mod remote;
mod output_names_oracle;
mod response_file_oracle;
