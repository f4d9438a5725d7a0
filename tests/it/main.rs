//! All integration tests, in one program so that they link once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod cli;
mod daemon;
mod generated;
mod settings_page;
mod steps;
mod wrapper;
mod wrapper_links;
