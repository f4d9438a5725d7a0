//! One tree of sources with every kind of file that an option can name, and what has to be made by the compiler itself.

use super::lines::Who;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Below the exec root; the working directory is `w`.
const FILES: &[(&str, &str)] = &[
    (
        "w/a.c",
        "#include \"h.h\"\nstatic int g(int a) { return a + H; }\nint f(int a) { int i, s = 0; for (i = 0; i < a; i++) s += g(i); return s; }\n",
    ),
    ("w/a.b.c", "int f(void) { return 1; }\n"),
    ("w/s/q.c", "#include \"q.h\"\nint f(void) { return Q; }\n"),
    ("w/s/q.h", "#define Q 2\n"),
    ("w/h.h", "#define H 1\n"),
    (
        "w/p.cc",
        "#include \"h.h\"\n#include <cstddef>\nstruct S { virtual ~S(); int x; };\nS::~S() { x = H; }\ntemplate <class T> T id(T t) { return t; }\nint u(std::size_t n) { return id<int>(n); }\n",
    ),
    ("w/t.s", ".globl p\np:\n  nop\n  ret\n"),
    ("w/u.S", "#include \"h.h\"\n.globl s\ns:\n  mov $H, %eax\n  ret\n"),
    ("w/i.i", "# 1 \"pre.c\"\nint f(void) { return 1; }\n"),
    ("w/j.ii", "# 1 \"pre.cc\"\nint f() { return 1; }\n"),
    ("w/empty.c", ""),
    ("w/noext", "int f(void) { return 1; }\n"),
    (
        "w/def.c",
        "#ifdef FROM_RSP\n#include \"h.h\"\nint x = H;\n#else\nint x;\n#endif\n",
    ),
    ("w/main.c", "int main(void) { return 0; }\n"),
    // Searched.
    ("w/srch.c", "#include <x.h>\nint x = X;\n"),
    ("w/two.c", "#include <x.h>\n#include <y.h>\nint x = X + Y;\n"),
    ("w/quo.c", "#include \"x.h\"\nint x = X;\n"),
    ("w/next.c", "#include <n.h>\nint x = N;\n"),
    ("inc/x.h", "#define X 1\n"),
    ("inc/n.h", "#include_next <n.h>\n"),
    ("inc2/x.h", "#define X 2\n"),
    ("inc2/n.h", "#define N 2\n"),
    ("sys/y.h", "#define Y 1\nstatic int sys_unused;\n"),
    ("sys/x.h", "#define X 3\n"),
    ("sr/usr/include/x.h", "#define X 4\n"),
    ("sr/usr/include/y.h", "#define Y 4\n"),
    ("w/forced.h", "#include \"h.h\"\n#define FORCED 1\n"),
    ("src/a.c", "#include \"../w/h.h\"\nint f(void) { return H; }\n"),
    (
        "w/has.c",
        "#if __has_include(\"only.h\")\nint has;\n#endif\n#if __has_include(\"gone.h\")\nint gone;\n#endif\nint x;\n",
    ),
    ("w/only.h", "#error never included\n"),
    ("w/comp.c", "#define NAME \"h.h\"\n#include NAME\nint x = H;\n"),
    ("w/dep.c", "#pragma GCC dependency \"h.h\"\nint x;\n"),
    (
        "w/count.c",
        "int x = __COUNTER__ + __COUNTER__;\n#if __COUNTER__ == 2\n#include \"h.h\"\n#endif\n",
    ),
    ("w/once.c", "#import \"h.h\"\n#import \"h.h\"\nint x = H;\n"),
    // Embedded.
    (
        "w/incbin.c",
        "asm(\".pushsection .rodata\\n.globl blob\\nblob: .incbin \\\"blob.bin\\\"\\n.popsection\");\nint x;\n",
    ),
    ("w/blob.bin", "blob\n"),
    ("w/binc.c", "asm(\".include \\\"mac.inc\\\"\");\nint x;\n"),
    ("w/binc.S", ".include \"mac.inc\"\n.incbin \"blob.bin\"\n"),
    ("w/binc.s", ".include \"mac.inc\"\n.incbin \"blob.bin\"\n"),
    ("w/far.s", ".include \"far.inc\"\n.incbin \"far.bin\"\n"),
    (
        "w/far.S",
        "#include \"h.h\"\n.include \"far.inc\"\n.incbin \"far.bin\", H\n",
    ),
    ("w/far.c", "asm(\".include \\\"far.inc\\\"\");\nint x;\n"),
    ("w/asmh.S", "#include <x.h>\n.long X\n"),
    ("w/mac.inc", ".macro nothing\n.endm\n"),
    ("asm/far.inc", ".incbin \"far.bin\"\n"),
    ("asm/far.bin", "far\n"),
    ("w/embed.c", "const unsigned char e[] = {\n#embed \"blob.bin\"\n};\n"),
    (
        "w/embedfar.c",
        "const unsigned char e[] = {\n#embed <far.bin> limit(2)\n};\n",
    ),
    (
        "w/hasembed.c",
        "#if __has_embed(\"blob.bin\")\nint yes;\n#endif\nint x;\n",
    ),
    // Read by options.
    ("w/ignore.txt", "fun:nobody\n"),
    ("w/ignore2.txt", "src:*/nothing.c\n"),
    ("w/cover.txt", "fun:*\nsrc:*\n"),
    ("w/attr.txt", "[always]\nfun:f\n"),
    ("w/prof.list", "[clang]\nfun:f\n"),
    ("w/remap.txt", "name 3foo 3bar\n"),
    ("w/seed.txt", "abcdef\n"),
    ("w/sample.prof", "f:100:10\n 1: 10\n"),
    ("w/instr.proftext", "f\n10\n2\n1\n1\n"),
    ("w/override.txt", ""),
    ("w/cc1.specs", "*cc1_options:\n+ -fno-strict-aliasing\n\n"),
    ("w/cpp.specs", "*cpp:\n+ -DFROM_RSP -I../inc\n\n"),
    ("w/inc.specs", "%include <cc1.specs>\n"),
    ("w/my.cfg", "# made for this project\n-DFROM_RSP\n-O1\n"),
    ("w/dir.cfg", "-I<CFGDIR>/../inc\n-DFROM_RSP\n"),
    ("w/nested.cfg", "@my.cfg\n"),
    (
        "w/vfs.yaml",
        "{ 'version': 0, 'roots': [ { 'name': '/virtual', 'type': 'directory', 'contents': [ { 'name': 'x.h', 'type': 'file', 'external-contents': '{X}/inc/x.h' } ] } ] }\n",
    ),
    ("w/r.rsp", "-DFROM_RSP -O1\n"),
    ("w/r2.rsp", "@r.rsp -DMORE\n"),
    ("w/all.rsp", "-c a.c -o \"d/all.o\" -DA='x y'\n"),
    // Modules.
    ("w/empty.modmap", ""),
    ("w/plain.modmap", "-x c++\n"),
    ("w/root.modmap", "$root .\n"),
    ("w/gcc.modmap", "$root .\nm m.gcm\n"),
    ("w/gccfull.modmap", "m {X}/w/m.gcm\nn n.gcm\n"),
    ("w/use.modmap", "-x c++\n-fmodule-file=m=m.pcm\n"),
    ("w/unit.modmap", "-x c++-module\n-fmodule-output=d/mm.pcm\n"),
    (
        "w/m.cppm",
        "module;\n#include \"h.h\"\nexport module m;\nexport inline int em() { return H; }\n",
    ),
    (
        "w/m.cc",
        "module;\n#include \"h.h\"\nexport module m;\nexport inline int em() { return H; }\n",
    ),
    (
        "w/use.cc",
        "#include \"h.h\"\nimport m;\nint u() { return em() + H; }\n",
    ),
    ("w/module.modulemap", "module hm { header \"hm.h\" export * }\n"),
    ("w/hm.h", "#define HM 1\n"),
    ("w/hm.c", "#include \"hm.h\"\nint x = HM;\n"),
    // Precompiled.
    ("w/g/pch.h", "#include \"in.h\"\n#include <stddef.h>\n#define PCH 1\n"),
    ("w/g/in.h", "#define IN 1\n"),
    ("w/g/pch.h.cxx", "/* made */\n"),
    ("w/pch.c", "#include \"g/pch.h\"\nint x = PCH + IN;\n"),
    ("w/pch.cc", "#include \"g/pch.h\"\nint x = PCH + IN;\n"),
    ("w/body.c", "int x = PCH + IN;\n"),
    ("w/body.cc", "int x = PCH + IN;\n"),
    ("w/g/multi.h", "#define PCH 2\n#define IN 2\n"),
    ("w/fresh.h", "#include \"h.h\"\n"),
    ("w/fresh.hh", "#include \"h.h\"\n"),
    // Programs.
    ("w/tools/as", "#!/bin/sh\nexec /usr/bin/as \"$@\"\n"),
];

