use super::*;
use crate::wire::view::InodeId;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use tempfile::TempDir;

const LIBRARY: &str = "\x7fELF\x02\x01\x01";

/// `shims` before `usr` on `PATH`; `install` beside it.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for name in [
            "install/rewrap-cc",
            "usr/cc",
            "usr/c++",
            "usr/gcc",
            "usr/gcc-12",
            "usr/ld",
            "usr/ar",
            "usr/llvm-ar-19",
            "usr/ranlib",
            "usr/strip",
            "usr/objcopy",
            "usr/ccache",
            "opt/cc",
        ] {
            tree.file(name, "#!/bin/sh\n", 0o755);
        }
        tree.file("work/libfoo.so", LIBRARY, 0o755);
        tree.file("work/main.c", "int main;\n", 0o777);
        tree.file("work/cc", "#!/bin/sh\n", 0o644);
        for name in [
            "rewrap-c++",
            "rewrap-ld",
            "gcc",
            "gcc-12",
            "c++",
            "ld",
            "arm-none-eabi-gcc",
        ] {
            tree.link(&format!("shims/{name}"));
        }
        tree
    }

    fn file(&self, name: &str, content: &str, mode: u32) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn link(&self, name: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(self.0.path().join("install/rewrap-cc"), path).unwrap();
    }

    /// Resolves a command line, `T/` standing for the tree; the answer likewise: tool, `argv[0]`, arguments.
    fn resolve(&self, variables: &[(&str, &str)], line: &str) -> String {
        let root = format!("{}/", self.0.path().display());
        let real = |text: &str| OsString::from(text.replace("T/", &root));
        let mut words = line.split(' ').map(real);
        let argv0 = words.next().unwrap();
        let search = Search::new(
            Some(real("T/shims:T/usr")),
            InodeId::of(&self.0.path().join("install/rewrap-cc")).ok(),
        );
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| real(value))
        };
        let answer = match super::resolve(&argv0, words.collect(), &search, &variable) {
            Ok(Invocation { tool, invoked_as, args }) => {
                let args = args.join(OsStr::new(" "));
                format!("{} as {} {}", tool.display(), invoked_as.display(), args.display())
            }
            Err(no_tool) => format!("{}: {no_tool}", no_tool.exit_code()),
        };
        answer.replace(&root, "T/")
    }
}

#[test]
fn three_forms_of_call() {
    let tree = Tree::new();
    let check = |line: &str, expected: &str| assert_eq!(tree.resolve(&[], line), expected, "{line}");
    // Before a compiler.
    check("rewrap-cc T/usr/gcc -c a.c", "T/usr/gcc as T/usr/gcc -c a.c");
    check("T/install/rewrap-cc gcc -c a.c", "T/usr/gcc as gcc -c a.c");
    check("rewrap-cc ccache gcc -c a.c", "T/usr/ccache as ccache gcc -c a.c");
    check("rewrap-c++ T/opt/cc", "T/opt/cc as T/opt/cc ");
    check("rewrap-ld ld -r a.o", "T/usr/ld as ld -r a.o");
    // Instead of one.
    check("rewrap-cc -c a.c", "T/usr/cc as cc -c a.c");
    check("rewrap-cc", "T/usr/cc as cc ");
    check("rewrap-c++ a.cc", "T/usr/c++ as c++ a.cc");
    check("rewrap-ld -r a.o", "T/usr/ld as ld -r a.o");
    check("rewrap-ar rcs a.a a.o", "T/usr/ar as ar rcs a.a a.o");
    check("rewrap-ranlib a.a", "T/usr/ranlib as ranlib a.a");
    check("rewrap-strip -g a.o", "T/usr/strip as strip -g a.o");
    check("rewrap-objcopy a.o b.o", "T/usr/objcopy as objcopy a.o b.o");
    check("rewrap-cc llvm-ar-19 rcs a.a", "T/usr/llvm-ar-19 as llvm-ar-19 rcs a.a");
    check(
        "rewrap-cc T/work/libfoo.so -o x",
        "T/usr/cc as cc T/work/libfoo.so -o x",
    );
    check("rewrap-cc T/work/main.c -o x", "T/usr/cc as cc T/work/main.c -o x");
    check("rewrap-cc T/work/cc -o x", "T/usr/cc as cc T/work/cc -o x");
    check("rewrap-cc T/work -o x", "T/usr/cc as cc T/work -o x");
    check("rewrap-cc @T/usr/gcc", "T/usr/cc as cc @T/usr/gcc");
    // Under its name.
    check("gcc -c a.c", "T/usr/gcc as gcc -c a.c");
    check("gcc T/usr/cc -c a.c", "T/usr/gcc as gcc T/usr/cc -c a.c");
    check("gcc-12 -c a.c", "T/usr/gcc-12 as gcc-12 -c a.c");
    check("T/shims/gcc -c a.c", "T/usr/gcc as T/usr/gcc -c a.c");
    check("arm-none-eabi-gcc -c a.c", "127: cannot find `arm-none-eabi-gcc`");
    // A wrapper before a wrapper.
    check("rewrap-cc T/shims/gcc -c a.c", "T/usr/gcc as T/usr/gcc -c a.c");
    check("rewrap-cc rewrap-c++ -c a.cc", "T/usr/c++ as c++ -c a.cc");
    check(
        "rewrap-cc T/install/rewrap-cc T/usr/gcc -c a.c",
        "T/usr/gcc as T/usr/gcc -c a.c",
    );
    check(
        "rewrap-cc arm-none-eabi-gcc -c a.c",
        "127: cannot find `arm-none-eabi-gcc`",
    );
}

