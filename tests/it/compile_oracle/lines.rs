//! The command lines. `++` in front: for the C++ driver. `NAME=value` in front: a variable.

use std::path::{Path, PathBuf};

/// A compiler with its C and C++ drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Gcc,
    Clang14,
    Clang19,
}

impl Who {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gcc => "gcc",
            Self::Clang14 => "clang",
            Self::Clang19 => "clang-19",
        }
    }

    pub(super) fn tools(self) -> [PathBuf; 2] {
        let names = match self {
            Self::Gcc => ["gcc", "g++"],
            Self::Clang14 => ["clang", "clang++"],
            Self::Clang19 => ["clang-19", "clang++-19"],
        };
        names.map(|name| Path::new("/usr/bin").join(name))
    }

    pub(super) fn profdata(self) -> PathBuf {
        let name = if self == Self::Clang19 {
            "llvm-profdata-19"
        } else {
            "llvm-profdata-14"
        };
        Path::new("/usr/bin").join(name)
    }
}

/// Which compilers a line is for.
type Takes = fn(Who) -> bool;

fn gcc(who: Who) -> bool {
    who == Who::Gcc
}

fn clang(who: Who) -> bool {
    who != Who::Gcc
}

fn every(_: Who) -> bool {
    true
}

/// How many lines there are at least.
pub(super) const LEAST_LINES: usize = 300;