/// Made by the compiler before any line runs: `++` for its C++ driver, else the C driver, or a program's name. What a
/// version cannot make is not there, and lines that read it are refused.
const MADE: &[(&[Who], &str)] = &[
    (&[Who::Gcc], "cc -x c-header g/pch.h -o g/pch.h.gch"),
    (&[Who::Gcc], "cc -x c-header g/multi.h -o g/multi.h.gch/one"),
    (&[Who::Gcc], "cc -DOTHER -x c-header g/multi.h -o g/multi.h.gch/two"),
    (&[Who::Gcc], "++ -x c++-header g/pch.h -o g/cxx/pch.h.gch"),
    (
        &[Who::Gcc],
        "cc -c -ftest-coverage -fprofile-arcs main.c -o prof/main.o",
    ),
    (&[Who::Gcc], "cc --coverage main.c -o prof/main"),
    (
        &[Who::Gcc],
        "++ -fmodules-ts -fmodule-mapper=gcc.modmap -c m.cc -o prof/m.o",
    ),
    (&[Who::Clang14, Who::Clang19], "cc -x c-header g/pch.h -o g/c.pch"),
    (&[Who::Clang14, Who::Clang19], "cc -x c-header g/pch.h -o g/pch.h.pch"),
    (
        &[Who::Clang14, Who::Clang19],
        "cc -Xclang -fno-pch-timestamp -x c-header g/pch.h -o g/timeless.pch",
    ),
    (
        &[Who::Clang14, Who::Clang19],
        "++ -Xclang -emit-pch -Xclang -include -Xclang g/pch.h -x c++-header -c g/pch.h.cxx -o g/cxx.pch",
    ),
    (
        &[Who::Clang14, Who::Clang19],
        "profdata merge instr.proftext -o instr.profdata",
    ),
    (
        &[Who::Clang14, Who::Clang19],
        "profdata merge instr.proftext -o profdir/default.profdata",
    ),
    (&[Who::Clang14, Who::Clang19], "cc -flto=thin -O2 -c a.c -o lto.o"),
    (&[Who::Clang14], "++ -std=c++20 --precompile m.cppm -o m.pcm"),
    (&[Who::Clang19], "++ -std=c++20 --precompile m.cppm -o m.pcm"),
];

