//! Tools that a test needs and a machine may lack.

use crate::support::casd;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Says that a test was skipped for want of a tool, or fails if `REWRAP_TEST_REQUIRE` (separated by commas) names it.
#[expect(clippy::print_stdout, reason = "the harness shows it with the test's output")]
pub(crate) fn missing(tool: &str) {
    let required = std::env::var("REWRAP_TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name == tool),
        "{tool} is required and not usable; run tests/setup"
    );
    println!("skipped: {tool} not found");
}

/// The Python that has the published protocol descriptors; `None`, said aloud, without one.
pub(crate) fn python() -> Option<PathBuf> {
    let python = casd::tools().join("venv/bin/python");
    let import = Command::new(&python)
        .args(["-c", "import buildgrid._protos"])
        .stderr(Stdio::null())
        .status();
    if import.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    missing("buildgrid");
    None
}
