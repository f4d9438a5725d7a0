//! `rewrap inputs`.

use super::Sandbox;
use serde_json::Value;
use std::os::unix::fs::symlink;

/// A project with a header behind a link and one that is only looked for.
fn project() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("work/rewrap.toml", "");
    sandbox.write(
        "work/main.c",
        "#include \"lib.h\"\n#if __has_include(\"extra.h\")\n#include \"extra.h\"\n#endif\nint main(void) { return LIB; }\n",
    );
    sandbox.write("work/real/lib.h", "#define LIB 0\n");
    symlink("real", sandbox.path("work/include")).expect("linked");
    sandbox
}

/// The JSON that the command printed, and whether all was decided.
fn json(sandbox: &Sandbox, args: &[&str]) -> (Value, bool) {
    let told = sandbox.run(args);
    let (head, rest) = told.split_once("--- stdout\n").expect("stdout");
    let (text, stderr) = rest.split_once("--- stderr\n").expect("stderr");
    assert_eq!(stderr, "", "{args:?}");
    let decided = match head.trim_end() {
        "exit 0" => true,
        "exit 1" => false,
        other => panic!("{args:?}: {other}"),
    };
    (serde_json::from_str(text).expect("JSON"), decided)
}

fn list<'v>(value: &'v Value, field: &str, part: &str) -> Vec<&'v str> {
    let rows = value[field].as_array().expect(field).iter();
    rows.map(|row| if part.is_empty() { row } else { &row[part] })
        .map(|text| text.as_str().expect("text"))
        .collect()
}

#[test]
fn a_compile_is_told_with_all_that_it_touches() {
    let sandbox = project();
    for compiler in ["gcc", "clang"] {
        let args = ["inputs", "--json", "--", compiler, "-Iinclude", "-MD", "-c", "main.c"];
        let (report, decided) = json(&sandbox, &args);
        assert!(decided, "{report}");
        assert_eq!((&report["schema"], &report["kind"]), (&1.into(), &"compile".into()));
        assert_eq!(report["decision"]["is"], "anywhere", "{report}");
        let digest = report["action_digest"].as_str().expect("a digest");
        assert_eq!(digest.find('/'), Some(64), "{digest}");
        let inside: Vec<_> = report["inputs"]
            .as_array()
            .expect("inputs")
            .iter()
            .filter(|input| input["place"] == "exec_root")
            .map(|input| {
                (
                    input["path"].as_str().expect("text"),
                    input["how"].as_str().expect("text"),
                )
            })
            .collect();
        assert_eq!(
            inside,
            [
                ("/S/work/main.c", "source"),
                ("/S/work/real/lib.h", "listed by the compiler")
            ]
        );
        assert_eq!(list(&report, "symlinks", "path"), ["/S/work/include"]);
        assert_eq!(list(&report, "outputs", "path"), ["main.d", "main.o"]);
        assert_eq!(list(&report, "outputs", "mode"), ["0666", "0666"]);
        assert!(list(&report, "directories", "").contains(&"/S/work/real"), "{report}");
        let in_vain: Vec<_> = report["looked_for"]
            .as_array()
            .expect("names")
            .iter()
            .filter(|looked| {
                looked["not_found"]
                    .as_array()
                    .expect("names")
                    .contains(&"extra.h".into())
            })
            .map(|looked| looked["directory"].as_str().expect("text"))
            .collect();
        assert!(in_vain.contains(&"/S/work"), "{in_vain:?}");
        assert!(list(&report, "toolchain", "path").len() > 3, "{report}");
    }
    // Nothing was run, and nothing recorded.
    assert!(!sandbox.path("work/main.o").exists());
    assert!(sandbox.run(&["stats"]).contains("No step has been recorded yet."));
}

