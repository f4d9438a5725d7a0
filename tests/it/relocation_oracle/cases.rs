//! The command lines of the oracle. `{X}` is the exec root, `{C}` the working directory `{X}/build`.

/// What a row means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Relocated; a run here gives the same.
    Anywhere,
    /// Relocated; a run here gives other bytes (portable only).
    NotHere,
    /// Placed locally, by the reason with this code.
    Here(&'static str),
    /// Not for this compiler.
    Skip,
}

/// One command line.
pub(crate) struct Case {
    pub(crate) options: &'static str,
    pub(crate) gcc: Expect,
    pub(crate) clang: Expect,
}

const fn both(options: &'static str) -> Case {
    case(options, Expect::Anywhere, Expect::Anywhere)
}

const fn case(options: &'static str, gcc: Expect, clang: Expect) -> Case {
    Case { options, gcc, clang }
}

/// Exact mode. The first rows also run in other working directories.
#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    both("-c {X}/src/a.c -I{X}/include -isystem {X}/third/include -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -isystem {X}/third/include -g -Wall -Wextra -MD -MF a.d -o a.o"),
    both("-c {X}/src/a.cc -I {X}/include -isystem{X}/third/include -g -O2 -Wall -MMD -MP -o {X}/out/a.o"),
    both("-c {X}/src/a.c -I{X}/include -idirafter {X}/third/include -g3 -O1 -MD -o a.o"),
    both("-c {X}/src/a.cc -I{X}/include -I{X}/third/include -g -Wall -MD -MT {X}/out/a.o -MF {X}/out/a.d -o {X}/out/a.o"),
    both("-c {X}/src/a.c -I{X}/include -isystem {X}/third/../third/include -g -MD -o a.o"),
    both("-c {X}/src//./a.c -I{X}/./include -I{X}/third/include -g -MD -MQ $x#y -o a.o"),
    both("-S {X}/src/a.c -I{X}/include -I{X}/third/include -g -o a.s"),
    both("-c {X}/src/bad.c -g -MD -o a.o"),
    both("-c {X}/src/message.c -g -Wall -o a.o"),
    both("-c -x c++ {X}/src/a.cc -I{X}/include -I{X}/third/include -std=c++17 -g -o a.o"),
    both("-c {X}/src/a.c -include {X}/src/forced.h -imacros {X}/build/local.h -I{X}/include -I{X}/third/include -g -MD -o a.o"),
    both("-c ../src/a.c -I../include -isystem ../third/include -g -Wall -MD -MF a.d -o a.o"),
    both("-c ../src/a.cc -I../include -I../third/include -O2 -g -MMD -MP"),
    both("-c ../src/a.c -iquote ../src -I ../include -isystem {X}/third/include -g -MD -o {X}/build/a.o"),
    both("-c {X}/src/a.c -include {X}/src/forced.h -imacros {X}/build/local.h -I{X}/include -I{X}/third/include -g3 -Wall -MD -o a.o"),
    both("-c ../src/a.cc -include ../src/forced.h -include {X}/build/local.h -I../include -I../third/include -g3 -Wall -o a.o"),
    both("-c ../src/a.c -include local.h -I. -I../include -I{X}/third/include -g -MD -o sub/../a.o"),
    both("-c ../src/a.c -I{X}/include -I../third/include -g -MD -DROOT=\"{X}\" -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -I{X}/not/there -g -Wmissing-include-dirs -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -I{X}/../proj2 -o a.o").here("path_leaves_root"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -I/usr/include -ggdb -fPIC -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -O2 -fno-omit-frame-pointer -ffunction-sections -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -gz -fstack-usage -O2 -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g1 -fdiagnostics-color=always -Wall -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -fsanitize=thread -g -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -H -o a.o"),
    case("-c {X}/src/a.c --sysroot={X}/sysroot -g -MD -Wall -Wsystem-headers -o a.o", Expect::Here("tools_in_root"), Expect::Anywhere),
    case("-c ../src/a.c --sysroot=../sysroot -g -MD -Wall -o a.o", Expect::Here("tools_in_root"), Expect::Anywhere),
    both("-c {X}/src/a.c -L{X}/lib -I{X}/include -I{X}/third/include -g -o a.o"),
    both("-c {X}/src/a.c -B{X}/tools/ -I{X}/include -I{X}/third/include -g -o a.o").here("tools_in_root"),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -Wall -fdiagnostics-format=json -o a.o", Expect::Anywhere, Expect::Skip),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -Wall -fdiagnostics-parseable-fixits -fdiagnostics-format=msvc -o a.o", Expect::Skip, Expect::Anywhere),

    // The user's own prefix maps.
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -ffile-prefix-map={X}=. -MD -o a.o"),
    both("-c {X}/src/a.cc -I{X}/include -I{X}/third/include -g -ffile-prefix-map={X}/= -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -ffile-prefix-map={X}=R -ffile-prefix-map={X}/third=T -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -ffile-prefix-map={X}/third=T -ffile-prefix-map={X}=R -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -fdebug-prefix-map={X}/..=U -fdebug-prefix-map=/=ROOT/ -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -ffile-prefix-map=../=up/ -o a.o"),
    both("-c ../src/a.c -I{X}/include -I../third/include -g -ffile-prefix-map=../=up/ -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -fdebug-prefix-map={C}=/cwd -o a.o"),
    both("-c ../src/a.c -I../include -I../third/include -g -fdebug-prefix-map={X}=/root -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -ffile-prefix-map={X}=F -fmacro-prefix-map={X}=M -fdebug-prefix-map={X}=D -o a.o"),
    both("-c {X}/src/a.cc -I{X}/include -I{X}/third/include -g -fmacro-prefix-map={X}/src/= -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -ffile-prefix-map=/unrelated=x -o a.o"),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -ffile-prefix-map={X}/third=T -ffile-prefix-map=/=R -fprofile-instr-generate -fcoverage-mapping -o a.o", Expect::Skip, Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -fprofile-instr-generate -fcoverage-mapping -o a.o", Expect::Skip, Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -ffile-compilation-dir=. -o a.o", Expect::Skip, Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -fdebug-compilation-dir={X} -fprofile-instr-generate -fcoverage-mapping -o a.o", Expect::Skip, Expect::Anywhere),

    // Assembler and preprocessed sources.
    both("-c {X}/src/plain.s -o a.o"),
    case("-c {X}/src/plain.s -g -o a.o", Expect::Anywhere, Expect::Here("clang_assembler_debug")),
    both("-c ../src/plain.s -g -o a.o"),
    both("-c {X}/src/asm.S -MD -o a.o"),
    case("-c {X}/src/asm.S -g -MD -o a.o", Expect::Anywhere, Expect::Here("clang_assembler_debug")),
    both("-c {X}/src/pre.i -g -o a.o"),
    both("-c ../src/pre.i -g -o a.o"),

    // The preprocessor alone.
    both("-E {X}/src/a.c -I{X}/include -isystem {X}/third/include -o a.i"),
    both("-E {X}/src/a.cc -I{X}/include -isystem {X}/third/include -g -MD -MF a.d -dD -o {X}/out/a.ii"),
    both("-E ../src/a.c -I../include -isystem ../third/include -g -P -C -o a.i"),
    both("-E {X}/src/message.c -Wall -o a.i"),
    both("-E {X}/src/asm.S -g -Wp,-MMD,{X}/out/a.d -o a.s"),
    both("-E {X}/src/bad.c -o a.i"),
    both("-E {X}/src/a.c -include {X}/src/forced.h -imacros {X}/build/local.h -I{X}/include -I{X}/third/include -ffile-prefix-map={X}=. -o a.i"),
    case("-E ../src/a.c -I{X}/include -I{X}/third/include --serialize-diagnostics {X}/out/x.dia -o a.i", Expect::Skip, Expect::Here("other_output")),

    // Text that the compiler writes besides.
    case("-S {X}/src/a.c -I{X}/include -I{X}/third/include -fverbose-asm -g -o a.s", Expect::Here("gcc_verbose_assembly"), Expect::Anywhere),
    case("-S ../src/a.c -I../include -I../third/include -dA -dP -g -o a.s", Expect::Here("gcc_annotated_assembly"), Expect::Skip),
    both("-S ../src/a.c -I../include -I../third/include -fverbose-asm -g -O2 -o a.s"),
    case("-c ../src/a.c -I../include -I../third/include -O2 -fcallgraph-info=su,da -o a.o", Expect::Anywhere, Expect::Skip),
    case("-c ../src/a.c -I../include -I../third/include -O2 -aux-info a.X -dumpdir sub/ -dumpbase b.c -fstack-usage -o a.o", Expect::Anywhere, Expect::Skip),
    case("-c ../src/a.c -I../include -I../third/include -fdump-tree-original=o.txt -o a.o", Expect::Here("compiler_dump"), Expect::Skip),
    case("-c ../src/a.c -I../include -I../third/include -Wa,-ahl=o.txt -o a.o", Expect::Here("compiler_dump"), Expect::Skip),
    both("-c ../src/a.c -I../include -I../third/include -save-temps -o a.o").here("save_temps"),
    case("-c ../src/a.c -I../include -I../third/include -O2 -foptimization-record-file=r.yaml -o a.o", Expect::Skip, Expect::Anywhere),
    case("-c ../src/a.c -I../include -I../third/include --serialize-diagnostics x.dia -Wall -o a.o", Expect::Skip, Expect::Anywhere),
    case("-c ../src/a.c -I../include -I../third/include -flto=thin -fthin-link-bitcode=b.bc -o a.o", Expect::Skip, Expect::Anywhere),

    // Split debug information, coverage, profiles.
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -gsplit-dwarf -o a.o", Expect::Anywhere, Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -gsplit-dwarf -o {X}/out/a.o", Expect::Here("gcc_split_dwarf"), Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g3 -gsplit-dwarf -o a.o", Expect::Here("gcc_split_dwarf_macros"), Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -gdwarf-4 -o a.o", Expect::Here("gcc_old_dwarf"), Expect::Anywhere),
    both("-c ../src/a.c -I../include -I../third/include -g -gdwarf-4 -o a.o"),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include --coverage -g -o a.o", Expect::Here("gcc_coverage"), Expect::Anywhere),
    case("-c ../src/a.c -I../include -I../third/include --coverage -o sub.dir/../a.b.o", Expect::Here("gcc_coverage"), Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include --coverage -o {X}/out/a.o", Expect::Here("gcc_coverage"), Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -fprofile-generate -o a.o", Expect::Here("gcc_profile_generate"), Expect::Here("clang_profile_generate")),
    case("-c ../src/a.c -I../include -I../third/include -fprofile-generate -o a.o", Expect::Here("gcc_profile_generate"), Expect::Anywhere),

    // What gets past every map.
    case("-c ../src/a.c -I../include -I../third/include -flto -o a.o", Expect::Here("gcc_lto"), Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -flto -o a.o", Expect::Here("gcc_lto"), Expect::Here("clang_bitcode")),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -fsanitize=address -o a.o").here("sanitizer"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -fsanitize=thread,undefined -o a.o").here("sanitizer"),
    both("-c ../src/a.c -I../include -I../third/include -fsanitize=undefined -o a.o"),
    both("-c ../src/a.c -I../include -I../third/include -fmessage-length=80 -o a.o").here("message_length"),
    both("-c ../src/a.c -I../include -I../third/include -fmessage-length=0 -Wall -o a.o"),
    case("-c ../src/a.c -I../include -I../third/include -grecord-gcc-switches -g -o a.o", Expect::Anywhere, Expect::Here("clang_recorded_command")),
    case("-c ../src/a.c -I../include -I../third/include -fno-integrated-as -o a.o", Expect::Skip, Expect::Here("clang_external_assembler")),
    case("-c ../src/a.c -I../include -I../third/include -MJa.json -o a.o", Expect::Skip, Expect::Here("clang_compilation_database")),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -O2 -march=native -o a.o"),
    both("-c ../src/a.cc -I../include -I../third/include -O2 -mtune=native -MD -o a.o"),
    both("-c ../src/plain.s -march=x86-64 -o a.o"),
    case("-c ../src/a.c -I../include -I../third/include -march=native -g -o a.o", Expect::Here("gcc_native_recorded"), Expect::Anywhere),
    case("-c ../src/a.c -I../include -I../third/include -march=native -mno-avx -o a.o", Expect::Here("native_processor"), Expect::Here("native_processor")),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -fplugin-arg-x-y={X} -o a.o").here("root_in_option"),
    both("-c {X}/../proj/src/a.c -I{X}/include -I{X}/third/include -o a.o").here("path_leaves_root"),
    both("-c ../src/a.c -I../include -I../third/include -o /dev/null").here("output_outside"),
    both("-c ../src/a.c -I../include -I../third/include -MD -MF /dev/null -o a.o"),
    both("-c ../src/a.c -I../include -I../third/include -I{X}/../.. -o a.o").here("path_leaves_root"),
    both("-c ../src/a.c -I../include -I../third/include -I/ -o a.o").here("above_root"),
    case("-c {X}/src/up.c -isystem {X}/third/include -o a.o", Expect::Here("system_header_spelling"), Expect::Anywhere),
    both("-c ../src/up.c -isystem ../third/include -g -MD -o a.o"),
];

