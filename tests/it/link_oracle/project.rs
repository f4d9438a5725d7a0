//! A tree with something of everything that a linker reads.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Texts. `TREE` stands for the tree's absolute path.
const TEXTS: [(&str, &str); 28] = [
    ("main.c", "int f(void); int main(void) { return f(); }"),
    (
        "maing.c",
        "int f(void); int g(void); int main(void) { return f() + g(); }",
    ),
    (
        "mains.c",
        "#include <stdio.h>\n#include <math.h>\nint main(int c, char **v) { printf(\"%f\", sin(c)); }",
    ),
    ("top.c", "int mid(void); int top(void) { return mid(); }"),
    ("maintop.c", "int top(void); int main(void) { return top(); }"),
    ("mid.c", "int deep(void); int mid(void) { return deep(); }"),
    ("deep.c", "int deep(void) { return 3; }"),
    ("f.c", "int f(void) { return 1; }"),
    ("g.c", "int g(void) { return 2; }"),
    ("start.c", "int f(void); void _start(void) { f(); for (;;) ; }"),
    (
        "main.cc",
        "#include <iostream>\n#include <thread>\nint main() { std::thread([] { std::cout << 1; }).join(); }",
    ),
    ("scripts/version.map", "V1 { global: f; local: *; };"),
    ("scripts/dynamic.list", "{ f; main; };"),
    ("scripts/retain.txt", "f\nmain\n"),
    ("scripts/order.txt", "main\nf\n"),
    ("scripts/inputs.ld", "INCLUDE more.ld\nINPUT(f.o)\n"),
    ("scripts/more.ld", "/* INPUT(nothing.o) */ INPUT(-lg)\n"),
    ("scripts/group.ld", "GROUP(TREE/f.o AS_NEEDED(../g.o))\n"),
    ("scripts/dirs.ld", "SEARCH_DIR(\"TREE/lib\")\nINPUT(-lf)\n"),
    ("scripts/beside.ld", "INPUT(beside.o)\n"),
    (
        "scripts/sections.ld",
        "SECTIONS { . = 0x400000; .text : { f.o(.text) *(.text .text.*) } .data : { *(.data) }\n\
         .bss : { *(.bss COMMON) } /DISCARD/ : { *(.note.*) *(.comment) } }\n",
    ),
    (
        "text/libtext.so",
        "/* GNU ld script */\nINPUT ( libf.so.1 AS_NEEDED ( -lg ) )\n",
    ),
    ("text/libtext.a", "GROUP ( ../lib/libf.a )\n"),
    ("words.rsp", "@nested.rsp -Llib\n"),
    ("nested.rsp", "main.o -lf\n"),
    ("linker.rsp", "--as-needed -Llib -lf\n"),
    ("just.ld", "extra = 0x1000;\n"),
    ("lib64/wrong.c", "int f(void) { return 9; }"),
];

/// Commands that make the rest.
const STEPS: &str = "\
gcc -c -g -fPIC main.c maing.c mains.c top.c maintop.c mid.c deep.c f.c g.c start.c
g++ -c main.cc -o maincc.o
gcc -c -fPIC g.c -o scripts/beside.o
mkdir -p lib both static deep mid top odd lto llvm thin sys/lib wrong run
ar rcs lib/libf.a f.o
ar rcs lib/libg.a g.o
ar rcs static/libf.a f.o
ar rcs both/libf.a f.o
gcc -shared -Wl,-soname,libf.so.1 f.o -o lib/libf.so.1
ln -s libf.so.1 lib/libf.so
cp lib/libf.so.1 text/libf.so.1
gcc -shared -Wl,-soname,libg.so g.o -o lib/libg.so
gcc -shared f.o -o odd/libnosoname.so
gcc -shared -Wl,-soname,libdeep.so.1 deep.o -o deep/libdeep.so.1
ln -s libdeep.so.1 deep/libdeep.so
gcc -shared -Wl,-soname,libmid.so mid.o -Ldeep -ldeep -o mid/libmid.so
gcc -shared -Wl,-soname,libtop.so top.o -Lmid -lmid -Wl,-rpath-link,deep -o top/libtop.so
gcc -shared -Wl,-soname,libmid.so -Wl,-rpath,$ORIGIN/../deep mid.o -Ldeep -ldeep -o run/libmid.so
gcc -shared -Wl,-soname,libruntop.so -Wl,-rpath,TREE/run top.o -Lmid -lmid -o top/libruntop.so
gcc -shared -Wl,-soname,liborigin.so -Wl,-rpath,$ORIGIN/../run top.o -Lmid -lmid -o top/liborigin.so
ar rcT thin/libf.a f.o
ar rcT thin/libfg.a f.o g.o
ar rcT thin/libabs.a TREE/f.o
gcc -c -flto f.c -o lto/f.o
gcc -c -flto main.c -o lto/main.o
gcc -c -flto -ffat-lto-objects main.c -o lto/fat.o
gcc-ar rcs lto/libf.a lto/f.o
clang-19 -c -flto f.c -o llvm/f.o
clang-19 -c -flto main.c -o llvm/main.o
clang-19 -c -flto=thin f.c -o llvm/thinf.o
clang-19 -c -flto=thin main.c -o llvm/thinmain.o
llvm-ar-19 rcs llvm/libf.a llvm/f.o
clang -c -flto f.c -o llvm/f14.o
clang -c -flto main.c -o llvm/main14.o
gcc -c -g -gsplit-dwarf main.c -o dwo.o
gcc -c --coverage f.c -o covf.o
gcc -c -fsanitize=address main.c -o gasan.o
clang-19 -m32 -c lib64/wrong.c -o wrong/f.o
ar rcs wrong/libf.a wrong/f.o
ld.lld-19 -m elf_i386 -shared wrong/f.o -o wrong/libg.so
cp lib/libf.a sys/lib/libf.a
";

/// The tree; gone when it is dropped.
pub(super) struct Project {
    dir: TempDir,
}

impl Project {
    pub(super) fn new() -> Self {
        let project = Self {
            dir: tempfile::Builder::new()
                .prefix("links")
                .tempdir()
                .expect("temporary directory"),
        };
        for (name, text) in TEXTS {
            let path = project.path().join(name);
            fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            fs::write(path, project.expanded(text)).expect("file");
        }
        for step in STEPS.lines() {
            let step = project.expanded(step);
            let words: Vec<&str> = step.split_whitespace().collect();
            if let ["ln", "-s", target, link] = words[..] {
                symlink(target, project.path().join(link)).expect("link");
                continue;
            }
            let status = Command::new(words[0])
                .args(&words[1..])
                .current_dir(project.path())
                .status();
            assert!(status.expect(words[0]).success(), "{step}");
        }
        project
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// `TREE` by the path of the tree.
    pub(super) fn expanded(&self, text: &str) -> String {
        text.replace("TREE", self.path().to_str().expect("UTF-8"))
    }

    /// A path for the report.
    pub(super) fn named(&self, path: &Path) -> String {
        let below: PathBuf = path
            .strip_prefix(self.path())
            .map_or_else(|_| path.to_owned(), Path::to_owned);
        below.display().to_string()
    }
}