#[test]
fn links_and_archives_are_told_too() {
    let sandbox = project();
    let script = "gcc -Iinclude -c main.c && mkdir out && ar rc out/libmain.a main.o";
    let made = sandbox.outcome(&mut sandbox.of_program("sh", &["-ec", script]));
    assert!(made.starts_with("exit 0\n"), "{made}");
    let told = |command: &[&str]| {
        let args: Vec<_> = ["inputs", "--json", "--"].iter().chain(command).copied().collect();
        let (report, decided) = json(&sandbox, &args);
        assert!(decided, "{report}");
        let ways: Vec<_> = report["inputs"]
            .as_array()
            .expect("inputs")
            .iter()
            .filter(|input| input["place"] == "exec_root")
            .map(|input| format!("{}: {}", input["path"], input["how"]).replace('"', ""))
            .collect();
        let outputs = list(&report, "outputs", "path").join(" ");
        let kind = report["kind"].as_str().expect("a kind");
        format!("{kind} to {outputs}\n{}", ways.join("\n"))
    };
    insta::assert_snapshot!(told(&["gcc", "-o", "app", "main.o", "-Lout", "-lmain"]), @r"
    link to app
    /S/work/main.o: named on the command line
    /S/work/out/libmain.a: found in a library directory
    ");
    insta::assert_snapshot!(told(&["ld", "-r", "main.o", "-o", "part.o"]), @r"
    link to part.o
    /S/work/main.o: named on the command line
    ");
    insta::assert_snapshot!(told(&["ar", "rcs", "new.a", "main.o"]), @r"
    archive to new.a
    /S/work/main.o: named on the command line
    ");
    insta::assert_snapshot!(told(&["ranlib", "out/libmain.a"]), @r"
    archive to out/libmain.a
    /S/work/out/libmain.a: read by the tool
    ");
    insta::assert_snapshot!(told(&["strip", "-g", "main.o"]), @r"
    object to main.o
    /S/work/main.o: read by the tool
    ");
}

#[test]
fn what_is_not_cached_is_told_with_its_reason() {
    let sandbox = project();
    let check = |command: &[&str], is: &str, code: &str, exit_zero: bool| {
        let args: Vec<_> = ["inputs", "--json", "--"].iter().chain(command).copied().collect();
        let (report, decided) = json(&sandbox, &args);
        let found = (&report["decision"]["is"], &report["decision"]["code"], decided);
        assert_eq!(found, (&is.into(), &code.into(), exit_zero), "{report}");
    };
    check(&["gcc", "-fplugin=x.so", "-c", "main.c"], "local_only", "plugin", true);
    check(
        &["gcc", "-Iinclude", "main.c", "-o", "app"],
        "local_only",
        "compile_and_link",
        true,
    );
    check(&["gcc", "--version"], "local_only", "no_source", true);
    check(&["gcc", "-c", "main.c"], "undecided", "compile_error", false);
    check(&["no-such-tool", "-c", "main.c"], "undecided", "no_tool", false);
    check(
        &["gcc", "-Iinclude", "-o", "/S/out.o", "-c", "main.c"],
        "undecided",
        "inputs",
        false,
    );
}

#[test]
fn settings_are_flags_here_too() {
    let sandbox = project();
    let digest = |flag: &str| {
        let args = ["inputs", "--json", flag, "--", "gcc", "-g", "-Iinclude", "-c", "main.c"];
        json(&sandbox, &args).0["action_digest"].clone()
    };
    assert_ne!(digest("--paths=exact"), digest("--paths=portable"));
}

#[test]
fn a_project_is_told_command_by_command_and_in_sum() {
    let sandbox = project();
    sandbox.write("work/sub/other.cc", "int other;\n");
    let database = r#"[
        {"directory": "..", "file": "main.c", "command": "gcc -Iinclude -c main.c -o 'main one.o'"},
        {"directory": "../sub", "file": "other.cc", "arguments": ["clang++", "-c", "other.cc"]},
        {"directory": "..", "file": "main.c", "command": "WRAPPER gcc -E main.c"},
        {"directory": "..", "file": "main.c", "command": "no-such-tool main.c"}
    ]"#;
    let database = database.replace("WRAPPER", env!("CARGO_BIN_EXE_rewrap-cc"));
    sandbox.write("work/build/compile_commands.json", &database);
    let text = sandbox.run(&["inputs", "--compile-db", "build/compile_commands.json"]);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "exit 1", "{text}");
    assert!(lines[2].starts_with("compile main one.o: "), "{text}");
    assert!(lines[3].starts_with("compile other.o: "), "{text}");
    assert!(
        lines[4].ends_with("(preprocess)") || lines[4].ends_with(" inputs"),
        "{text}"
    );
    assert!(lines[5].ends_with("cannot find `no-such-tool` (no_tool)"), "{text}");
    assert!(lines[7].starts_with("4 commands: "), "{text}");

    let (report, decided) = json(
        &sandbox,
        &["inputs", "--json", "--compile-db", "build/compile_commands.json"],
    );
    assert!(!decided);
    assert_eq!(report["commands"].as_array().expect("commands").len(), 4);
    assert_eq!(
        (&report["totals"]["commands"], &report["totals"]["undecided"]),
        (&4.into(), &1.into())
    );
}

#[test]
fn a_database_that_is_none_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write("work/db.json", "[{\"directory\": \"/\"}]");
    insta::assert_snapshot!(sandbox.run(&["inputs", "--compile-db", "db.json"]), @r"
    exit 2
    --- stdout
    --- stderr
    rewrap: error: cannot use `db.json` as a compilation database: entry 1 has no command
    ");
    insta::assert_snapshot!(sandbox.run(&["inputs", "--compile-db", "none.json"]), @r"
    exit 1
    --- stdout
    --- stderr
    rewrap: error: cannot read `none.json`
      caused by: No such file or directory (os error 2)
    ");
    assert!(sandbox.run(&["inputs"]).starts_with("exit 2\n"));
}
