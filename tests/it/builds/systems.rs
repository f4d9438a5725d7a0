//! Build tools and the ways in which rewrap is put into them: the second build starts no compiler for anything but links.

use super::sandbox::{Sandbox, Told};
use super::tree::Tree;
use std::fs;
use std::os::unix::fs::symlink;

const SOURCES: &[(&str, &str)] = &[
    (
        "main.c",
        "#include \"common.h\"\n#include <stdio.h>\nint main(void) { printf(\"%d %s\\n\", one() + two() + three(), __FILE__); return 0; }\n",
    ),
    (
        "include/common.h",
        "#ifdef __cplusplus\nextern \"C\" {\n#endif\nint one(void); int two(void); int three(void);\n#ifdef __cplusplus\n}\n#endif\n",
    ),
    ("include/forced.h", "#define TWO 2\n"),
    (
        "sub/one.c",
        "#include \"common.h\"\nint one(void) { int unused; return ONE; }\n",
    ),
    (
        "sub/deeper/two.cc",
        "#include \"common.h\"\n#include <vector>\nint two(void) { return std::vector<int>(TWO).size(); }\n",
    ),
    (
        "three.S",
        "#include \"three.h\"\n.globl three\n.type three, @function\nthree: mov $THREE, %eax\nret\n.section .note.GNU-stack,\"\",@progbits\n",
    ),
    ("include/three.h", "#define THREE 3\n"),
    ("one.flags", "-DONE=1 -Wall\n"),
];

