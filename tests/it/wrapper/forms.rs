//! How the real tool is found and started.

use crate::steps::{Bench, Quick, as_asked, run};
use rewrap::daemon::Answer;
use rewrap::pb::wire::StepRequest;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Says by which name it was called and what is in its environment.
const WHO: &str = "echo \"$0 $REWRAP_INSIDE $PATH\"";

#[test]
fn a_name_on_path_leads_past_every_wrapper() {
    let bench = Bench::new();
    let (install, tools) = (bench.path("install/rewrap-cc"), bench.path("tools"));
    for name in ["one", "two", "three"] {
        std::fs::create_dir(bench.path(name)).unwrap();
    }
    symlink(&install, bench.path("one/gcc")).unwrap();
    symlink(bench.path("one/gcc"), bench.path("two/gcc")).unwrap();
    std::fs::copy(&install, bench.path("three/rewrap-cc")).unwrap();
    symlink("rewrap-cc", bench.path("three/gcc")).unwrap();
    let check = |directories: &[&str], called: &str, expected_name: &str| {
        let paths = directories.iter().map(|name| bench.path(name)).chain([tools.clone()]);
        let path = std::env::join_paths(paths).unwrap();
        let mut command = Command::new(bench.path(called));
        bench.equip(&mut command);
        command
            .arg0("gcc")
            .env("PATH", &path)
            .env("REWRAP_DISABLE", "1")
            .args(["-c", WHO]);
        // A name that was called by its path gets the path of what it stands for.
        if called.ends_with('/') {
            command.arg0(bench.path("one/gcc"));
        }
        let expected = (0, format!("{expected_name} 1 {}\n", tools.display()), String::new());
        assert_eq!(run(&mut command), expected, "{directories:?} {called}");
    };
    check(&["one"], "one/gcc", "gcc");
    check(&["one", "two"], "one/gcc", "gcc");
    check(&["two", "one", "three"], "two/gcc", "gcc");
    check(&["three", "one"], "three/gcc", "gcc");
}

#[test]
fn wrappers_that_take_each_other_for_the_tool_come_to_an_end() {
    let bench = Bench::new();
    // Two directories with more than shims in them, so that neither is taken off PATH at first; and a copy of the
    // wrapper that is known neither by its file nor by its name.
    for name in ["one", "two"] {
        std::fs::create_dir(bench.path(name)).unwrap();
        bench.script(&format!("{name}/other"), "");
    }
    symlink(bench.path("install/rewrap-cc"), bench.path("one/gcc")).unwrap();
    std::fs::copy(bench.path("install/rewrap-cc"), bench.path("two/gcc")).unwrap();
    let path = std::env::join_paths(["one", "two", "tools"].map(|name| bench.path(name))).unwrap();
    let mut command = Command::new(bench.path("one/gcc"));
    bench.equip(&mut command);
    command.arg0("gcc").env("PATH", path).args(["-c", "echo tool"]);
    assert_eq!(run(&mut command), (0, "tool\n".to_owned(), String::new()));
}

#[test]
fn a_wrapper_inside_a_tool_asks_nobody() {
    let bench = Bench::new();
    let _daemon = bench.serve(Quick(|_: &StepRequest| panic!("nobody asks")));
    let said = run(bench.step("echo tool").env("REWRAP_INSIDE", "1"));
    assert_eq!(said, (0, "tool\n".to_owned(), String::new()));
    let said = run(bench.step("echo tool").env("REWRAP_DISABLE", "1"));
    assert_eq!(said, (0, "tool\n".to_owned(), String::new()));
    assert_eq!(bench.status().steps, 0);
    assert_eq!(bench.reasons(), [""; 0]);
}

#[test]
fn an_off_switch_that_is_off_switches_nothing() {
    let bench = Bench::new();
    let _daemon = bench.serve(Quick(|step: &StepRequest| Answer::RunHere(as_asked(step))));
    for value in ["", "0", "false", "no", "off"] {
        assert_eq!(run(bench.step("exit 4").env("REWRAP_DISABLE", value)).0, 4);
    }
    assert_eq!(bench.status().steps, 5);
}

#[test]
fn a_tool_that_cannot_be_run_is_named() {
    let bench = Bench::new();
    std::fs::write(bench.path("tools/plain"), "").unwrap();
    bench.script("tools/broken", "");
    std::fs::write(bench.path("tools/broken"), "#!/no/such/interpreter\n").unwrap();
    let check = |tool: &str, exit: i32, expected: &str| {
        let expected = expected.replace("TOOLS", &bench.path("tools").display().to_string());
        let said = run(bench
            .wrapper()
            .arg("-c")
            .env("REWRAP_CC", tool)
            .env("REWRAP_DISABLE", "1"));
        assert_eq!(said, (exit, String::new(), expected));
    };
    check("missing", 127, "rewrap: error: cannot find `missing`\n");
    check("plain", 126, "rewrap: error: cannot execute `TOOLS/plain`\n");
    check("broken", 127, "rewrap: error: cannot find `TOOLS/broken`\n");
}
