//! Help, version, and command lines that make no sense.

use super::{Sandbox, ended};
use std::process::Stdio;

#[test]
fn a_wrong_command_line_is_explained() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.run(&[]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot understand the command line
      caused by: a command is missing
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(sandbox.run(&["bild"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot understand the command line
      caused by: unrecognized subcommand 'bild'
      hint: a similar subcommand exists: 'build'
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(sandbox.run(&["build"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot understand the command line
      caused by: missing: <COMMAND>...
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(sandbox.run(&["build", "--remote-cahce=x", "--", "true"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot understand the command line
      caused by: unexpected argument '--remote-cahce' found
      hint: a similar argument exists: '--remote-cache'
      hint: to pass '--remote-cahce' as a value, use '-- --remote-cahce'
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(sandbox.run(&["build", "-j0", "--", "make"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot understand the command line
      caused by: invalid value '0' for '--jobs <N>': 0 is not in 1..=4294967295
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(sandbox.run(&["build", "-j3", "--", "ninja"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot pass `-j3` to `ninja`
      hint: write `{jobs}` where the command takes the number, as in `ninja -j {jobs}`
    ");
}

#[test]
fn help_and_version_go_to_stdout() {
    let sandbox = Sandbox::new();
    let version = format!("exit 0\n--- stdout\nrewrap {}\n--- stderr\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(sandbox.run(&["--version"]), version);
    insta::assert_snapshot!(sandbox.run(&["-h"]), @r"
    exit 0
    --- stdout
    Run C and C++ builds on Bazel's remote execution infrastructure

    Usage: rewrap <COMMAND>

    Commands:
      init         Write a commented `rewrap.toml` here, and print how to put rewrap into a build
      build        Run a build command with its compilers wrapped, and sum up what became of their steps
      stats        Print what became of the steps of the last build: hits, reasons, times
      inputs       Print what a step reads and writes, and how we know; nothing is run
      config       Look at the configuration
      store        Look after the store on this machine
      daemon       Look after the daemon behind the wrappers
      serve        Be a Remote Execution server on this machine: cache, and actions in a sandbox
      completions  Print a script that teaches a shell to complete `rewrap` commands
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Examples:
      rewrap init                                    write a rewrap.toml; how to wrap a build
      rewrap build -- make -j8                       build with compilers wrapped
      rewrap build -j200 -- cmake --build out
      cmake -DCMAKE_CXX_COMPILER_LAUNCHER=rewrap-cc  wrap them without `rewrap build`
      rewrap stats                                   what became of the last build
      rewrap inputs -- gcc -c main.c                 what a step reads and writes
      rewrap config show                             every setting and its origin

    Without any setting results are kept in a store on this machine.
    `rewrap build --help` lists what can be set.
    --- stderr
    ");
    insta::assert_snapshot!(sandbox.run(&["stats", "--help"]), @r"
    exit 0
    --- stdout
    Print what became of the steps of the last build: hits, reasons, times.

    The last build is the last `rewrap build`, or without one the newest steps of one directory tree
    without a pause of five minutes.

    Usage: rewrap stats [OPTIONS]

    Options:
          --json
              Print JSON

          --all
              All recorded steps, not only the last build's

      -h, --help
              Print help (see a summary with '-h')
    --- stderr
    ");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["completions", "bash"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(
        (ended(output.status).as_str(), output.stderr.as_slice()),
        ("exit 0", &b""[..])
    );
}
