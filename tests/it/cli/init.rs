//! `rewrap init`.

use super::Sandbox;
use std::fs;

#[test]
fn a_file_is_written_and_ways_are_printed() {
    let sandbox = Sandbox::new();
    let told = sandbox.run(&["init"]);
    // Its line depends on where the program lies.
    let (cmake, others): (Vec<_>, Vec<_>) = told.lines().partition(|line| line.starts_with("  CMake"));
    assert_eq!(cmake.len(), 1, "{told}");
    insta::assert_snapshot!(others.join("\n"), @r#"
    exit 0
    --- stdout
    Wrote /S/work/rewrap.toml.

    Put rewrap into your build by one of these, once (`rewrap-cc` on PATH):

      anything   rewrap build -- make -j8
      make       make CC="rewrap-cc cc" CXX="rewrap-cc c++" AR="rewrap-cc ar" RANLIB="rewrap-cc ranlib"
      autotools  ./configure CC="rewrap-cc gcc" CXX="rewrap-cc g++" AR="rewrap-cc ar" RANLIB="rewrap-cc ranlib"
      Meson      CC="rewrap-cc gcc" CXX="rewrap-cc g++" AR="rewrap-cc gcc-ar" meson setup build

    `rewrap stats` then tells what became of each step.
    --- stderr
    "#);
    let before = sandbox.run(&["config", "show"]);
    assert!(before.starts_with("exit 0\n"), "{before}");
    let written = fs::read_to_string(sandbox.path("work/rewrap.toml")).expect("written");
    assert!(written.contains("\n#remote_executor = "), "{written}");
}

#[test]
fn a_file_that_is_there_stays() {
    let sandbox = Sandbox::new();
    sandbox.write("work/rewrap.toml", "paths = 'portable'\n");
    insta::assert_snapshot!(sandbox.run(&["init"]), @r"
    exit 1
    --- stdout
    --- stderr
    rewrap: error: cannot write `/S/work/rewrap.toml`: it is there already
      hint: remove it or move it away to have a new one
    ");
    let left = fs::read_to_string(sandbox.path("work/rewrap.toml")).expect("still there");
    assert_eq!(left, "paths = 'portable'\n");

    let sandbox = Sandbox::new();
    std::os::unix::fs::symlink("nowhere", sandbox.path("work/rewrap.toml")).expect("linked");
    assert!(sandbox.run(&["init"]).starts_with("exit 1\n"));
    assert!(!sandbox.path("work/nowhere").exists());
}
