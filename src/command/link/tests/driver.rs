//! Drivers that link.

use super::*;

const GCC: Driver = Driver {
    family: Family::Gcc,
    cxx: false,
    version: (12, 2, 0),
};
const CLANG: Driver = Driver {
    family: Family::Clang,
    cxx: false,
    version: (19, 1, 7),
};
const BOTH: [Driver; 2] = [GCC, CLANG];

#[track_caller]
fn link(driver: &Driver, args: &str) -> ToolCommand {
    let found = parse_driver(driver, Flavour::Bfd, &words(args), &mut read(&[]));
    found.unwrap_or_else(|reason| panic!("{driver:?} {args}: {reason}"))
}

#[track_caller]
fn check(args: &str, expected: &[&str]) {
    for driver in BOTH {
        let command = link(&driver, args);
        assert_eq!(texts(&command), args, "{driver:?}");
        assert_eq!(roles(&command), expected, "{driver:?} {args}");
    }
}

#[track_caller]
fn refused(drivers: &[Driver], args: &str, code: &str) {
    for driver in drivers {
        let found = parse_driver(driver, Flavour::Bfd, &words(args), &mut read(&[]));
        assert_eq!(found.as_ref().map_err(LocalOnly::code), Err(code), "{driver:?} {args}");
    }
}

#[test]
fn operands_and_outputs_are_paths() {
    check("a.o lib/b.a -o p -lm", &["a.o:Input", "lib/b.a:Input", "p:Output"]);
    check("-shared -fPIC a.o -o libx.so", &["a.o:Input", "libx.so:Output"]);
    check("a.o -L/x -L y -l z", &["a.o:Input", "/x:SearchDir", "y:SearchDir"]);
    check("a.o -T s.ld", &["a.o:Input", "s.ld:Input"]);
    check("a.o -Ts.ld -Ttext=0x10", &["a.o:Input", "s.ld:Input"]);
    check(
        "a.o -B/tools --sysroot=/s",
        &["a.o:Input", "/tools:ToolDir", "/s:ToolDir"],
    );
}

#[test]
fn words_for_the_linker_are_read_across_words() {
    check("a.o -Wl,-rpath,/r", &["a.o:Input", "/r:Recorded"]);
    check("a.o -Wl,-rpath -Wl,/r", &["a.o:Input", "/r:Recorded"]);
    check("a.o -Wl,-rpath -O2 -Wl,/r", &["a.o:Input", "/r:Recorded"]);
    check("a.o -Xlinker -rpath -Xlinker /r", &["a.o:Input", "/r:Recorded"]);
    check("a.o -Wl,-rpath -Xlinker /r:/q", &["a.o:Input", "/r:/q:Recorded"]);
    check(
        "a.o -Wl,--whole-archive,x.a,--no-whole-archive,-Map,m.map",
        &["a.o:Input", "x.a:Input", "m.map:Output"],
    );
    check(
        "a.o -Wl,--version-script=v.map,-rpath-link,/p:/q",
        &["a.o:Input", "v.map:Input", "/p:SearchDir", "/q:SearchDir"],
    );
    check("a.o -Wl,-soname -Wl,libx.so.1", &["a.o:Input", "libx.so.1:Recorded"]);
    check(
        "a.o -Wl,--start-group x.a y.a -Wl,--end-group",
        &["a.o:Input", "x.a:Input", "y.a:Input"],
    );
}

#[test]
fn flags_of_the_compile_stand_on_the_line_too() {
    check(
        "-O2 -g -Wall -pthread -fPIC -std=c11 -MMD -MP -MF a.d -DX=/h -I/h/inc -include c.h -ffile-prefix-map=/h=. a.o",
        &[
            "a.d:Recorded",
            "X=/h:Recorded",
            "/h/inc:SearchDir",
            "c.h:Recorded",
            "/h=.:Recorded",
            "a.o:Input",
        ],
    );
    check("--coverage -gsplit-dwarf -flto -fstack-usage a.o", &["a.o:Input"]);
    check("-fprofile-use a.o", &["a.o:Input"]);
    check(
        "-fuse-ld=gold -static-pie -rdynamic -nostdlib -pie -s a.o",
        &["a.o:Input"],
    );
    assert_eq!(roles(&link(&GCC, "-fprofile-use=/h a.o")), ["/h:Recorded", "a.o:Input"]);
    assert_eq!(roles(&link(&CLANG, "-fprofile-use=/h a.o")), ["/h:Input", "a.o:Input"]);
    assert_eq!(roles(&link(&CLANG, "-rpath /r a.o")), ["/r:Recorded", "a.o:Input"]);
    assert_eq!(
        roles(&link(&CLANG, "--ld-path=/b/ld a.o")),
        ["/b/ld:Input", "a.o:Input"]
    );
}