pub(super) struct Project {
    root: PathBuf,
    /// Every file as it was when the tree was complete.
    saved: BTreeMap<PathBuf, Vec<u8>>,
}

impl Project {
    pub(super) fn create(temp: &Path, who: Who) -> Self {
        let root = temp.canonicalize().expect("temporary directory").join("proj");
        for (name, text) in FILES {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            fs::write(&path, text.replace("{X}", root.to_str().expect("UTF-8"))).expect("file");
        }
        for dir in [
            "w/d",
            "w/prof",
            "w/profdir",
            "w/g/multi.h.gch",
            "w/g/cxx",
            "w/cache",
            "out",
        ] {
            fs::create_dir_all(root.join(dir)).expect("directory");
        }
        if who != Who::Gcc {
            fs::remove_dir(root.join("w/g/multi.h.gch")).expect("directory");
        }
        let tool = root.join("w/tools/as");
        fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).expect("mode");
        let mut project = Self {
            root,
            saved: BTreeMap::new(),
        };
        project.make(who);
        for path in project.listing() {
            let bytes = fs::read(&path).expect("file");
            project.saved.insert(path, bytes);
        }
        project
    }

    fn make(&self, who: Who) {
        let [c, cxx] = who.tools();
        for (_, line) in MADE.iter().filter(|(takes, _)| takes.contains(&who)) {
            let mut words = line.split(' ');
            let program = match words.next() {
                Some("cc") => c.clone(),
                Some("++") => cxx.clone(),
                _ => who.profdata(),
            };
            // What an older version cannot make is not there, and the lines that need it are refused.
            let _ = Command::new(program)
                .args(words)
                .current_dir(self.cwd())
                .output()
                .expect("a program");
        }
        if who == Who::Gcc {
            let _ = Command::new(self.cwd().join("prof/main"))
                .current_dir(self.cwd())
                .output();
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn cwd(&self) -> PathBuf {
        self.root.join("w")
    }

    /// Variables and words of a line, in which `{X}` stands for the exec root. Quotes are not understood.
    pub(super) fn words(&self, line: &str) -> (Vec<(String, String)>, Vec<String>) {
        let root = self.root.to_str().expect("UTF-8");
        let mut words = line.split_whitespace().map(|word| word.replace("{X}", root)).peekable();
        let mut variables = Vec::new();
        while let Some(word) = words.next_if(|word| !word.starts_with(['-', '@']) && word.contains('=')) {
            let (name, value) = word.split_once('=').expect("a variable");
            variables.push((name.to_owned(), value.to_owned()));
        }
        (variables, words.collect())
    }

    /// All files below the exec root.
    pub(super) fn listing(&self) -> BTreeSet<PathBuf> {
        let entries = walkdir::WalkDir::new(&self.root).into_iter();
        let entries = entries.map(|entry| entry.expect("entry"));
        entries
            .filter(|entry| !entry.file_type().is_dir())
            .map(walkdir::DirEntry::into_path)
            .collect()
    }

    /// Puts files back that a command wrote over.
    pub(super) fn restore(&self, written: &BTreeSet<PathBuf>) {
        for path in written {
            if let Some(bytes) = self.saved.get(path) {
                fs::write(path, bytes).expect("file");
            }
        }
    }
}
