//! The links: words that are separated by blanks, with `TREE` for the tree's absolute path.

use super::project::Project;

/// Which drivers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Language {
    C,
    Cxx,
}

impl Language {
    /// The driver for it, by the one for C.
    pub(super) fn driver(self, driver: &str) -> String {
        match self {
            Self::C => driver.to_owned(),
            Self::Cxx => driver.replace("gcc", "g++").replace("clang", "clang++"),
        }
    }
}

/// One way to link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) language: Language,
    /// The linker itself is called.
    pub(super) direct: bool,
    args: &'static str,
    vars: &'static str,
    /// Parts of tool or choice of which one must be there; all do if empty.
    only: &'static [&'static str],
}

impl Case {
    const fn c(name: &'static str, args: &'static str) -> Self {
        Self {
            name,
            language: Language::C,
            direct: false,
            args,
            vars: "",
            only: &[],
        }
    }

    const fn cxx(name: &'static str, args: &'static str) -> Self {
        Self {
            language: Language::Cxx,
            ..Self::c(name, args)
        }
    }

    const fn ld(name: &'static str, args: &'static str) -> Self {
        Self {
            direct: true,
            ..Self::c(name, args)
        }
    }

    const fn only(self, only: &'static [&'static str]) -> Self {
        Self { only, ..self }
    }

    const fn with(self, vars: &'static str) -> Self {
        Self { vars, ..self }
    }

    /// Whether this tool with the word that chooses its linker is to be tried.
    pub(super) fn fits(&self, tool: &str, choice: &[String]) -> bool {
        let whole = format!("{tool} {}", choice.join(" "));
        // The plain driver links with GNU ld.
        let whole = if whole.ends_with(' ') && !self.direct {
            whole + "bfd"
        } else {
            whole
        };
        self.only.is_empty()
            || self
                .only
                .iter()
                .any(|part| part.split(' ').all(|word| whole.contains(word)))
    }

    pub(super) fn words(&self, project: &Project, tool: &str) -> Vec<String> {
        let words = project.expanded(self.args);
        let mut words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        if tool.contains("mold") && self.direct {
            words.push("--no-fork".to_owned());
        }
        words
    }

    pub(super) fn variables(&self, project: &Project) -> Vec<(String, String)> {
        let vars = project.expanded(self.vars);
        let vars = vars.split_whitespace().filter_map(|var| var.split_once('='));
        vars.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

const BFD: &[&str] = &["bfd"];

pub(super) const CASES: &[Case] = &[
    Case::c("objects", "main.o f.o -o out"),
    Case::c("absolute", "TREE/main.o TREE/f.o -o TREE/out"),
    Case::c("no pie", "-no-pie main.o f.o -o out"),
    Case::c("libm", "mains.o -lm -lpthread -o out"),
    Case::c("static", "-static mains.o -lm -o out"),
    Case::c("static pie", "-static-pie main.o f.o -o out").only(&["bfd", "lld", "mold"]),
    Case::c("profiled", "-pg main.o f.o -o out"),
    Case::c("shared", "-shared f.o g.o -Wl,-soname,libx.so -o out.so"),
    Case::c("shared with a library", "-shared top.o -Lmid -lmid -o out.so"),
    Case::c("relocatable", "-r -nostdlib main.o f.o -o out.o"),
    Case::cxx("C++", "maincc.o -o out"),
    Case::cxx("C++ static", "-static maincc.o -o out"),
    Case::cxx(
        "C++ with a static library",
        "-static-libstdc++ -static-libgcc maincc.o -o out",
    ),
    Case::c("archive", "main.o -Llib -Wl,-Bstatic -lf -Wl,-Bdynamic -o out"),
    Case::c("archive by name", "main.o lib/libf.a -o out"),
    Case::c("exact name", "main.o -Llib -l:libf.a -o out"),
    Case::c("exact shared name", "main.o -L lib -l:libf.so.1 -o out"),
    Case::c("shared before archive in a directory", "main.o -Llib -lf -o out"),
    Case::c("archive of an earlier directory", "main.o -Lstatic -Llib -lf -o out"),
    Case::c("directories after libraries", "main.o -lf -Llib -o out"),
    Case::c("missing directories", "main.o -Lnowhere -Llib -lf -o out"),
    Case::c("passed over for another machine", "main.o -Lwrong -Llib -lf -o out").only(&["bfd", "gold", "mold"]),
    Case::c("passed over twice", "maing.o -Lwrong -Llib -lf -lg -o out").only(&["bfd", "gold", "mold"]),
    Case::c(
        "groups",
        "main.o -Wl,--start-group lib/libf.a lib/libg.a -Wl,--end-group -o out",
    ),
    Case::c(
        "whole archive",
        "-shared -Wl,--whole-archive lib/libf.a lib/libg.a -Wl,--no-whole-archive -o out.so",
    ),
    Case::c(
        "as needed",
        "main.o -Llib -Wl,--push-state,--as-needed -lg -lf -Wl,--pop-state -o out",
    ),
    Case::c("thin archive", "main.o thin/libf.a -o out"),
    Case::c("thin archive searched", "maing.o -Lthin -lfg -o out"),
    Case::c("thin archive with absolute members", "main.o -Lthin -labs -o out"),
    Case::c("no soname", "main.o odd/libnosoname.so -o out"),
    Case::c("shared by name", "main.o lib/libf.so -o out"),
    Case::c("text library", "main.o -Llib -Ltext -ltext -o out"),
    Case::c("text archive", "-static main.o -Ltext -ltext -o out").only(&["bfd", "gold", "lld"]),
    Case::c("script as input", "main.o scripts/inputs.ld -Lscripts -Llib -o out").only(&["bfd", "lld"]),
    Case::c(
        "script in a static part",
        "main.o -Llib -Lscripts -Wl,-Bstatic scripts/inputs.ld -Wl,-Bdynamic -o out",
    )
    .only(&["bfd", "lld"]),
    Case::c("script with a group", "maing.o scripts/group.ld -o out").only(&["bfd", "gold", "lld"]),
    Case::c("script beside its files", "maing.o f.o scripts/beside.ld -o out").only(&["bfd", "lld"]),
    Case::c("script with a directory", "main.o scripts/dirs.ld -o out").only(&["bfd"]),
    Case::c("implicit script", "main.o f.o just.ld -o out").only(&["bfd", "gold", "lld"]),
    Case::ld("explicit script", "-Lscripts -T sections.ld start.o f.o -o out").only(&["bfd", "lld"]),
    Case::ld("script that names a file", "-T scripts/sections.ld start.o -o out").only(BFD),
    Case::c(
        "version script",
        "-shared f.o g.o -Wl,--version-script=scripts/version.map -o out.so",
    ),
    Case::c(
        "version script searched",
        "-shared f.o -Lscripts -Wl,--version-script,version.map -o out.so",
    )
    .only(&["bfd", "lld"]),
    Case::c(
        "dynamic list",
        "main.o f.o -rdynamic -Wl,--dynamic-list,scripts/dynamic.list -o out",
    ),
    Case::c(
        "retained symbols",
        "main.o f.o -Wl,--retain-symbols-file=scripts/retain.txt -o out",
    )
    .only(&["bfd", "lld"]),
    Case::c(
        "symbol order",
        "main.o f.o -Wl,--symbol-ordering-file=scripts/order.txt -o out",
    )
    .only(&["lld"]),
    Case::c(
        "section order",
        "main.o f.o -Wl,--section-ordering-file=scripts/order.txt -o out",
    )
    .only(&["gold"]),
    Case::c("just symbols", "main.o -Wl,--just-symbols=f.o -o out").only(BFD),
    Case::c("map", "main.o f.o -Wl,-Map=out.map -o out"),
    Case::c("dependency file", "main.o f.o -Wl,--dependency-file=out.d -o out").only(&["bfd", "lld", "mold"]),
    Case::c("response files", "@words.rsp -o out"),
    Case::c("the linker's response file", "main.o -Wl,@linker.rsp -o out"),
    Case::c(
        "needed by rpath-link",
        "maintop.o -Ltop -ltop -Wl,-rpath-link,mid:deep -o out",
    ),
    Case::c(
        "needed by rpath",
        "maintop.o -Ltop -ltop -Wl,-rpath,TREE/mid -Wl,-rpath,TREE/deep -o out",
    ),
    Case::c("needed by run path", "maintop.o -Ltop -lruntop -o out"),
    Case::c("needed by origin", "maintop.o -Ltop -lorigin -o out"),
    Case::c("needed by LD_RUN_PATH", "maintop.o -Ltop -ltop -o out")
        .with("LD_RUN_PATH=TREE/mid:TREE/deep")
        .only(BFD),
    Case::c("needed by LD_LIBRARY_PATH", "maintop.o -Ltop -ltop -o out").with("LD_LIBRARY_PATH=TREE/mid:TREE/deep"),
    Case::c(
        "needed and named",
        "maintop.o -Ltop -ltop -Lmid -lmid -Ldeep -ldeep -o out",
    ),
    Case::c(
        "needed and not found",
        "maintop.o -Ltop -ltop -Wl,--unresolved-symbols=ignore-all -o out",
    ),
    Case::c(
        "needed of the system",
        "main.o f.o -l:libctf.so.0 -Wl,--no-as-needed -o out",
    ),
    Case::c(
        "needed by a shared library",
        "-shared f.o -Ltop -ltop -Wl,-rpath-link,mid:deep -o out.so",
    ),
    Case::c("LIBRARY_PATH", "main.o -lf -o out").with("LIBRARY_PATH=TREE/lib"),
    Case::c("LTO", "-flto lto/main.o lto/f.o -o out").only(&["gcc bfd", "gcc gold", "gcc mold"]),
    Case::c("LTO in parts", "-flto=2 -O2 lto/main.o lto/f.o -o out").only(&["gcc bfd"]),
    Case::c("LTO archive", "-flto lto/main.o -Llto -lf -o out").only(&["gcc bfd", "gcc gold"]),
    Case::c("LTO without the option", "lto/fat.o f.o -o out").only(&["gcc"]),
    Case::c("LLVM's LTO", "-flto llvm/main.o llvm/f.o -o out").only(&["clang-19 lld", "clang-19 bfd", "clang-19 mold"]),
    Case::c("LLVM's older LTO", "-flto llvm/main14.o llvm/f14.o -o out")
        .only(&["clang -fuse-ld=lld", "clang -fuse-ld=gold"]),
    Case::c("LLVM's LTO archive", "-flto llvm/main.o llvm/libf.a -o out").only(&["clang-19 lld"]),
    Case::c("thin LTO", "-flto=thin llvm/thinmain.o llvm/thinf.o -o out").only(&["clang-19 lld"]),
    Case::c("split dwarf", "-g -gsplit-dwarf dwo.o f.o -o out"),
    Case::c("gdb index", "-g dwo.o f.o -Wl,--gdb-index -o out").only(&["gold", "lld", "mold"]),
    Case::c("coverage", "--coverage main.o covf.o -o out").only(&["gcc"]),
    Case::c("gcc's sanitizer", "-fsanitize=address gasan.o f.o -o out").only(&["gcc"]),
    Case::c("OpenMP", "-fopenmp main.o f.o -o out").only(&["gcc"]),
    Case::c(
        "build id",
        "main.o f.o -Wl,--build-id=sha1 -Wl,-z,relro,-z,now -s -o out",
    ),
    Case::c(
        "tool directory",
        "-B/usr/lib/llvm-19/bin -fuse-ld=lld main.o f.o -o out",
    )
    .only(&["gcc -fuse-ld=bfd"]),
    Case::ld("another emulation", "-m elf_i386 -e f wrong/f.o -o out"),
    Case::ld("a relocatable object", "-r main.o f.o -o out.o"),
    Case::ld("a shared library", "-shared f.o -Llib -lg -o out.so"),
    Case::ld("a program", "start.o f.o -o out"),
    Case::ld("a program with directories", "start.o -Llib -lf -o out"),
    Case::ld("a sysroot", "--sysroot=TREE/sys start.o -L=/lib -lf -o out"),
    Case::ld(
        "a dynamic program",
        "start.o -Llib -lf -dynamic-linker /lib64/ld-linux-x86-64.so.2 -rpath TREE/lib -o out",
    ),
    Case::ld(
        "needed libraries",
        "start.o f.o -Ltop -ltop --unresolved-symbols=ignore-all -rpath-link mid:deep -o out",
    ),
    Case::ld("binary data", "start.o f.o -b binary words.rsp -b elf64-x86-64 -o out").only(&["bfd", "gold"]),
    Case::ld("its response file", "start.o @linker.rsp -o out"),
    Case::ld("static libraries only", "-static start.o -Llib -lf -o out"),
];
