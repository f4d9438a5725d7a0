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

/// Whether these files are among what `tests/setup` brings; if not, it is said aloud that the tool is missing.
pub(crate) fn has_tools(tool: &str, files: &[&str]) -> bool {
    let there = files.iter().all(|file| casd::tools().join(file).exists());
    if !there {
        missing(tool);
    }
    there
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

/// Whether tests take every compiler and option (`REWRAP_TEST_ALL=1`), and not a sample.
pub(crate) fn all() -> bool {
    std::env::var_os("REWRAP_TEST_ALL").is_some_and(|value| value == "1")
}

/// All of them, or one: another one every day, or by the number `REWRAP_TEST_SEED`.
#[expect(clippy::print_stdout, reason = "the harness shows it when the test fails")]
pub(crate) fn sample<T: Copy + std::fmt::Debug>(items: &[T]) -> Vec<T> {
    if all() {
        return items.to_vec();
    }
    let seed = seed();
    let count = u64::try_from(items.len()).expect("few");
    let picked = items[usize::try_from(seed % count).expect("an index")];
    println!("REWRAP_TEST_SEED={seed} picks {picked:?}");
    vec![picked]
}

/// The number that picks samples: another one every day, or `REWRAP_TEST_SEED`.
pub(crate) fn seed() -> u64 {
    std::env::var("REWRAP_TEST_SEED").map_or_else(
        |_| std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs() / (24 * 60 * 60),
        |seed| seed.parse().expect("a number"),
    )
}
