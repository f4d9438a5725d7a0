//! What commands do and what becomes of it.

use super::bench::{Bench, command, sh, variable};
use rewrap::pb::reapi::{Command, Directory, FileNode};
use rewrap::serve::sandbox::SandboxMode::{Off, Require};

/// Both ways of running are one to whoever asks for an action.
fn everywhere(check: impl Fn(&Bench)) {
    for mode in [Require, Off] {
        check(&Bench::new(mode));
    }
}

#[test]
fn a_command_ends_as_it_does_at_home() {
    everywhere(|bench| {
        #[track_caller]
        fn check(bench: &Bench, script: &str, outputs: &[&str], expected: &str) {
            let inputs = [
                ("a", "one"),
                ("dir/b", "two"),
                ("*tool", "#!/bin/sh\necho tool $#\n"),
                ("plain", "echo plain $#"),
            ];
            let ended = bench.sh(script, &inputs, outputs);
            assert_eq!(bench.told(&ended), expected, "{script}: {}", bench.worker.describe());
        }
        check(bench, "true", &[], "0");
        check(bench, "echo out; echo err >&2; exit 3", &[], "3|out;|err;");
        check(bench, "cat a dir/b", &[], "0|onetwo");
        check(bench, "./tool x y", &[], "0|tool 2;");
        check(
            bench,
            "cp a x; cp tool y; ln -s a z",
            &["x", "y", "z"],
            "0|x=one|*y=#!/bin/sh;echo tool $#;|z->a",
        );
        check(bench, "echo >> a; cat a", &["a"], "0|one;|a=one;");
        check(bench, "mkdir d && echo x > d/e", &["d"], "0|d/");
        check(
            bench,
            "echo x > new/deep/x",
            &["new/deep/x", "absent"],
            "0|new/deep/x=x;",
        );
        check(bench, "kill -9 $$", &[], "137");
        check(bench, "kill -SEGV $$", &[], "139");
        check(bench, "cat", &[], "0");
        check(
            bench,
            "echo $((1 << 2)); env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=",
            &[],
            "0|4;PATH=/usr/bin:/bin;",
        );
    });
}

#[test]
fn a_program_is_found_as_its_command_names_it() {
    everywhere(|bench| {
        let tree = bench.tree(&[
            ("*tool", "#!/bin/sh\necho tool $0\n"),
            ("sub/*plain", "echo plain $#"),
            ("*lost", "#!/no/interpreter"),
            ("text", "x"),
        ]);
        let check = |arguments: &[&str], path: Option<&str>, expected: &str| {
            let command = Command {
                environment_variables: path.map(|path| variable("PATH", path)).into_iter().collect(),
                ..command(arguments, &[])
            };
            assert_eq!(bench.told(&bench.run(command, tree)), expected, "{arguments:?}");
        };
        check(&["echo", "x"], None, "0|x;");
        check(&["echo", "x"], Some("/usr/bin"), "0|x;");
        check(&["sh", "-c", "echo $0"], Some("/usr/bin"), "0|sh;");
        check(&["bash", "-c", "echo $BASH"], None, "0|/usr/bin/bash;");
        check(&["./tool"], None, "0|tool ./tool;");
        check(&["tool"], Some("."), "0|tool ./tool;");
        check(&["tool"], Some(""), "0|tool ./tool;");
        check(&["sub/plain", "x"], None, "0|plain 1;");
        check(
            &["echo"],
            Some("/nowhere"),
            "NotFound: cannot find the program `echo` in `/nowhere`",
        );
        check(
            &["./no"],
            None,
            "NotFound: cannot start the program `./no`: No such file or directory (os error 2)",
        );
        check(
            &["./lost"],
            None,
            "NotFound: cannot start the program `./lost`, whose interpreter is missing",
        );
        check(
            &["./text"],
            None,
            "Invalid: cannot start the program `./text`: Permission denied (os error 13)",
        );
    });
}

#[test]
fn inputs_can_be_started_while_others_are_laid_out() {
    let bench = Bench::new(Off);
    let mut program = std::fs::read("/bin/true").unwrap();
    let trees: Vec<_> = (0..4u8)
        .map(|number| {
            program.push(number);
            bench.put_message(&Directory {
                files: vec![FileNode {
                    name: "program".to_owned(),
                    digest: Some(bench.put(&program).into()),
                    is_executable: true,
                    node_properties: None,
                }],
                ..Directory::default()
            })
        })
        .collect();
    std::thread::scope(|scope| {
        for tree in trees {
            let bench = &bench;
            scope.spawn(move || {
                for _ in 0..25 {
                    assert_eq!(bench.told(&bench.run(command(&["./program"], &[]), tree)), "0");
                }
            });
        }
    });
}

#[test]
fn working_directories_lie_in_the_input_tree() {
    everywhere(|bench| {
        let tree = bench.tree(&[("a", "one"), ("sub/b", "two"), ("out -> /etc", ""), ("in -> sub", "")]);
        let check = |directory: &str, script: &str, outputs: &[&str], expected: &str| {
            let command = Command {
                working_directory: directory.to_owned(),
                ..sh(script, outputs)
            };
            assert_eq!(bench.told(&bench.run(command, tree)), expected, "{directory}");
        };
        check("", "cat a", &[], "0|one");
        check("sub", "cat b ../a", &[], "0|twoone");
        check("sub", "cp b ../c; cp b d", &["../c", "d"], "0|../c=two|d=two");
        check("sub/../sub/.", "cat b", &[], "0|two");
        check("in", "cat b", &[], "0|two");
        check("new", "cp ../a x", &["x"], "0|x=one");
        check(
            "absent",
            "true",
            &[],
            "NotFound: the input tree has no working directory `absent`",
        );
        check(
            "a",
            "true",
            &[],
            "NotFound: the input tree has no working directory `a`",
        );
        check(
            "out",
            "true",
            &[],
            "Invalid: the working directory `out` leads out of the input root",
        );
        check(
            "..",
            "true",
            &[],
            "Invalid: the working directory \"..\" leads out of the input root",
        );
        check(
            "/etc",
            "true",
            &[],
            "Invalid: the working directory \"/etc\" leads out of the input root",
        );
    });
}