#[test]
fn variables_choose_the_tool_that_is_stood_for() {
    let tree = Tree::new();
    let check = |variable: (&str, &str), line: &str, expected: &str| {
        assert_eq!(tree.resolve(&[variable], line), expected, "{variable:?} {line}");
    };
    check(
        ("REWRAP_CC", "gcc-12"),
        "rewrap-cc -c a.c",
        "T/usr/gcc-12 as gcc-12 -c a.c",
    );
    check(
        ("REWRAP_CC", "T/opt/cc"),
        "rewrap-cc -c a.c",
        "T/opt/cc as T/opt/cc -c a.c",
    );
    check(
        ("REWRAP_CC", "T/opt/cc"),
        "rewrap-cc gcc -c a.c",
        "T/usr/gcc as gcc -c a.c",
    );
    check(
        ("REWRAP_CC", "T/opt/cc"),
        "rewrap-c++ -c a.c",
        "T/usr/c++ as c++ -c a.c",
    );
    check(("REWRAP_CXX", "gcc"), "rewrap-c++ -c a.c", "T/usr/gcc as gcc -c a.c");
    check(
        ("REWRAP_AR", "llvm-ar-19"),
        "rewrap-ar rcs a.a",
        "T/usr/llvm-ar-19 as llvm-ar-19 rcs a.a",
    );
    check(
        ("REWRAP_LD", "T/usr/ld"),
        "rewrap-ld -r a.o",
        "T/usr/ld as T/usr/ld -r a.o",
    );
    check(("REWRAP_AR", "ar"), "rewrap-ranlib a.a", "T/usr/ranlib as ranlib a.a");
    check(("REWRAP_CC", ""), "rewrap-cc -c a.c", "T/usr/cc as cc -c a.c");
    check(
        ("REWRAP_CC", "T/shims/gcc"),
        "rewrap-cc -c a.c",
        "T/usr/gcc as T/usr/gcc -c a.c",
    );
    check(
        ("REWRAP_CC", "missing"),
        "rewrap-cc -c a.c",
        "127: cannot find `missing`",
    );
    check(
        ("REWRAP_CC", "T/missing"),
        "rewrap-cc -c a.c",
        "127: cannot find `T/missing`",
    );
    check(
        ("REWRAP_CC", "T/work/cc"),
        "rewrap-cc -c a.c",
        "126: cannot execute `T/work/cc`",
    );
    check(
        ("REWRAP_CC", "T/work"),
        "rewrap-cc -c a.c",
        "126: cannot execute `T/work`",
    );
    check(("REWRAP_CC", "T/opt/cc"), "gcc -c a.c", "T/usr/gcc as gcc -c a.c");
}
