//! All integration tests, in one program so that they link once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod archive_oracle;
mod builds;
mod cli;
mod compile_oracle;
mod daemon;
mod generated;
mod link_oracle;
mod link_relocation_oracle;
mod linker_lists;
mod merkle_oracle;
mod native_oracle;
mod option_lists;
mod output_names_oracle;
mod protocol_descriptors;
mod relocation_oracle;
mod remote;
mod response_file_oracle;
mod scan_oracle;
mod serve;
mod settings_page;
mod steps;
#[path = "../support/mod.rs"]
mod support;
mod tidy;
mod tools;
mod wrapper;
mod wrapper_links;
