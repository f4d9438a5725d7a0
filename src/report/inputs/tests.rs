use super::*;

fn report(decision: Decision) -> InputsReport {
    let taken = decision.is_taken();
    let input = |path: &str, how, place| Input {
        path: path.into(),
        how,
        place,
        digest: "aa".into(),
        bytes: 1,
    };
    InputsReport {
        kind: "compile".into(),
        source: "a.c".into(),
        output: "a.o".into(),
        tool: "/usr/bin/gcc".into(),
        cwd: "/p".into(),
        exec_root: "/p".into(),
        action_digest: taken.then(|| "bb/2".into()),
        decision,
        inputs: vec![
            input("/p/a.c", "source", InputPlace::ExecRoot),
            input("/usr/include/stdio.h", "listed by the compiler", InputPlace::Worker),
        ],
        directories: vec!["/p".into(), "/usr/include".into()],
        symlinks: vec![Symlink {
            path: "/p/l".into(),
            target: "a.c".into(),
        }],
        looked_for: vec![
            LookedFor {
                directory: "/p".into(),
                not_found: vec!["b.h".into(), "c.h".into()],
                any_name: false,
            },
            LookedFor {
                directory: "/usr/include".into(),
                not_found: Vec::new(),
                any_name: false,
            },
        ],
        absent_directories: Vec::new(),
        passed_over: Vec::new(),
        toolchain: vec![ToolFile {
            path: "/usr/bin/gcc".into(),
            digest: "cc".into(),
        }],
        outputs: vec![Output {
            path: "a.o".into(),
            what: "primary",
            mode: "0666".into(),
            optional: false,
            in_place: true,
        }],
        micros: Micros {
            parse: 100,
            inputs: 2_300,
            action: 50,
            total: 2_510,
        },
    }
}

fn why() -> Why {
    Why {
        code: "plugin".into(),
        text: "it loads a plugin".into(),
    }
}

#[test]
fn a_step_is_told_with_all_that_it_touches() {
    insta::assert_snapshot!(lines(&report(Decision::Anywhere)).join("\n"), @r"
    this step (compile of a.c to a.o) is cached, and may run on any worker with this toolchain
      by /usr/bin/gcc in /p
      exec root /p

    Reads, in the exec root (1):
      /p/a.c  source

    Reads, outside of it, where workers have the same (1):
      /usr/include/stdio.h  listed by the compiler

    Consists of (1):
      /usr/bin/gcc

    Looks into or walks through (2):
      /p
      /usr/include

    Follows (1):
      /p/l -> a.c

    Looks for in vain (1):
      /p: b.h c.h

    Writes (1):
      a.o  primary, mode 0666, over what is there

    Took 2.5 ms (command line 0.1 ms, inputs 2.3 ms, action 0.0 ms).
    ");
}

#[test]
fn decisions_read_as_sentences() {
    #[track_caller]
    fn check(decision: Decision, expected: &str) {
        assert_eq!(line(&report(decision)), expected);
    }
    check(Decision::Anywhere, "compile a.o: 2 inputs");
    check(
        Decision::PlacedLocally(why()),
        "compile a.o: is cached, and runs only here: it loads a plugin (plugin)",
    );
    check(
        Decision::LocalOnly(why()),
        "compile a.o: is not cached: it loads a plugin (plugin)",
    );
    check(
        Decision::Undecided(why()),
        "compile a.o: is not understood, and not cached: it loads a plugin (plugin)",
    );
}

#[test]
fn totals_add_up() {
    let mut totals = Totals::default();
    for decision in [
        Decision::Anywhere,
        Decision::Anywhere,
        Decision::PlacedLocally(why()),
        Decision::LocalOnly(why()),
    ] {
        totals.add(&report(decision));
    }
    insta::assert_snapshot!(totals.lines().join("\n"), @r"
    4 commands: 3 can be cached (75 %), of which 1 only here; 1 run here uncached, 0 are not understood
      2  plugin
    8 inputs in 10 ms
    ");
}

#[test]
fn the_json_form_is_stable() {
    let mut report = report(Decision::LocalOnly(why()));
    report.directories.clear();
    report.toolchain.clear();
    let json = serde_json::to_string(&report).expect("serialises");
    insta::assert_snapshot!(json, @r#"{"kind":"compile","source":"a.c","output":"a.o","tool":"/usr/bin/gcc","cwd":"/p","exec_root":"/p","decision":{"is":"local_only","code":"plugin","text":"it loads a plugin"},"action_digest":null,"inputs":[{"path":"/p/a.c","how":"source","place":"exec_root","digest":"aa","bytes":1},{"path":"/usr/include/stdio.h","how":"listed by the compiler","place":"worker","digest":"aa","bytes":1}],"directories":[],"symlinks":[{"path":"/p/l","target":"a.c"}],"looked_for":[{"directory":"/p","not_found":["b.h","c.h"],"any_name":false},{"directory":"/usr/include","not_found":[],"any_name":false}],"absent_directories":[],"passed_over":[],"toolchain":[],"outputs":[{"path":"a.o","what":"primary","mode":"0666","optional":false,"in_place":true}],"micros":{"parse":100,"inputs":2300,"action":50,"total":2510}}"#);
    assert!(
        !serde_json::to_string(&Decision::Anywhere)
            .expect("serialises")
            .contains("code")
    );
}
