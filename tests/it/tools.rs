//! Tools that a test needs and a machine may lack.

/// Says that a test was skipped for want of a tool, or fails if `REWRAP_TEST_REQUIRE` (separated by commas) names it.
#[expect(clippy::print_stdout, reason = "the harness shows it with the test's output")]
pub(crate) fn missing(tool: &str) {
    let required = std::env::var("REWRAP_TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|name| name == tool),
        "{tool} is required and not found"
    );
    println!("skipped: {tool} not found");
}