/// Portable mode.
#[rustfmt::skip]
pub(crate) const PORTABLE: &[Case] = &[
    both("-c {X}/src/a.c -I{X}/include -isystem {X}/third/include -g -Wall -MD -MF a.d -o a.o"),
    both("-c {X}/src/a.cc -I{X}/include -I{X}/third/include -g -O2 -MMD -MP -o {X}/out/a.o"),
    both("-c ../src/a.c -I../include -isystem ../third/include -g -Wall -MD -o a.o"),
    both("-c ../src/a.cc -I../include -I../third/include -O2 -o a.o"),
    both("-c {X}/src/a.c -include {X}/src/forced.h -I{X}/include -I{X}/third/include -g3 -MD -o a.o"),
    both("-c {X}/src/message.c -g -Wall -fstack-usage -o a.o"),
    both("-c {X}/src/bad.c -o a.o"),
    both("-S {X}/src/a.c -I{X}/include -I{X}/third/include -g -o a.s"),
    both("-c {X}/src/plain.s -o a.o"),
    both("-c {X}/src/asm.S -MD -o a.o"),
    both("-c {X}/src/pre.i -g -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -ffile-prefix-map={X}=. -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -ffile-prefix-map={X}/third=T -ffile-prefix-map={X}/src=S -o a.o"),
    both("-c ../src/a.c -I../include -I../third/include -g -fdebug-prefix-map={C}=/b -ffile-prefix-map=../={X}/ -o a.o"),
    both("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -gsplit-dwarf -o a.o"),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -gsplit-dwarf -o {X}/out/a.o", Expect::NotHere, Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -gdwarf-4 -o a.o", Expect::NotHere, Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g3 -gsplit-dwarf -o a.o", Expect::NotHere, Expect::Anywhere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -fsanitize=address,undefined -g -o a.o", Expect::NotHere, Expect::NotHere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -flto -frandom-seed=1 -g -o a.o", Expect::NotHere, Expect::NotHere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -emit-llvm -o a.o", Expect::Skip, Expect::NotHere),
    case("-c {X}/src/asm.S -g -o a.o", Expect::Anywhere, Expect::NotHere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -fprofile-generate -o a.o", Expect::Here("gcc_profile_generate"), Expect::NotHere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include -g -grecord-gcc-switches -o a.o", Expect::Anywhere, Expect::NotHere),
    case("-c {X}/src/a.c -I{X}/include -I{X}/third/include --coverage -o a.o", Expect::Here("gcc_coverage"), Expect::Here("clang_coverage")),
    both("-E {X}/src/a.c -I{X}/include -I{X}/third/include -o a.i").here("preprocessed_text"),
    both("-c ../src/a.c -I../include -I../third/include -fmessage-length=80 -o a.o").here("message_length"),
];

impl Case {
    /// The same, placed locally with every compiler.
    const fn here(self, code: &'static str) -> Self {
        Self {
            options: self.options,
            gcc: Expect::Here(code),
            clang: Expect::Here(code),
        }
    }
}