#[test]
fn outputs_follow_the_driver_and_the_linker() {
    let outputs = |args| {
        let command = link(&GCC, args);
        let found: Vec<_> = command
            .outputs
            .iter()
            .map(|output| (output.path.clone(), output.mode))
            .collect();
        (found, command.primary().to_owned())
    };
    assert_eq!(outputs("a.o"), (vec![("a.out".into(), 0o777)], "a.out".into()));
    assert_eq!(outputs("-r a.o -o b.o"), (vec![("b.o".into(), 0o666)], "b.o".into()));
    assert_eq!(
        outputs("-Wl,-r a.o -o b.o"),
        (vec![("b.o".into(), 0o666)], "b.o".into())
    );
    let with_map = (vec![("m".into(), 0o666), ("p".into(), 0o777)], "p".into());
    assert_eq!(outputs("a.o -o p -Wl,-Map=m"), with_map);
}

#[test]
fn a_failed_step_removes_what_driver_and_linker_remove() {
    let removes = |driver: &Driver, flavour| {
        let found = parse_driver(driver, flavour, &words("a.o"), &mut read(&[]));
        found.expect("a command").removes_on_failure
    };
    assert_eq!(ALL.map(|flavour| removes(&GCC, flavour)), [true, true, false, false]);
    assert_eq!(ALL.map(|flavour| removes(&CLANG, flavour)), [true; 4]);
}

#[test]
fn rows_that_keep_a_step_at_home_hold_through_the_driver() {
    let args = words("-shared a.o -o /h/l.so -Wl,--version-script,v");
    let option = |flavour| {
        let command = parse_driver(&GCC, flavour, &args, &mut read(&[])).expect("a command");
        command.placed_locally.map(|row| row.option)
    };
    assert_eq!(option(Flavour::Bfd), None);
    assert_eq!(option(Flavour::Mold).as_deref(), Some("-o /h/l.so"));
}

#[test]
fn what_is_no_link_says_what_it_is() {
    refused(&BOTH, "a.c -o p", "compile_and_link");
    refused(&BOTH, "a.o b.cc --frobnicate", "compile_and_link");
    refused(&BOTH, "-x c a.o", "compile_and_link");
    refused(&BOTH, "a.h", "pch_output");
    refused(&BOTH, "a.f90 b.o", "unsupported_language");
    refused(&BOTH, "-v a.o", "probe");
    refused(&BOTH, "-### a.o", "probe");
    refused(&BOTH, "a.o --version", "no_source");
    refused(&BOTH, "a.o -print-search-dirs", "no_source");
    refused(&BOTH, "a.o -Wl,--version", "no_source");
    refused(&BOTH, "a.o -Wl,-v", "probe");
    refused(&BOTH, "-O2", "no_source");
    refused(&BOTH, "a.o -", "stdin_source");
}

#[test]
fn what_is_not_known_makes_the_step_local() {
    refused(&BOTH, "a.o --frobnicate", "unknown_option");
    refused(&BOTH, "a.o -Wl,--frobnicate", "unknown_option");
    refused(&BOTH, "a.o -Wl,-rpath b.o -Wl,/r", "inner_option");
    refused(&BOTH, "a.o -Wl,-rpath -lm", "inner_option");
    refused(&BOTH, "a.o -Wl,-rpath", "missing_value");
    refused(&BOTH, "a.o -Wl,-o,p", "exotic_output");
    refused(&BOTH, "a.o -save-temps", "save_temps");
    refused(&BOTH, "a.o -save-temps=obj", "save_temps");
    refused(&BOTH, "a.o -march=native", "native_tuning");
    refused(&BOTH, "a.o -Wl,-plugin,p.so", "plugin");
    refused(&BOTH, "a.o -fplugin=p.so", "plugin");
    refused(&[CLANG], "a.o -ftime-trace", "exotic_output");
    refused(&[GCC], "a.o -dumpdir d", "exotic_output");
    refused(&[GCC], "a.o -rpath /r", "unknown_option");
    refused(&BOTH, "a.o -o", "missing_value");
}

