//! A project whose objects and libraries are there already, built by a compiler in its own directory, with that
//! directory's names in them.

use crate::relocation_oracle::project::{Hidden, hide};
use rewrap::action::Place;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILES: &[(&str, &str)] = &[
    (
        "src/main.c",
        "int f(void);\nstatic int here(void) { return sizeof __FILE__; }\nint main(void) { return f() + here(); }\n",
    ),
    (
        "src/f.c",
        "const char *f_file(void) { return __FILE__; }\nint unused_f(void) { return 7; }\nint f(void) { return f_file()[0]; }\n",
    ),
    ("src/f2.c", "int f2(void) { return 2; }\n"),
    ("src/g.c", "int deep(void);\nint g(void) { return deep(); }\n"),
    ("src/deep.c", "int deep(void) { return 3; }\n"),
    ("src/main_g.c", "int g(void);\nint main(void) { return g(); }\n"),
    ("src/main_n.c", "int n(void);\nint main(void) { return n(); }\n"),
    ("src/top.c", "int mid(void);\nint top(void) { return mid(); }\n"),
    ("src/mid.c", "int mid(void) { return 5; }\n"),
    ("src/main_top.c", "int top(void);\nint main(void) { return top(); }\n"),
    ("src/absn.c", "int n(void);\nint top(void) { return n(); }\n"),
    ("src/n.c", "int n(void) { return 4; }\n"),
    (
        "src/bad.c",
        "int undefined_here(void);\nint main(void) { return undefined_here(); }\n",
    ),
    (
        "src/main.cc",
        "#include <string>\nstruct S { virtual ~S(); std::string s; };\nS::~S() {}\nextern \"C\" int f(void);\nint main() { S s; s.s = __FILE__; return f() + int(s.s.size()); }\n",
    ),
    ("src/v.map", "V1 { global: f; unused_f; local: *; };\n"),
    ("src/dyn.list", "{ f; };\n"),
    ("src/keep.txt", "f\nmain\n"),
    ("src/order.txt", "f\nmain\n"),
    ("src/data.txt", "data\n"),
    (
        "src/simple.ld",
        "SECTIONS { .text : { *(.text) } .data : { *(.data) } /DISCARD/ : { *(.note*) *(.comment) *(.eh_frame) *(.debug*) } }\n",
    ),
    ("lib/libtext.so", "INPUT ( libf.a )\n"),
    ("lib/libscript.so", "INPUT ( libn.so )\n"),
    ("lib/libabs.so", "INPUT ( {X}/lib/libf.a )\n"),
    ("build/rel.rsp", "-L../lib\n-lf \"-Wl,-Map=../out/m\"\n"),
    ("build/abs.rsp", "-L{X}/lib\n-lf \"-Wl,-Map={X}/out/m\"\n"),
    ("build/rel.wl", "--gc-sections\n-Map=../out/m\n"),
    ("build/abs.wl", "--gc-sections\n-Map={X}/out/m\n"),
];

/// How the project's files are made; `{cc}` is the compiler.
const STEPS: &[&str] = &[
    "{cc} -g -fPIC -ffunction-sections -c {X}/src/main.c -o obj/main.o",
    "{cc} -g -fPIC -ffunction-sections -c {X}/src/f.c -o obj/f.o",
    "{cc} -g -fPIC -c {X}/src/f2.c -o obj/f2.o",
    "{cc} -g -fPIC -c {X}/src/g.c -o obj/g.o",
    "{cc} -g -fPIC -c {X}/src/deep.c -o obj/deep.o",
    "{cc} -g -fPIC -c {X}/src/n.c -o obj/n.o",
    "{cc} -g -fPIC -c {X}/src/main_g.c -o obj/main_g.o",
    "{cc} -g -fPIC -c {X}/src/main_n.c -o obj/main_n.o",
    "{cc} -g -fPIC -c {X}/src/bad.c -o obj/bad.o",
    "{cc} -g -fPIC -c {X}/src/main.cc -o obj/mainxx.o",
    "{cc} -g -gsplit-dwarf -c src/main.c -o obj/split.o",
    "{cc} -g -O2 -flto -c {X}/src/main.c -o lto/main.o",
    "{cc} -g -O2 -flto -fPIC -c {X}/src/f.c -o lto/f.o",
    "{cc} -g -O2 -flto -ffat-lto-objects -c {X}/src/main.c -o fat/main.o",
    "{cc} -shared obj/deep.o -o lib/libdeep.so -Wl,-soname,libdeep.so",
    "{cc} -shared obj/g.o -o lib/libg.so -Wl,-soname,libg.so -Llib -ldeep",
    "{cc} -shared obj/n.o -o lib/libn.so",
    "{cc} -fPIC -c src/main_n.c -o obj/plain.o",
    "{cc} -fPIC -c src/n.c -o obj/plain_n.o",
    "{cc} -g -fPIC -c {X}/src/main_top.c -o obj/main_top.o",
    "{cc} -g -fPIC -shared src/mid.c -o deep/libmid.so -Wl,-soname,libmid.so",
    "{cc} -g -fPIC -shared src/top.c -o lib/libtop.so -Wl,-soname,libtop.so -Ldeep -lmid -Wl,-rpath,{X}/deep",
    "{cc} -g -fPIC -shared src/absn.c {X}/lib/libn.so -o lib/libabsn.so -Wl,-soname,libabsn.so",
    "ar rcs lib/libf.a obj/f.o obj/f2.o",
    "ar rcsT lib/libthin.a obj/f.o obj/f2.o",
    "ar rcsT {X}/lib/libthinabs.a {X}/obj/f.o",
];

/// The project, below a temporary directory. Its working directory is `build`.
pub(super) struct Project {
    pub(super) place: Place,
    top: PathBuf,
}

impl Project {
    /// `below` is the exec root inside `temp`.
    pub(super) fn create(temp: &Path, below: &str, compiler: &Path) -> Self {
        let temp = temp.canonicalize().expect("temporary directory");
        let root = temp.join(below);
        let at = |text: &str| text.replace("{X}", root.to_str().expect("UTF-8"));
        for (name, text) in FILES {
            let file = root.join(name);
            fs::create_dir_all(file.parent().expect("parent")).expect("directory");
            fs::write(file, at(text)).expect("file");
        }
        for dir in ["obj", "lto", "fat", "out", "tools", "deep"] {
            fs::create_dir_all(root.join(dir)).expect("directory");
        }
        for step in STEPS {
            let compiler = compiler.to_str().expect("UTF-8");
            let mut words = step.split(' ').map(|word| at(word).replace("{cc}", compiler));
            let done = Command::new(words.next().expect("a program"))
                .args(words)
                .current_dir(&root)
                .output()
                .expect("a compiler");
            // Only gcc has fat objects, with every version.
            let may_fail = step.contains("fat/");
            let text = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success() || may_fail, "{step}: {text}");
        }
        Self {
            place: Place::new(&root, &root.join("build")).expect("place"),
            top: temp.join(below.split('/').next().expect("a component")),
        }
    }

    /// While the guard lives no file of the project is where it was.
    pub(super) fn hide(&self) -> Hidden {
        hide(&self.top)
    }
}
