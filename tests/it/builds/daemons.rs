//! Builds go on whatever happens to the daemon and its directories.

use super::sandbox::{Sandbox, runs};
use super::tree::Tree;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

/// A project of many files; `hook` is run as one of the jobs, after the first ones.
fn many(sandbox: &Sandbox, count: usize) {
    let mut rules =
        "all: hook $(OBJECTS)\nhook: 0.o 1.o\n\t$(HOOK)\n%.o: %.c\n\t$(W) gcc -g -MMD -c $< -o $@\nOBJECTS ="
            .to_owned();
    for number in 0..count {
        sandbox.write(
            &format!("{number}.c"),
            &format!("#include <stdio.h>\nint f{number}(void) {{ return {number}; }}\n"),
        );
        write!(rules, " {number}.o").unwrap();
    }
    // A variable must be known before a rule names it.
    let (rules, objects) = rules.split_once("\nOBJECTS").unwrap();
    sandbox.write("Makefile", &format!("OBJECTS{objects}\n{rules}\n"));
}

#[test]
fn a_daemon_that_is_killed_costs_nothing_but_time() {
    let sandbox = Sandbox::new();
    many(&sandbox, 16);
    let before = Tree::of(&sandbox.work());
    assert_eq!(sandbox.plain("make -j8 HOOK=:").exit, 0);
    let expected = Tree::of(&sandbox.work()).products();
    assert_eq!(expected.len(), 32);
    for round in ["cold", "again", "warm"] {
        before.restore(&sandbox.work());
        let text = r#"
            rewrap daemon start >/dev/null
            pid=$(rewrap daemon status --json | tr -dc '{}:,"a-z0-9_' | sed 's/.*"pid":\([0-9]*\).*/\1/')
            [ -n "$pid" ] || exit 9
            make -s -j8 W=rewrap-cc HOOK="kill -KILL $pid""#;
        let told = sandbox.plain(text);
        assert_eq!((told.exit, &*told.stderr), (0, ""), "{round}: {told:?}");
        let differences = expected.differences(&Tree::of(&sandbox.work()).products());
        assert!(differences.is_empty(), "{round}: {differences:?}");
    }
}

#[test]
fn builds_with_different_settings_share_a_daemon() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "const char *file = __FILE__; int f(void) { return 1; }\n");
    let step = "$W gcc -g -c $PWD/main.c -o main.o";
    let object = || {
        let path = sandbox.work().join("main.o");
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(path).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let stores = [sandbox.path("store-1"), sandbox.path("store-2")];
    let with = |store: usize, paths: &str| {
        format!(
            "REWRAP_DISK_CACHE={} REWRAP_PATHS={paths} {step}",
            stores[store].display()
        )
    };
    let pid = || sandbox.rewrap(&["daemon", "status", "--json"]).stdout;
    let mut pids = Vec::new();
    // (store, paths, whether it runs)
    for (store, paths, runs) in [
        (0, "exact", 1),
        (1, "exact", 1),
        (0, "portable", 1),
        (0, "exact", 0),
        (1, "portable", 1),
        (1, "exact", 0),
        (0, "portable", 0),
        (1, "portable", 0),
    ] {
        sandbox.starts();
        let told = sandbox.wrapped(&with(store, paths));
        assert_eq!((told.exit, sandbox.runs()), (0, runs), "{store} {paths}: {told:?}");
        let text = object();
        assert_eq!(text.contains("/_rw/main.c"), paths == "portable", "{store} {paths}");
        assert_eq!(
            text.contains(&*sandbox.work().to_string_lossy()),
            paths == "exact",
            "{store} {paths}"
        );
        pids.push(
            pid()
                .split("\"pid\":")
                .nth(1)
                .unwrap()
                .split([',', '}'])
                .next()
                .unwrap()
                .trim()
                .to_owned(),
        );
    }
    pids.dedup();
    assert_eq!(pids.len(), 1, "{pids:?}");
}