#[test]
fn machine_options_are_told_from_the_rest() {
    let args = "-O2 -march=native -Xlinker -m -mllvm -mx -o -mo --target=x86_64-linux-gnu -m64 a.o -Wl,-melf_i386";
    assert_eq!(
        machine_flags(&words(args)),
        ["-march=native", "--target=x86_64-linux-gnu", "-m64"]
    );
}

#[test]
fn response_files_are_expanded_where_they_stand() {
    let files: Files<'_> = &[
        ("r", "a.o -Wl,@l"),
        ("l", "--whole-archive x.a --no-whole-archive -rpath /r"),
    ];
    for driver in BOTH {
        let command = parse_driver(&driver, Flavour::Bfd, &words("-o p @r -lm"), &mut read(files)).expect("a command");
        let expected = "-o p a.o -Xlinker --whole-archive -Xlinker x.a -Xlinker --no-whole-archive -Xlinker -rpath -Xlinker \
                        /r -lm";
        assert_eq!(texts(&command), expected, "{driver:?}");
        assert_eq!(roles(&command), ["p:Output", "a.o:Input", "x.a:Input", "/r:Recorded"]);
        assert_eq!(command.response_files, ["r", "l"]);
    }
    // What cannot be opened stays a word, here one for the linker.
    check("a.o -Wl,@none", &["a.o:Input", "@none:Input"]);
}

#[test]
fn link_time_optimisation_makes_more_of_some_options() {
    let code = |args| unpredicted_with_lto(&link(&GCC, args)).map(|reason| reason.code());
    assert_eq!(code("a.o -O2"), None);
    assert_eq!(code("a.o -gsplit-dwarf"), Some("exotic_output"));
    assert_eq!(code("a.o -fprofile-use"), Some("profile_input"));
    assert_eq!(code("a.o -fprofile-use=/h"), Some("profile_input"));
}

#[test]
fn lines_of_build_systems_are_understood() {
    let lines = [
        // CMake.
        "-O3 -DNDEBUG CMakeFiles/p.dir/a.cc.o -o p -Wl,-rpath,/b/lib: lib/libq.so.1 /usr/lib/libz.so -lpthread -ldl",
        "-fPIC -O2 -g -shared -Wl,-soname,libq.so.1 -o libq.so.1.2 CMakeFiles/q.dir/q.c.o \
         -Wl,--version-script=/s/zlib.map -Wl,--dependency-file=CMakeFiles/q.dir/link.d",
        "-rdynamic CMakeFiles/p.dir/a.c.o -o p -Wl,--whole-archive liba.a -Wl,--no-whole-archive -Wl,-Bstatic -lz -Wl,-Bdynamic",
        // Meson.
        "-o p p.p/a.c.o -Wl,--as-needed -Wl,--no-undefined -shared -fPIC -Wl,--start-group -Wl,-soname,libq.so libr.a \
         -Wl,--end-group -Wl,-rpath,$ORIGIN/ -Wl,-rpath-link,/b/sub",
        // libtool.
        "-shared -fPIC -DPIC .libs/a.o -Wl,--whole-archive ./.libs/libc.a -Wl,--no-whole-archive -L/b/.libs -lm -O2 -g \
         -Wl,-soname -Wl,libq.so.0 -Wl,-version-script -Wl,.libs/q.ver -o .libs/libq.so.0.0.0",
        "-g -O2 -o .libs/p a.o ./.libs/libq.so -Wl,-rpath -Wl,/usr/local/lib",
        // Plain make, Debian's flags, embedded.
        "-g -O2 -ffile-prefix-map=/b=. -fstack-protector-strong -Wformat -Wl,-z,relro -Wl,-z,now -Wl,-E -o lua lua.o liblua.a -lm",
        "-mcpu=cortex-m4 -mthumb -nostdlib -Wl,--gc-sections -Wl,-Map=p.map -T s.ld -static a.o -lgcc -o p.elf",
        "-nostdlib -r -o b.o a.o c.o",
        "-Wl,-O1 -Wl,--hash-style=gnu -Wl,--build-id=sha1 -Wl,--exclude-libs,ALL -Wl,--defsym,x=1 -Wl,--wrap=malloc a.o -o p",
    ];
    for line in lines {
        for driver in BOTH {
            // Machine options of another target than the gcc at hand.
            if driver.family == Family::Gcc && line.contains("-mthumb") {
                continue;
            }
            assert_eq!(texts(&link(&driver, line)), words(line).join(" "));
        }
    }
}