pub(super) fn lines() -> Vec<(Takes, &'static str)> {
    let groups: [(Takes, &[&'static str]); 3] = [(every, EVERY), (gcc, GCC), (clang, CLANG)];
    groups
        .into_iter()
        .flat_map(|(takes, lines)| lines.iter().map(move |line| (takes, *line)))
        .collect()
}

#[rustfmt::skip]
const EVERY: &[&str] = &[
    // Sources and stages.
    "-c a.c", "-S a.c", "-c -S a.c", "-c a.b.c", "-c s/q.c", "-c p.cc", "++ -c a.c", "++ -c p.cc", "-c t.s", "-c u.S", "-c i.i",
    "-c j.ii", "-c empty.c", "-x c -c noext", "-x c++ -c a.c", "-x none -c a.c", "-x assembler-with-cpp -c t.s", "-x assembler -c t.s",
    "-x cpp-output -c i.i", "-x c++-cpp-output -c i.i", "-c ../src/a.c", "-c {X}/src/a.c", "-c {X}/w/./s/../a.c", "-c a.c -o d/x.o",
    "-c a.c -od/x.o", "-c a.c --output=d/x.o", "-c a.c --output d/x.o", "-c a.c -o {X}/out/x.o", "-S a.c -o d/t.s", "--compile a.c",
    "--assemble a.c", "-c --language=c noext", "-c --language c++ a.c",
    // Depfiles.
    "-c a.c -MD", "-c a.c -MMD -MP", "-c a.c -MD -MF d/m.d", "-c a.c -MD -MFd/m.d", "-c a.c -MD -MT t -MQ u", "-c a.c -o d/a.o -MMD",
    "-c a.c --write-dependencies", "-c a.c --write-user-dependencies", "-c a.c -Wp,-MD,d/w.d", "-c a.c -Wp,-MMD,w.d -o d/a.o",
    "-c u.S -MD -MF d/u.d", "-c p.cc -MD -o d/p.o", "-c t.s -MD", "-c a.c -MD -MF {X}/out/m.d", "-c two.c -I../inc -isystem ../sys -MMD",
    "-c a.c -Xpreprocessor -MD -Xpreprocessor d/w.d",
    // Search.
    "-c srch.c -I../inc", "-c srch.c -I ../inc", "-c srch.c -I{X}/inc", "-c srch.c --include-directory=../inc",
    "-c srch.c --include-directory ../inc", "-c quo.c -iquote ../inc", "-c quo.c -iquote../inc", "-c srch.c -isystem ../sys",
    "-c srch.c -isystem../sys", "-c srch.c -idirafter ../inc", "-c srch.c -idirafter../inc", "-c srch.c --include-directory-after=../inc",
    "-c srch.c --include-directory-after ../inc", "-c two.c -I../inc -isystem ../sys", "-c two.c -I../inc -I ../inc2 -idirafter ../sys",
    "-c srch.c -I../gone -I../inc", "-c next.c -I../inc -I../inc2", "-c next.c -isystem ../inc -I../inc2", "-c quo.c -iquote ../inc -I../inc2",
    "-c srch.c --sysroot=../sr", "-c srch.c --sysroot ../sr", "-c srch.c --sysroot={X}/sr", "-c srch.c -isysroot ../sr",
    "-c srch.c --sysroot={X}/sr -isystem =/usr/include", "-c srch.c --sysroot={X}/sr -I=/usr/include",
    "-c srch.c -iprefix ../ -iwithprefix inc", "-c srch.c -iprefix{X}/ -iwithprefixbefore inc", "-c srch.c -iprefix ../ -iwithprefixbeforeinc",
    "-c srch.c --include-prefix=../ --include-with-prefix=inc", "-c srch.c --include-prefix ../ --include-with-prefix-before inc",
    "-c srch.c --include-prefix ../ --include-with-prefix-after inc",
    "-c quo.c -I../inc -I- -I../inc2", "-c srch.c -nostdinc -I../inc", "++ -c p.cc -nostdinc++ -I/usr/include/c++/12 -I/usr/include/x86_64-linux-gnu/c++/12",
    "CPATH=../inc -c srch.c", "CPATH=:../inc -c srch.c", "C_INCLUDE_PATH=../inc -c srch.c", "CPLUS_INCLUDE_PATH=../inc ++ -c srch.c",
    "CPATH=../inc C_INCLUDE_PATH=../sys -c two.c", "CPATH=../asm -c far.s", "CPATH=../asm -c far.S",
    // Names in the text.
    "-c has.c", "-c comp.c", "-c dep.c", "-c count.c", "-c once.c", "-c incbin.c", "-S incbin.c", "-c binc.c", "-c binc.S", "-c binc.s",
    "-c far.s -I../asm", "-c far.S -I../asm", "-c far.c -I../asm", "-c far.s -I ../asm", "-c far.s -isystem ../asm", "-c far.S -isystem ../asm",
    "-c far.s -Wa,-I,../asm", "-c far.s -Wa,-I../asm", "-c far.S -Wa,-I../asm", "-c far.c -Wa,-I../asm", "-c far.s -Wa,-I,{X}/asm",
    "-c far.s -Xassembler -I../asm", "-c far.s -Xassembler -I -Xassembler ../asm", "-c far.S -iquote ../asm -Wa,-I../asm",
    "-c far.s -Wa,--noexecstack,-I../asm", "-c far.s -Wa,-I../asm,--noexecstack", "-c asmh.S -I../inc",
    // Forced includes and macros.
    "-c a.c -include forced.h", "-c a.c -includeforced.h", "-c a.c --include forced.h", "-c a.c --include=forced.h", "-c a.c -imacros forced.h",
    "-c a.c --imacros=forced.h", "-c a.c --imacros forced.h", "-c a.c -include {X}/w/forced.h", "-c s/q.c -include x.h -I../inc", "-c empty.c -include x.h -iquote ../inc -I../inc2",
    "-c a.c -imacrosforced.h", "-c def.c -DFROM_RSP", "-c def.c -D FROM_RSP", "-c def.c --define-macro=FROM_RSP", "-c def.c --define-macro FROM_RSP -UFROM_RSP",
    "-c def.c --undefine-macro=FROM_RSP", "-c def.c -undef", "-c def.c -Wp,-DFROM_RSP", "-c def.c -Xpreprocessor -DFROM_RSP", "-c def.c -Wp,-DFROM_RSP,-UFROM_RSP", "-c empty.c -Wp,-include,forced.h",
    "-c srch.c -Wp,-I,../inc", "-c srch.c -Wp,-I../inc", "-c srch.c -Xpreprocessor -I../inc", "-c srch.c -Wp,-isystem,../inc", "-c srch.c -Xpreprocessor -isystem -Xpreprocessor ../inc",
    "-c body.c -Wp,-include,g/pch.h", "-c body.c -Xpreprocessor -include -Xpreprocessor g/pch.h",
    // Response files.
    "@r.rsp -c def.c", "@r2.rsp -c def.c", "@all.rsp", "@{X}/w/r.rsp -c def.c", "-c a.c @gone.rsp",
    // Other outputs.
    "-c a.c -g -gsplit-dwarf -o d/x.o", "-c a.c --coverage -o d/x.o", "-c a.c -ftest-coverage", "-c a.c -fstack-usage", "-c a.c -fprofile-arcs",
    "-c a.c -g3", "-c a.c -gdwarf-4", "-c u.S -g", "-c t.s -g", "-c a.c -save-temps", "-c a.c -save-temps=obj -o d/x.o", "-c a.c -fprofile-generate",
    "-c a.c -save-temps=cwd -o d/x.o", "-c a.c -v", "-c a.c -pipe", "-c a.c -H",
    // Code.
    "-c a.c -O2", "-c a.c -O3 -flto", "-c a.c -flto -ffat-lto-objects", "-c a.c -flto=auto", "-c a.c -march=native", "-c a.c -march=x86-64-v2 -mtune=generic",
    "-c a.c -fPIC -fvisibility=hidden -fstack-protector-strong", "-c a.c -std=gnu17 -Wall -Wextra -Wno-nonsense", "-c p.cc -std=c++17 -fno-exceptions -fno-rtti",
    "-c a.c -fopenmp", "-c a.c -pthread -D_REENTRANT", "-c a.c -m32", "-c a.c -fno-strict-aliasing -fno-common -ffunction-sections -fdata-sections",
    "-c a.c -fdebug-prefix-map={X}=. -g", "-c a.c -ffile-prefix-map={X}=/src -g", "-c a.c -fmacro-prefix-map={X}=.", "-c a.c -frandom-seed=1",
    "-c a.c -fsanitize=address", "-c a.c -fsanitize=undefined", "-c a.c -fsanitize=thread -g", "-c a.c -finput-charset=utf-8", "-c a.c -finput-charset=latin1",
    "-c a.c -Wl,-z,now -lm -L.", "-c a.c -Wa,--noexecstack", "-c a.c -Wa,--defsym,A=1", "-c a.c -Xassembler --noexecstack",
    "-c a.c -Wa,-adhln=d/x.lst", "-c t.s -Wa,--MD=d/t.d", "-c t.s -Wa,--MD,d/t.d", "-c t.s -Wa,-a=d/t.lst", "-c t.s -Wa,-g", "-c binc.s -Wa,--MD,d/b.d", "-c t.s -Wa,@r.rsp",
    "-c t.s -Wa,-o,d/else.o", "-c t.s -Wa,--gdwarf-5", "-c t.s -Wa,-mtune=generic64",
    // Precompiled headers.
    "-c fresh.h", "fresh.h", "-x c-header fresh.h", "-x c-header fresh.h -o d/f.gch", "-x c++-header fresh.h -o d/f.pch", "++ fresh.hh", "++ fresh.h", "-c fresh.h -MD",
    "-x c-header fresh.h -o d/f.gch -MD -MF d/f.d", "-x c-header -c fresh.h -O2 -g -o d/f.gch", "++ -x c++-header -include g/in.h -o d/cmake_pch.hxx.gch -c g/pch.h.cxx", "fresh.h s/q.h",
    "-S fresh.h", "-c body.c -include g/pch.h", "-c body.c -include {X}/w/g/pch.h", "-c pch.c", "-c body.c -include g/pch.h -MD", "-c body.c -Winvalid-pch -include g/pch.h",
    "++ -c body.cc -include g/pch.h", "-c body.c -include pch.h -Ig", "-c pch.c -O2", "-c body.c -include g/pch.h -DOTHER", "-fsyntax-only fresh.h", "-c body.c -include g/multi.h",
    "-c count.c -include g/pch.h", "-x c-header fresh.h -o d/f.gch -fpch-preprocess",
    // Questions and other modes.
    "-E a.c", "-M a.c", "-MM a.c", "-fsyntax-only a.c", "--version", "-dumpmachine", "-print-search-dirs", "-###", "a.c", "-c a.c p.cc", "main.c -o d/main", "-c gone.c", "-",
    "-c -", "-c a.c -o -", "-c a.c -o /dev/null", "-c gone.f90", "-c -x f95 noext", "-x objective-c -c noext", "-c a.c --param=max-inline-insns-single=10", "-c a.c --param max-inline-insns-single=10",
    "-c a.c -specs=cc1.specs", "-c a.c --specs=cc1.specs", "-c a.c -Btools", "-c a.c -B tools/", "-c a.c --prefix=tools/", "-c t.s -Btools/", "-c a.c -fplugin=nothing.so",
    "-c a.c -frecord-gcc-switches", "-c a.c -fmessage-length=60", "-c a.c -fdiagnostics-color=always", "-c a.c -fno-such-option", "-c a.c -MG", "-c a.c -traditional-cpp",
];

#[rustfmt::skip]
const GCC: &[&str] = &[
    "-c a.c -specs cc1.specs", "-c a.c --specs cc1.specs", "-c a.c -specs={X}/w/cc1.specs", "-c def.c -specs=cpp.specs", "-c srch.c -specs=cpp.specs", "-c a.c -specs=inc.specs",
    "-c a.c -fprofile-use", "-c main.c -fprofile-use={X}/w/prof -fprofile-prefix-path={X}/w", "-c main.c -fprofile-use -o prof/main.o", "-c main.c -fprofile-use -fprofile-dir={X}/w/prof -fprofile-prefix-path={X}/w", "-c main.c -fprofile-use=prof", "-c main.c -fprofile-use=prof/main-main.gcda", "-c a.c -fprofile-use=prof -Wno-missing-profile", "-c a.c -fprofile-use -fprofile-dir=prof",
    "-c main.c -fprofile-use=prof -o d/main.o", "-c a.c -fbranch-probabilities", "-c a.c -fauto-profile", "-c a.c -fauto-profile=gone.afdo", "-c a.c -fprofile-use=gone", "-c main.c -fbranch-probabilities -fprofile-use=prof",
    "-c a.c -fcallgraph-info", "-c a.c -fcallgraph-info=su,da", "-c a.c -aux-info d/p", "-c a.c -aux-info=d/p", "-c a.c -fprofile-note=d/n --coverage", "-c a.c -fsave-optimization-record",
    "-c a.c -fopt-info-vec=d/opt.txt", "-c a.c -fdump-tree-all=d/all", "-c a.c -fopt-info", "-c a.c -fopt-info-all", "-c a.c -fdump-tree-all", "-c a.c -fdump-tree-optimized=d/opt", "-c a.c -fdump-ipa-inline", "-c a.c -da", "-c a.c -dA",
    "-c a.c -dumpdir d/", "-c a.c -dumpbase b.c", "-c a.c -dumpbase b.c -dumpbase-ext .c -fstack-usage", "-c a.c -dumpdir pre- -fstack-usage", "-c a.c -fdump-go-spec=d/go", "-c p.cc -fdump-lang-class",
    "-c a.c -time=d/t", "-c a.c -fdiagnostics-format=json", "-c a.c -fdiagnostics-format=json-file", "-c a.c -fcompare-debug", "-c a.c -wrapper env", "-c a.c -ftime-report", "-c a.c -Q",
    "-c srch.c -imultilib .", "-c srch.c -I../inc -imultiarch x86_64-linux-gnu", "-c srch.c -I$SYSROOT/usr/include --sysroot={X}/sr", "-c a.c -fpreprocessed", "-c a.c -fdirectives-only", "-c a.c -no-integrated-cpp",
    "-c a.c -remap", "-c a.c -A machine=x", "-c a.c --assert=machine=x", "-c a.c -fanalyzer", "-c a.c -gstabs", "-c a.c -gctf", "-c a.c -gbtf",
    "-c body.c -include g/multi.h -DOTHER", "++ -c pch.cc -Ig/cxx", "++ -c body.cc -include pch.h -Ig/cxx -Ig", "-c body.c -include g/pch.h -fpch-deps -MD", "--output-pch=d/f.gch -c fresh.h",
    "-c body.c -imacros g/pch.h", "-c pch.c -Wp,-MD,d/p.d", "-c pch.c -fstack-usage -g", "-x c++-header -fmodules-ts -c fresh.h",
    "++ -c p.cc -fmodules-ts -fmodule-mapper=root.modmap", "++ -c p.cc -fmodules-ts -fmodule-mapper=empty.modmap -MD -MF d/p.d", "++ -c p.cc -fmodules-ts", "++ -c use.cc -fmodules-ts -fmodule-mapper=gcc.modmap",
    "++ -c m.cc -fmodules-ts -fmodule-mapper=gcc.modmap", "++ -c use.cc -fmodules-ts -fmodule-mapper=gccfull.modmap -MD", "++ -c p.cc -fmodules-ts -fmodule-mapper={X}/w/root.modmap -std=c++20 -x c++",
    "++ -c p.cc -fmodules-ts -fmodule-mapper=|cat", "++ -c p.cc -fmodule-header", "-x c++-header -fmodule-header h.h", "++ -c p.cc -fmodules-ts -fmodule-mapper=gcc.modmap -Mno-modules -MD", "++ -c -x c++-system-header cstddef",
    "-c a.c -foffload=disable", "-c a.c -iplugindir=.", "-c a.c -fltrans", "-c a.c -fwpa", "-c a.c -flinker-output=rel", "-c a.c -fresolution=r.rsp", "-c a.c -fltrans-output-list=d/l",
    "-c a.c -fdeps-format=p1689r5 -fdeps-file=d/x.ddi -fdeps-target=x.o -MD", "-c embed.c", "-c embedfar.c --embed-dir=../asm", "DEPENDENCIES_OUTPUT=d/do -c a.c", "SUNPRO_DEPENDENCIES=d/so -c a.c", "GCC_EXEC_PREFIX=/nowhere/ -c a.c",
    "COMPILER_PATH=tools -c a.c", "SOURCE_DATE_EPOCH=1 -c a.c",
];

#[rustfmt::skip]
const CLANG: &[&str] = &[
    "-c srch.c -cxx-isystem ../sys -I../inc", "++ -c srch.c -cxx-isystem ../sys", "++ -c srch.c -stdlib++-isystem ../sys", "-c srch.c -isystem-after ../sys", "-c srch.c -c-isystem ../sys",
    "-c srch.c --sysroot={X}/sr -iwithsysroot /usr/include", "-c srch.c -iwithsysroot{X}/inc", "-c srch.c -F../inc -I../inc", "-c srch.c -iframework ../inc -I../inc", "-c srch.c -ivfsoverlay vfs.yaml -I/virtual",
    "-c srch.c -ivfsoverlayvfs.yaml -I/virtual", "-c srch.c -I../inc -working-directory {X}/w", "-c srch.c -nobuiltininc -I../inc", "-c srch.c -nostdlibinc -I../inc", "-c a.c -resource-dir d", "-c srch.c -resource-dir=../sys",
    "-c srch.c -Xclang -I -Xclang ../inc", "-c srch.c -Xclang -I../inc", "-c srch.c -Xclang -isystem -Xclang ../inc", "-c srch.c -Xclang -internal-isystem -Xclang ../inc", "-c srch.c -Xclang -internal-externc-isystem -Xclang ../inc",
    "-c empty.c -Xclang -include -Xclang forced.h", "-c srch.c -Xclang -iquote -Xclang ../sys -I../inc", "-c def.c -Xclang -DFROM_RSP", "-c def.c -Xclang -D -Xclang FROM_RSP", "-c a.c --system-header-prefix=h", "-c def.c -Xclang=-DFROM_RSP",
    "-c a.c --gcc-toolchain=/usr", "-c a.c --gcc-install-dir=/usr/lib/gcc/x86_64-linux-gnu/12", "-c a.c --target=x86_64-linux-gnu", "-c a.c -target x86_64-linux-gnu", "-c a.c -nogpuinc", "-c a.c --target=aarch64-linux-gnu -nostdinc",
    "-c embed.c", "-c embedfar.c --embed-dir=../asm", "-c embedfar.c --embed-dir ../asm", "-c embedfar.c --embed-dir={X}/asm", "-c hasembed.c -std=c23",
    // Profiles and lists.
    "-c a.c -fprofile-use=instr.profdata", "-c a.c -fprofile-instr-use=instr.profdata", "-c a.c -fprofile-use=profdir", "-c a.c -fprofile-instr-use=profdir", "-c a.c -fprofile-use", "-c a.c -fprofile-instr-use", "-c a.c -fprofile-use={X}/w/instr.profdata",
    "-c a.c -fprofile-sample-use=sample.prof", "-c a.c -fauto-profile=sample.prof", "-c a.c -fprofile-sample-use=gone.prof", "-c a.c -fprofile-sample-use", "-c a.c -fauto-profile", "-c a.c -fprofile-remapping-file=remap.txt -fprofile-use=instr.profdata", "-c a.c -fprofile-remapping-file remap.txt -fprofile-use=instr.profdata",
    "-c a.c -fprofile-list=prof.list -fprofile-instr-generate", "-c a.c -fprofile-list=prof.list", "-c a.c -fmemory-profile-use=instr.profdata -O2", "-c a.c -fmemory-profile", "-c a.c -fcs-profile-generate -fprofile-use=instr.profdata", "-c a.c -fprofile-instr-generate -fcoverage-mapping",
    "-c a.c -fprofile-instr-generate=d/x.profraw", "-c a.c -Xclang -fprofile-instrument-use-path=instr.profdata -fprofile-instr-generate",
    "-c a.c -fsanitize=address -fsanitize-ignorelist=ignore.txt", "-c a.c -fsanitize=address -fsanitize-blacklist=ignore.txt", "-c a.c -fsanitize=address -fsanitize-ignorelist=ignore.txt -fsanitize-ignorelist=ignore2.txt", "-c a.c -fsanitize=address -fno-sanitize-ignorelist", "-c a.c -fsanitize=undefined -fsanitize-ignorelist={X}/w/ignore.txt",
    "-c a.c -fsanitize=address -fsanitize-system-ignorelist=ignore.txt", "-c a.c -fsanitize=memory", "-c a.c -fsanitize=cfi -flto -fvisibility=hidden", "-c a.c -fsanitize=dataflow", "-c a.c -fsanitize=safe-stack", "-c a.c -fsanitize=vptr,undefined", "++ -c p.cc -fsanitize=cfi -flto -fvisibility=hidden",
    "-c a.c -fsanitize-ignorelist=ignore.txt", "-c a.c -fsanitize=address -fsanitize-coverage=trace-pc-guard -fsanitize-coverage-allowlist=cover.txt", "-c a.c -fsanitize=address -fsanitize-coverage=trace-pc-guard -fsanitize-coverage-ignorelist=cover.txt", "-c a.c -fsanitize=address -fsanitize-coverage=edge -fsanitize-coverage-whitelist=cover.txt",
    "-c a.c -fsanitize=thread -fsanitize-ignorelist=gone.txt", "-c a.c -fxray-instrument", "-c a.c -fxray-instrument -fxray-always-instrument=ignore.txt", "-c a.c -fxray-instrument -fxray-never-instrument=ignore.txt", "-c a.c -fxray-instrument -fxray-attr-list=attr.txt", "-c a.c -fxray-instrument -fxray-attr-list={X}/w/attr.txt",
    "-c a.c -frandomize-layout-seed-file=seed.txt", "-c a.c -frandomize-layout-seed=abc", "-c a.c -Xclang -foverride-record-layout=override.txt", "-c a.c -fexperimental-sanitize-metadata=all -fexperimental-sanitize-metadata-ignorelist=ignore.txt",
    "-c a.c -Xclang -mlink-bitcode-file -Xclang lto.o", "-c a.c -Xclang -mlink-builtin-bitcode -Xclang lto.o", "-c a.c -fembed-offload-object=ignore.txt", "-c -x ir lto.o -fthinlto-index=gone.bc", "-O2 -c -x ir lto.o -o d/l.o", "-c a.c -fdepfile-entry=seed.txt -MD", "-c a.c -fdepfile-entry=seed.txt",
    "-c a.c -fbuild-session-file=seed.txt", "-c a.c -Xclang -verify=x", "-c a.c -fplugin=gone.so", "-c a.c -fpass-plugin=gone.so", "-c a.c -Xclang -load -Xclang gone.so",
    // Configuration files and tools.
    "--config my.cfg -c def.c", "--config={X}/w/my.cfg -c def.c", "--config {X}/w/my.cfg -c def.c", "--config=my.cfg -c def.c", "--config ./my.cfg -c def.c", "--config={X}/w/dir.cfg -c def.c", "--config={X}/w/dir.cfg -c srch.c", "--config={X}/w/nested.cfg -c def.c", "--config-user-dir=. -c def.c", "--no-default-config -c def.c", "-c a.c -fno-integrated-as", "-c a.c -fno-integrated-as -Btools", "-c a.c -fno-integrated-as -Wa,-adhln=d/x.lst",
    "-c far.S -fno-integrated-as -I../asm", "-c far.c -fno-integrated-as -Wa,-I../asm", "-c far.c -fno-integrated-as -I../asm", "-c far.s -fno-integrated-as -I../asm", "CPATH=../asm -c far.c", "CPATH=../asm -c far.s -fno-integrated-as",
    // Outputs.
    "-c a.c -MJ d/x.json", "-c a.c --serialize-diagnostics d/x.dia", "-c a.c -ftime-trace -o d/x.o", "-c a.c -ftime-trace=d/t.json", "-c a.c -fsave-optimization-record", "-c a.c -foptimization-record-file=d/r.yaml", "-c a.c -emit-llvm", "-S a.c -emit-llvm", "-c a.c -emit-ast", "--analyze a.c", "-c a.c -save-stats", "-c a.c -fproc-stat-report=d/p",
    "-c a.c -Xclang -dependency-file -Xclang d/x.d -MD", "-c a.c -Xclang -dependency-dot -Xclang d/x.dot", "-c a.c -Xclang -header-include-file -Xclang d/h -H", "-c a.c -Xclang -stack-usage-file -Xclang d/s -fstack-usage", "-c a.c -Xclang -coverage-notes-file=d/n --coverage", "-c a.c -fcrash-diagnostics-dir=d", "-c a.c -dependency-file d/dep -MD",
    "-c a.c -gsplit-dwarf=single -g", "-c a.c -fdebug-compilation-dir={X} -g", "-c a.c -ffile-compilation-dir=. -g", "-c a.c -flto=thin", "-c a.c -flto=thin -fsplit-lto-unit", "-c a.c -fembed-bitcode", "-c a.c -fthin-link-bitcode=d/x.tlb -flto=thin", "-c a.c -Xclang -fthin-link-bitcode=d/x.tlb -flto=thin", "-c a.c -mllvm -inline-threshold=100", "-c a.c -mllvm -stats", "-c a.c -gen-cdb-fragment-path d", "-c a.c -fcolor-diagnostics",
    // Precompiled headers.
    "-c body.c -include-pch g/c.pch", "-c body.c -include-pchg/c.pch", "-c body.c -include-pch {X}/w/g/c.pch", "-c body.c -include-pch g/timeless.pch", "-c body.c -Xclang -include-pch -Xclang g/c.pch", "-c body.c -include-pch g/c.pch -MD", "-c body.c -include-pch g/gone.pch", "++ -c body.cc -Winvalid-pch -Xclang -include-pch -Xclang g/cxx.pch -Xclang -include -Xclang g/pch.h",
    "++ -c body.cc -Winvalid-pch -Xclang -include-pch -Xclang {X}/w/g/cxx.pch -Xclang -include -Xclang {X}/w/g/pch.h -MD -MF d/b.d", "++ -Winvalid-pch -Xclang -emit-pch -Xclang -include -Xclang {X}/w/g/pch.h -x c++-header -o d/cmake_pch.hxx.pch -c g/pch.h.cxx", "++ -Xclang -emit-pch -Xclang -include -Xclang g/pch.h -x c++-header -o d/cmake_pch.hxx.pch -c g/pch.h.cxx -MD -MF d/c.d",
    "-x c-header fresh.h -o d/f.pch -Xclang -fno-pch-timestamp", "-x c-header fresh.h -o d/f.pch -fpch-instantiate-templates", "++ -x c++-header fresh.h -o d/f.pch -fpch-instantiate-templates", "-x c-header fresh.h --relocatable-pch -isysroot {X}/w -o d/f.pch", "-x c-header fresh.h -include-pch g/c.pch -o d/f.pch", "-x c-header fresh.h -o d/f.pch -fpch-codegen", "-c body.c -include-pch g/c.pch -fpch-validate-input-files-content", "-c body.c -include-pch g/c.pch -Xclang -fno-validate-pch", "-verify-pch g/c.pch",
    // Modules.
    "++ -std=c++20 -c p.cc @empty.modmap", "++ -std=c++20 -c p.cc @plain.modmap", "++ -std=c++20 -c use.cc @use.modmap", "++ -std=c++20 -c use.cc -fmodule-file=m=m.pcm", "++ -std=c++20 -c use.cc -fmodule-file=m={X}/w/m.pcm -MD", "++ -std=c++20 -c use.cc -fmodule-file=m.pcm", "++ -std=c++20 -c use.cc -fprebuilt-module-path=.", "++ -std=c++20 -c p.cc -fprebuilt-module-path=.", "++ -std=c++20 -c m.cppm @unit.modmap", "++ -std=c++20 -c m.cppm", "++ -std=c++20 --precompile m.cppm -o d/m.pcm",
    "++ -std=c++20 -c -x c++-module m.cc -fmodule-output=d/mm.pcm", "++ -std=c++20 -c -x c++-module m.cc -fmodule-output -o d/mm.o", "++ -std=c++20 -c m.pcm -o d/m.o", "-c hm.c -fmodules", "-c hm.c -fmodules -fmodules-cache-path=cache", "-c hm.c -fmodule-map-file=module.modulemap", "-c hm.c -fmodule-name=hm", "-c hm.c -fmodules-embed-file=hm.h", "++ -std=c++20 -c use.cc -fmodule-file=m=m.pcm -fmodules-embed-all-files",
    "-c a.c -fmodules-ignore-macro=X", "-c a.c -fno-modules", "++ -std=c++20 -fmodule-header h.h", "++ -std=c++20 -c p.cc -fmodule-file=m=m.pcm",
];