#[test]
fn wrong_settings_stop_no_build() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "int value;\n");
    for (text, part) in [
        ("paths = 'sideways'\n", "sideways"),
        ("no_such_setting = 1\n", "no_such_setting"),
        ("paths = \n", "rewrap.toml"),
        ("disk_cache_max_size = 'ten'\n", "disk_cache_max_size"),
    ] {
        sandbox.write("rewrap.toml", text);
        fs::set_permissions(sandbox.work().join("rewrap.toml"), Permissions::from_mode(0o644)).unwrap();
        sandbox.thrice("$W gcc -c main.c");
        let told = sandbox.rewrap(&["build", "--", "gcc", "-c", "main.c"]);
        // A command for people says so before it begins.
        assert!(
            told.stderr.starts_with("rewrap: error: ") && told.stderr.contains(part),
            "{text}: {told:?}"
        );
        assert_eq!(told.exit, 1, "{text}: {told:?}");
    }
}

#[test]
fn without_a_place_for_anything_the_build_passes() {
    let text = "int f(void) { int unused; return 0; }\n";
    let check = |what: &str, spoil: &dyn Fn(&mut Sandbox)| {
        let mut sandbox = Sandbox::new();
        sandbox.write("main.c", text);
        spoil(&mut sandbox);
        let thrice = sandbox.thrice("$W gcc -Wall -MD -c main.c");
        assert_eq!((thrice.plain.exit, thrice.cold), (0, 1), "{what}");
    };
    // Not by modes: root may write everywhere.
    check("the cache directory is a file", &|sandbox| {
        fs::remove_dir(sandbox.own("cache")).unwrap();
        fs::write(sandbox.own("cache"), "").unwrap();
    });
    check("the cache directory cannot be made", &|sandbox| {
        sandbox.set("XDG_CACHE_HOME", "/proc/none");
    });
    check("the store cannot be made", &|sandbox| {
        sandbox.set("REWRAP_DISK_CACHE", "/proc/none");
    });
    check("no home", &|sandbox| {
        sandbox.set("HOME", "");
        sandbox.set("XDG_CACHE_HOME", "");
        sandbox.set("XDG_CONFIG_HOME", "");
    });
    check("no runtime directory", &|sandbox| {
        sandbox.set("XDG_RUNTIME_DIR", "/proc/none");
        let temporary = sandbox.own("tmp");
        fs::create_dir(&temporary).unwrap();
        sandbox.set("TMPDIR", &temporary.to_string_lossy());
    });
    check("a damaged store", &|sandbox| {
        sandbox.wrapped("$W gcc -Wall -MD -c main.c");
        for name in ["main.o", "main.d"] {
            fs::remove_file(sandbox.work().join(name)).unwrap();
        }
        for entry in walkdir::WalkDir::new(sandbox.own("cache/rewrap/cas")) {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                fs::set_permissions(entry.path(), Permissions::from_mode(0o644)).unwrap();
                fs::write(entry.path(), "damaged").unwrap();
            }
        }
        sandbox.starts();
    });
}

/// A new daemon has proven nothing of the store, and reading this much would hold up others on its way.
#[test]
fn a_large_object_is_a_hit_of_a_new_daemon_too() {
    let sandbox = Sandbox::new();
    sandbox.write("large.c", "char large[6 << 20] = { 1 };\n");
    let thrice = sandbox.thrice("$W gcc -c large.c");
    assert_eq!((thrice.cold, thrice.warm), (1, 0));
    assert_eq!(sandbox.rewrap(&["daemon", "stop"]).exit, 0);
    assert_eq!(sandbox.wrapped("$W gcc -c large.c").exit, 0);
    assert_eq!(runs(&sandbox.starts()), 0);
    assert!(fs::metadata(sandbox.work().join("large.o")).unwrap().len() > 6 << 20);
}