const MAKEFILE: &str = "\
OBJECTS = main.o sub/one.o sub/deeper/two.o three.o
all: app main.s extra.o
app: $(OBJECTS)
\t$(CXX) -o $@ $(OBJECTS)
main.o: main.c
\t$(CC) -g -O2 -Iinclude -MMD -MP -c main.c -o main.o
sub/one.o: sub/one.c
\tcd sub && $(CC) @../one.flags -gsplit-dwarf -g -I../include -MD -MF one.dep.d -MT one.o -c -oone.o one.c
sub/deeper/two.o: sub/deeper/two.cc
\t$(CXX) -include include/forced.h -isystem include -g -c -o $@ $(CURDIR)/sub/deeper/two.cc
three.o: three.S
\t$(CC) -g -Iinclude -MD -c three.S
main.s: main.c
\t$(CC) -O1 -Iinclude -S main.c
extra.o: main.c
\t$(CC) -x c++ -Iinclude -c main.c -o extra.o -MMD -MQ 'a$$b'
clean-all:
\trm -f app main.s *.o *.d sub/*.o sub/*.d sub/*.dwo sub/deeper/*.o
-include *.d
";

const CMAKE: &str = "\
cmake_minimum_required(VERSION 3.19)
project(app C CXX)
# CMake has launchers for C and C++ alone.
set_source_files_properties(three.S PROPERTIES LANGUAGE C)
add_library(parts STATIC sub/one.c sub/deeper/two.cc three.S)
target_include_directories(parts PUBLIC include)
target_compile_definitions(parts PRIVATE ONE=1)
set_source_files_properties(sub/deeper/two.cc PROPERTIES COMPILE_OPTIONS \"-include;${CMAKE_SOURCE_DIR}/include/forced.h\")
add_executable(app main.c)
target_link_libraries(app parts)
";

const MESON: &str = "\
project('app', 'c', 'cpp', default_options: ['buildtype=debugoptimized'])
parts = static_library('parts', 'sub/one.c', 'sub/deeper/two.cc', 'three.S',
  include_directories: 'include', c_args: '-DONE=1', cpp_args: ['-include', 'forced.h'])
executable('app', 'main.c', include_directories: 'include', link_with: parts)
";

const CONFIGURE: &str = "\
AC_INIT([app], [1])
AM_INIT_AUTOMAKE([foreign subdir-objects])
AC_PROG_CC
AC_PROG_CXX
AM_PROG_AS
AC_CHECK_HEADERS([stdlib.h no-such-header.h])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
";

const AUTOMAKE: &str = "\
bin_PROGRAMS = app
app_SOURCES = main.c sub/one.c sub/deeper/two.cc three.S
AM_CPPFLAGS = -I$(srcdir)/include -DONE=1 -DTWO=2
AM_CCASFLAGS = -I$(srcdir)/include
";

/// One way of building: shell text for a fresh copy of the sources, in their directory, with and without rewrap.
struct Way<'a> {
    name: &'a str,
    plain: (&'a str, &'a str),
    wrapped: (&'a str, &'a str),
}

/// Builds three times in the same directory, each time from nothing.
#[track_caller]
fn check(sandbox: &Sandbox, way: &Way<'_>) {
    let source = sandbox.path("source");
    let build = |(configure, build): (&str, &str)| -> (Told, Tree, Vec<String>) {
        let work = sandbox.work();
        if work.exists() {
            fs::remove_dir_all(&work).unwrap();
        }
        let copied = sandbox
            .command("/bin/cp")
            .current_dir("/")
            .arg("-a")
            .args([&source, &work])
            .status();
        assert!(copied.unwrap().success());
        let told = sandbox.plain(configure);
        assert_eq!(told.exit, 0, "{}: {configure}: {told:?}", way.name);
        sandbox.starts();
        let told = sandbox.plain(build);
        assert_eq!(told.exit, 0, "{}: {build}: {told:?}", way.name);
        let ran = sandbox.plain("$(find . -name app -type f)");
        assert!(ran.stdout.starts_with('6'), "{}: {ran:?}", way.name);
        (told, Tree::of(&work).products(), sandbox.starts())
    };
    let (plain, expected, starts) = build(way.plain);
    let compiles = |starts: &[String]| -> Vec<String> {
        let compiles = |line: &&String| {
            line.split(' ')
                .any(|word| matches!(word, "-c" | "-S" | "-E" | "-M" | "-fsyntax-only"))
        };
        starts.iter().filter(compiles).cloned().collect()
    };
    assert!(
        expected.len() > 4 && compiles(&starts).len() > 3,
        "{}: {:?}",
        way.name,
        expected.names()
    );
    for when in ["cold", "warm"] {
        let (told, left, starts) = build(way.wrapped);
        let differences = expected.differences(&left);
        assert!(
            differences.is_empty(),
            "{} {when}:\n{}",
            way.name,
            differences.join("\n")
        );
        let warnings = |told: &Told| format!("{}{}", told.stdout, told.stderr).matches("warning: ").count();
        assert_eq!(warnings(&told), warnings(&plain), "{} {when}: {told:?}", way.name);
        assert!(
            when == "cold" || compiles(&starts).is_empty(),
            "{} {when}: {starts:#?}",
            way.name
        );
    }
}

fn sandbox(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write_all(SOURCES);
    sandbox.write_all(files);
    fs::rename(sandbox.work(), sandbox.path("source")).unwrap();
    fs::create_dir(sandbox.work()).unwrap();
    sandbox
}

#[test]
fn make() {
    let sandbox = sandbox(&[("Makefile", MAKEFILE)]);
    check(
        &sandbox,
        &Way {
            name: "CC=rewrap-cc",
            plain: (":", "make -j3 CC=gcc CXX=g++"),
            wrapped: (":", "REWRAP_CC=gcc REWRAP_CXX=g++ make -j3 CC=rewrap-cc CXX=rewrap-c++"),
        },
    );
    check(
        &sandbox,
        &Way {
            name: "launcher",
            plain: (":", "make -j3 CC=clang-19 CXX=clang++-19"),
            wrapped: (
                ":",
                "make -j3 CC='rewrap-cc clang-19' CXX='rewrap-cc clang++-19' AR='rewrap-cc ar'",
            ),
        },
    );
    let masquerade = sandbox.path("masquerade");
    fs::create_dir(&masquerade).unwrap();
    for name in ["clang", "clang++"] {
        symlink(env!("CARGO_BIN_EXE_rewrap-cc"), masquerade.join(name)).unwrap();
    }
    check(
        &sandbox,
        &Way {
            name: "masquerade",
            plain: (":", "make -j3 CC=clang CXX=clang++"),
            wrapped: (
                ":",
                "PATH=${HOME%/user/home}/masquerade:$PATH; make -j3 CC=clang CXX=clang++",
            ),
        },
    );
    let rules = "rule cc\n command = gcc -g -Iinclude -MMD -MF $out.d -c $in -o $out -DONE=1 -DTWO=2\n depfile = $out.d\n deps = gcc\n\
                 rule link\n command = g++ -o $out $in\n\
                 build one.o: cc sub/one.c\nbuild two.o: cc sub/deeper/two.cc\nbuild main.o: cc main.c\nbuild three.o: cc three.S\n\
                 build app: link main.o one.o two.o three.o\n";
    fs::write(sandbox.path("source/build.ninja"), rules).unwrap();
    check(
        &sandbox,
        &Way {
            name: "rewrap build -- make",
            plain: (":", "make -j3 CC=gcc CXX=g++"),
            wrapped: (":", "rewrap build -j3 -- make CC=gcc CXX=g++"),
        },
    );
    check(
        &sandbox,
        &Way {
            name: "rewrap build -- ninja",
            plain: (":", "ninja -d keepdepfile"),
            wrapped: (":", "rewrap build -- ninja -d keepdepfile"),
        },
    );
}

/// Without scripts around them: a compiler looks itself up on `PATH`, where our shims stand first.
#[test]
fn the_compilers_themselves() {
    let sandbox = sandbox(&[("Makefile", MAKEFILE)]);
    for name in ["gcc", "g++", "clang", "clang++", "clang-19", "clang++-19"] {
        fs::remove_file(sandbox.path("bin").join(name)).unwrap();
    }
    for (cc, cxx) in [
        ("gcc", "g++"),
        ("cc", "c++"),
        ("clang", "clang++"),
        ("clang-19", "clang++-19"),
    ] {
        let make = format!("make -j3 CC={cc} CXX={cxx}");
        let hits = sandbox.steps("local_cache");
        for command in [
            format!("rewrap build -- {make}"),
            format!("make clean-all && rewrap build -- {make}"),
        ] {
            let told = sandbox.plain(&format!("cp -R ../source/. . && {command}"));
            assert_eq!(told.exit, 0, "{told:?}");
        }
        assert_eq!(sandbox.steps("local_cache") - hits, 7, "{cc}: {}", sandbox.stats());
        let removed = sandbox.plain("make clean-all");
        assert_eq!(removed.exit, 0, "{removed:?}");
    }
}

#[test]
fn cmake() {
    let sandbox = sandbox(&[("CMakeLists.txt", CMAKE)]);
    check(
        &sandbox,
        &Way {
            name: "CMake with Ninja",
            plain: (
                "cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++",
                "ninja -C build -d keepdepfile",
            ),
            wrapped: (
                "cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++ \
             -DCMAKE_C_COMPILER_LAUNCHER=rewrap-cc -DCMAKE_CXX_COMPILER_LAUNCHER=rewrap-cc",
                "ninja -C build -d keepdepfile",
            ),
        },
    );
    check(
        &sandbox,
        &Way {
            name: "CMake with make",
            plain: (
                "cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++",
                "make -C build -j3",
            ),
            wrapped: (
                "CMAKE_C_COMPILER_LAUNCHER=rewrap-cc CMAKE_CXX_COMPILER_LAUNCHER=rewrap-cc \
             cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++",
                "make -C build -j3",
            ),
        },
    );
}

/// The file that is installed for CMake wraps also what CMake has no launcher for, and nothing while configuring.
#[test]
fn cmake_with_the_installed_file() {
    let project = CMAKE.replace("project(app C CXX)", "project(app C CXX ASM)").replace(
        "set_source_files_properties(three.S PROPERTIES LANGUAGE C)",
        "add_library(lto STATIC sub/one.c)\nset_target_properties(lto PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON)\n\
         target_include_directories(lto PUBLIC include)\ntarget_compile_definitions(lto PRIVATE ONE=1)\n\
         target_compile_options(lto PRIVATE -frandom-seed=one)",
    );
    let sandbox = sandbox(&[("CMakeLists.txt", &project)]);
    fs::create_dir_all(sandbox.path("share/rewrap")).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/shims/rewrap.cmake");
    fs::copy(file, sandbox.path("share/rewrap/rewrap.cmake")).unwrap();
    symlink(env!("CARGO_BIN_EXE_rewrap-cc"), sandbox.path("bin/rewrap-cc")).unwrap();
    let (mut before, mut hits) = (sandbox.stats()["by_kind"].clone(), 0);
    for (cc, cxx, generator, build, option) in [
        (
            "gcc",
            "g++",
            "Ninja",
            "ninja -C build -d keepdepfile",
            "PROJECT_INCLUDE",
        ),
        (
            "clang",
            "clang++",
            "'Unix Makefiles'",
            "make -C build -j3",
            "TOOLCHAIN_FILE",
        ),
    ] {
        let configure =
            format!("cmake -S . -B build -G {generator} -DCMAKE_C_COMPILER={cc} -DCMAKE_CXX_COMPILER={cxx}");
        let with_file = format!("{configure} -DCMAKE_{option}=${{HOME%/user/home}}/share/rewrap/rewrap.cmake");
        check(
            &sandbox,
            &Way {
                name: option,
                plain: (&configure, build),
                wrapped: (&with_file, build),
            },
        );
        // Five objects, one program, two archives that are written and indexed; each twice.
        let now = sandbox.stats()["by_kind"].clone();
        let steps = |kind: &str| now[kind].as_u64().unwrap_or(0) - before[kind].as_u64().unwrap_or(0);
        let kinds = ["compile", "link", "archive", "probe", "other"].map(steps);
        assert_eq!(kinds, [10, 2, 8, 0, 0], "{option}: {now}");
        before = now;
        // The second time, none of them is run.
        hits += 10;
        assert_eq!(sandbox.steps("local_cache"), hits, "{option}: {}", sandbox.stats());
    }
}

#[test]
fn meson() {
    let sandbox = sandbox(&[("meson.build", MESON)]);
    check(
        &sandbox,
        &Way {
            name: "Meson",
            plain: ("CC=gcc CXX=g++ meson setup build", "ninja -C build -d keepdepfile"),
            wrapped: (
                "CC='rewrap-cc gcc' CXX='rewrap-cc g++' AR='rewrap-cc gcc-ar' meson setup build",
                "ninja -C build -d keepdepfile",
            ),
        },
    );
}

#[test]
fn autotools() {
    let sandbox = sandbox(&[("configure.ac", CONFIGURE), ("Makefile.am", AUTOMAKE)]);
    fs::remove_dir(sandbox.work()).unwrap();
    symlink(sandbox.path("source"), sandbox.work()).unwrap();
    let made = sandbox.plain("autoreconf -i");
    assert_eq!(made.exit, 0, "{made:?}");
    fs::remove_file(sandbox.work()).unwrap();
    check(
        &sandbox,
        &Way {
            name: "autotools",
            plain: ("./configure CC=gcc CXX=g++", "make -j3"),
            wrapped: (
                "./configure CC='rewrap-cc gcc' CXX='rewrap-cc g++' AR='rewrap-cc ar' RANLIB='rewrap-cc ranlib'",
                "make -j3",
            ),
        },
    );
}
