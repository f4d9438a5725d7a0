//! What counts as a step under `rewrap build`: what the build tool starts, and nothing that those tools start themselves.

use super::sandbox::Sandbox;

/// The kinds of the steps of a build of this text, with their numbers.
fn kinds(sandbox: &Sandbox, text: &str) -> Vec<(String, u64)> {
    let told = sandbox.rewrap(&["build", "--", "sh", "-ec", text]);
    assert_eq!(told.exit, 0, "{text}: {told:?}");
    let all = sandbox.rewrap(&["stats", "--json"]);
    if told.stderr.contains("no step was seen") {
        return Vec::new();
    }
    let stats: serde_json::Value = serde_json::from_str(&all.stdout).unwrap();
    let kinds = stats["by_kind"].as_object().unwrap().iter();
    kinds
        .map(|(kind, number)| (kind.clone(), number.as_u64().unwrap()))
        .collect()
}

#[test]
fn a_link_is_one_step_and_so_is_an_archive() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "int main(void) { return 0; }\n");
    let compiled =
        sandbox.plain("gcc -c main.c -o main.o && ld -r main.o -o part.o && gcc -shared -fPIC main.c -o libx.so");
    assert_eq!(compiled.exit, 0, "{compiled:?}");
    let check = |text: &str, expected: &[&str]| {
        let expected: Vec<_> = expected.iter().map(|kind| ((*kind).to_owned(), 1)).collect();
        assert_eq!(kinds(&sandbox, text), expected, "{text}");
    };
    check("gcc main.o -o main", &["link"]);
    check("gcc -flto main.o -o main", &["link"]);
    check("clang-19 main.o -o main", &["link"]);
    check("rewrap-cc clang main.o -o main", &["link"]);
    check("gcc -fuse-ld=gold main.o -o main", &["link"]);
    check("clang -fuse-ld=lld main.o -o main", &["link"]);
    check("ld -r main.o -o part.o", &["link"]);
    check("ld.gold -r main.o -o part.o", &["link"]);
    check("gcc-ar rcs libmain.a main.o", &["archive"]);
    check("ranlib libmain.a", &["archive"]);
    // A driver that was not called through us: what it starts is not called by the build.
    check("/usr/bin/gcc main.o -o main", &[]);
    check("/usr/bin/clang-19 -fuse-ld=lld main.o -o main", &[]);
}
