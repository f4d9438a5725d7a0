//! Command lines and what they mean. Expectations are written as `language source -> output | depfile | secondary …`, a
//! depfile of user headers only with `!`, or as the code of the reason why there is no Action.

use super::*;
use crate::command::{Chain, MapKind};
use proptest::prelude::*;

fn driver(name: &str) -> Driver {
    let (family, cxx, version) = match name {
        "gcc" => (Family::Gcc, false, (12, 2, 0)),
        "g++" => (Family::Gcc, true, (12, 2, 0)),
        "clang" => (Family::Clang, false, (19, 1, 7)),
        "clang++" => (Family::Clang, true, (19, 1, 7)),
        other => panic!("no such driver: {other}"),
    };
    Driver { family, cxx, version }
}

fn parse_line(line: &str) -> (Vec<String>, Result<CompileCommand, LocalOnly>) {
    let mut words = line.split_whitespace().map(str::to_owned);
    let driver = driver(&words.next().expect("a driver"));
    let args: Vec<String> = words.collect();
    let parsed = parse(&driver, &args, &mut |_| None);
    (args, parsed)
}

fn summary(parsed: &Result<CompileCommand, LocalOnly>) -> String {
    let command = match parsed {
        Ok(command) => command,
        Err(reason) => return reason.code().to_owned(),
    };
    let mut text = format!(
        "{} {} -> {}",
        command.language.driver_name(),
        command.source,
        command.output
    );
    if let Some(depfile) = &command.depfile {
        let mark = if depfile.user_headers_only { "!" } else { "" };
        text.extend([" | ", &depfile.path, mark]);
    }
    if !command.secondary.is_empty() {
        let paths: Vec<&str> = command.secondary.iter().map(|file| file.path.as_str()).collect();
        text.extend([" | ", &paths.join(" ")]);
    }
    text
}

fn check(line: &str, expected: &str) {
    let (args, parsed) = parse_line(line);
    assert_eq!(summary(&parsed), expected, "{line}");
    if let Ok(command) = parsed {
        let words: Vec<String> = command.args.iter().flat_map(Arg::words).collect();
        assert_eq!(words, args, "{line}");
    }
}

/// The same for both families.
fn check_both(args: &str, expected: &str) {
    check(&format!("gcc {args}"), expected);
    check(&format!("clang {args}"), expected);
}

/// The roles that a command line's arguments have, in order, as `name value role`.
fn check_role(line: &str, name: &str, value: Option<&str>, form: Form, role: Role) {
    let (_, parsed) = parse_line(line);
    let command = parsed.unwrap_or_else(|reason| panic!("{line}: {reason}"));
    let found = command
        .args
        .iter()
        .any(|arg| arg.name == name && arg.value.as_deref() == value && arg.form == form && arg.role == role);
    assert!(found, "{line}: {:?}", command.args);
}

#[test]
fn stage_and_output_name() {
    check_both("-c a.c", "c a.c -> a.o");
    check_both("-c s/a.b.c", "c s/a.b.c -> a.b.o");
    check_both("-S a.c", "c a.c -> a.s");
    check_both("-c -S a.c", "c a.c -> a.s");
    check_both("-S -c a.c", "c a.c -> a.s");
    check_both("--compile a.c", "c a.c -> a.o");
    check_both("--assemble a.c", "c a.c -> a.s");
    check_both("a.c -c -o x.o", "c a.c -> x.o");
    check_both("-c a.c -ox.o", "c a.c -> x.o");
    check_both("-c a.c --output x.o", "c a.c -> x.o");
    check_both("-c a.c --output=x.o", "c a.c -> x.o");
    check_both("-c a.c -o x.o -o y.o", "c a.c -> y.o");
    check_both("-c /s/a.c -o /b/x.c.o", "c /s/a.c -> /b/x.c.o");
    check("clang -c -emit-llvm a.c", "c a.c -> a.bc");
    check("clang -S -emit-llvm a.c", "c a.c -> a.ll");
    check("clang -S -flto a.c", "c a.c -> a.s");
    check("gcc -c a.c -o -", "stdout_output");
    check_both("-c a.c -o /dev/null", "output_not_regular");
    check_both("-c a.c -o", "missing_value");
}

#[test]
fn language_from_suffix_and_x() {
    check("g++ -c a.c", "c++ a.c -> a.o");
    check("clang++ -c a.c", "c++ a.c -> a.o");
    check("g++ -x c -c a.c", "c a.c -> a.o");
    check_both("-c a.cc", "c++ a.cc -> a.o");
    check_both("-c a.CPP", "c++ a.CPP -> a.o");
    check_both("-c a.S", "assembler-with-cpp a.S -> a.o");
    check_both("-c a.s", "assembler a.s -> a.o");
    check_both("-c a.i", "cpp-output a.i -> a.o");
    check("g++ -c a.i", "c++-cpp-output a.i -> a.o");
    check_both("-c a.ii", "c++-cpp-output a.ii -> a.o");
    check_both("-x c++ -c a.txt", "c++ a.txt -> a.o");
    check_both("-xc -c noext", "c noext -> noext.o");
    check_both("--language=c++ -c a.c", "c++ a.c -> a.o");
    check_both("--language c++ -c a.c", "c++ a.c -> a.o");
    check_both("-x c++ -x none -c a.c", "c a.c -> a.o");
    check_both("-c a.c -x c++", "c a.c -> a.o");
    check_both("-x c-header -c a.h", "pch_output");
    check_both("-c a.h", "pch_output");
    check_both("-x go -c a.c", "unsupported_language");
    check_both("-c a.m", "unsupported_language");
    check_both("-c a.f90", "unsupported_language");
    check("clang -c a.cppm", "modules");
    check("gcc -c a.CC", "linker_input");
    check("clang -c a.CC", "c++ a.CC -> a.o");
}

#[test]
fn steps_that_are_no_compile() {
    check_both("a.c", "link");
    check_both("a.o b.o -o prog -lm", "link");
    check_both("a.c -o prog --frobnicate", "link");
    check_both("-shared -o l.so a.o -Wl,-soname,l.so", "link");
    check_both("-E a.c", "preprocess");
    check_both("-E -c a.c", "preprocess");
    check_both("-E a.c --frobnicate", "preprocess");
    check_both("-M a.c", "dependencies_only");
    check_both("-MM -c a.c", "dependencies_only");
    check_both("-fsyntax-only a.c", "syntax_only");
    check_both("-fsyntax-only -c a.c", "syntax_only");
    check_both("--version", "no_source");
    check_both("--version a.c", "no_source");
    check_both("-dumpmachine", "no_source");
    check_both("-dumpversion", "no_source");
    check_both("-print-search-dirs", "no_source");
    check_both("-print-prog-name=ld", "no_source");
    check_both("-print-file-name=libc.so", "no_source");
    check_both("", "no_source");
    check_both("-c", "no_source");
    check_both("-v", "probe");
    check_both("-v -c a.c", "probe");
    check_both("-### -c a.c", "probe");
    check_both("-E -v a.c", "probe");
    check_both("-E -dM -", "stdin_source");
    check_both("-x c - -c", "stdin_source");
    check_both("-x c -c -", "stdin_source");
    check_both("-c a.c b.c", "several_sources");
    check_both("-c a.c b.o", "linker_input");
    check_both("-c a.c @missing", "linker_input");
}

#[test]
fn depfile_names() {
    check_both("-c a.c -MD", "c a.c -> a.o | a.d");
    check_both("-c s/a.c -MMD", "c s/a.c -> a.o | a.d!");
    check_both("-c a.c -o d/x.y.o -MD", "c a.c -> d/x.y.o | d/x.y.d");
    check_both("-c a.c -o d.e/x -MD", "c a.c -> d.e/x | d.e/x.d");
    check_both("-S a.c -MD", "c a.c -> a.s | a.d");
    check_both("-c a.c -MD -MF d/f", "c a.c -> a.o | d/f");
    check_both("-c a.c -MD -MFd/f", "c a.c -> a.o | d/f");
    check_both("-c a.c -MF f -MD -MF g", "c a.c -> a.o | g");
    check_both("-c a.c -MF f", "c a.c -> a.o");
    check_both("-c a.c -MD -MMD", "c a.c -> a.o | a.d!");
    check_both("-c a.c -MMD -MD", "c a.c -> a.o | a.d!");
    check_both("-c a.c -MD -MP -MT t -MQt -MT t", "c a.c -> a.o | a.d");
    check_both("-c a.c --write-dependencies", "c a.c -> a.o | a.d");
    check_both("-c a.c --write-user-dependencies", "c a.c -> a.o | a.d!");
    check_both("-c a.c -MD -MF /dev/null", "c a.c -> a.o");
    check_both("-c a.c -MD -MF -", "stdout_output");
    check_both("-c a.c -MD -MF a.o", "exotic_output");
    check_both("-c a.c -MD -MG", "exotic_output");
    check_both("-c a.c -Wp,-MD,w.d", "c a.c -> a.o | w.d");
    check_both("-c a.c -Wp,-MMD,d/w.d", "c a.c -> a.o | d/w.d!");
    check_both("-c a.c -Wp,-MD,w.d -MD", "second_depfile");
    check_both("-c a.c -Wp,-MD,w.d -MF f", "second_depfile");
    check_both("-c a.c -Wp,-MD,w.d -Wp,-MMD,v.d", "second_depfile");
    check_both("-c a.c -Wp,-MD,w.d,-MT,x", "inner_option");
    check_both("-c a.s -MD -MF f", "assembler a.s -> a.o");
    check_both("-c a.i -MD", "cpp-output a.i -> a.o");
    check_both("-c a.S -MD", "assembler-with-cpp a.S -> a.o | a.d");
    check("clang -c a.c -Xclang -dependency-file -Xclang f", "exotic_output");
    check_both("-c a.c -o .o -MD", "exotic_output");
}

#[test]
fn secondary_outputs_of_gcc() {
    check("gcc -c a.c -gsplit-dwarf", "c a.c -> a.o | a.dwo");
    check("gcc -c a.c -gsplit-dwarf -g0", "c a.c -> a.o | a.dwo");
    check("gcc -c a.c -gsplit-dwarf -gno-split-dwarf", "c a.c -> a.o");
    check("gcc -S a.c -gsplit-dwarf -g", "c a.c -> a.s");
    check("gcc -c a.s -gsplit-dwarf", "assembler a.s -> a.o | a.dwo");
    check("gcc -c a.c --coverage -o d/x.c.o", "c a.c -> d/x.c.o | d/x.c.gcno");
    check("gcc -c a.c -coverage", "c a.c -> a.o | a.gcno");
    check("gcc -c a.c -ftest-coverage", "c a.c -> a.o | a.gcno");
    check("gcc -c a.c -fprofile-arcs", "c a.c -> a.o");
    check("gcc -c a.c --coverage -fno-test-coverage", "c a.c -> a.o | a.gcno");
    check("gcc -c a.c -ftest-coverage -fno-test-coverage", "c a.c -> a.o");
    check("gcc -c a.c -ftest-coverage -fprofile-note=n", "c a.c -> a.o | n");
    check("gcc -c a.S --coverage -fstack-usage", "assembler-with-cpp a.S -> a.o");
    check(
        "gcc -c a.c -fstack-usage -fcallgraph-info=su,da",
        "c a.c -> a.o | a.su a.ci",
    );
    check("gcc -c a.c -aux-info p", "c a.c -> a.o | p");
    check("g++ -c a.cc -aux-info p", "exotic_output");
    check(
        "gcc -c a.c -MD -gsplit-dwarf --coverage -fstack-usage -o x.o",
        "c a.c -> x.o | x.d | x.dwo x.gcno x.su",
    );
    check("gcc -c a.c -fsave-optimization-record", "dump_files");
    check("gcc -c a.c -save-temps=obj", "save_temps");
    check("gcc -c a.c -fdump-tree-all", "dump_files");
    check("gcc -c a.c -da", "dump_files");
    check("gcc -c a.c -dA -dp", "c a.c -> a.o");
    check("gcc -c a.c -dumpbase x", "exotic_output");
    check("gcc -c a.c -dumpdir x-", "exotic_output");
    check("gcc -c a.c -fopt-info-vec", "c a.c -> a.o");
    check("gcc -c a.c -fopt-info-vec=f", "exotic_output");
    check("gcc -c a.c -fcompare-debug", "dump_files");
}

#[test]
fn secondary_outputs_of_clang() {
    check("clang -c a.c -gsplit-dwarf", "c a.c -> a.o");
    check("clang -c a.c -gsplit-dwarf -g", "c a.c -> a.o | a.dwo");
    check("clang -c a.c -g -gsplit-dwarf -g0", "c a.c -> a.o");
    check("clang -c a.c -g -gsplit-dwarf=single", "c a.c -> a.o");
    check("clang -c a.c -g -gsplit-dwarf=split", "c a.c -> a.o | a.dwo");
    check("clang -c a.c -gline-tables-only -gsplit-dwarf", "c a.c -> a.o | a.dwo");
    check("clang -c a.c -gline-directives-only -gsplit-dwarf", "c a.c -> a.o");
    check("clang -S a.c -g -gsplit-dwarf", "c a.c -> a.s | a.dwo");
    check("clang -c a.c -g -gsplit-dwarf -flto=thin", "c a.c -> a.o");
    check("clang -c a.c -g -gsplit-dwarf -emit-llvm", "c a.c -> a.bc");
    check("clang -c a.c --coverage", "c a.c -> a.o | a.gcno");
    check("clang -c a.c -fstack-usage", "c a.c -> a.o | a.su");
    check("clang -c a.c -ftime-trace -o d/x.o", "c a.c -> d/x.o | d/x.json");
    check("clang -c a.c -ftime-trace=d", "exotic_output");
    check("clang -c a.c --serialize-diagnostics d/x.dia", "c a.c -> a.o | d/x.dia");
    check("clang -c a.c -MJ x.json", "c a.c -> a.o | x.json");
    check("clang -c a.c -MJx.json", "c a.c -> a.o | x.json");
    check("clang -c a.c -fsave-optimization-record", "c a.c -> a.o | a.opt.yaml");
    check(
        "clang -c a.c -fsave-optimization-record=bitstream",
        "c a.c -> a.o | a.opt.bitstream",
    );
    check(
        "clang -c a.c -fsave-optimization-record -foptimization-record-file=r",
        "c a.c -> a.o | r",
    );
    check("clang -c a.c -foptimization-record-file=r", "c a.c -> a.o | r");
    check("clang -c a.c -save-stats", "dump_files");
    check("clang -c a.c -emit-ast", "exotic_output");
    check("clang --analyze a.c -c", "exotic_output");
}

#[test]
fn options_that_change_too_much() {
    check_both("-c a.c -march=native", "native_tuning");
    check_both("-c a.c -mtune=native", "native_tuning");
    check_both("-c a.c -march=x86-64-v3", "c a.c -> a.o");
    check_both("-c a.c -fplugin=p.so", "plugin");
    check("clang -c a.c -Xclang -load -Xclang p.so", "plugin");
    check("clang -c a.c -fpass-plugin=p.so", "plugin");
    check("gcc -c a.cc -fmodules-ts", "modules");
    check("clang -c a.cc -fmodules", "modules");
    check("clang -c a.cc -fmodule-file=m=m.pcm", "modules");
    check("clang -c a.c -include-pch p.pch", "pch_input");
    check("gcc -c a.c -specs=f", "specs");
    check("gcc -c a.c -specs f", "specs");
    check("clang -c a.c --config f", "config_file");
    check("clang -c a.c --config=f", "config_file");
    check_both("-c a.c -traditional-cpp", "old_preprocessor");
    check_both("-c a.c -I- -Ix", "search_rules");
    check_both("-c a.c -iprefix p", "search_rules");
    check("gcc -c a.c -remap", "search_rules");
    check("clang -c a.c -ivfsoverlay f", "search_rules");
    check_both("-c a.c -finput-charset=latin1", "input_charset");
    check_both("-c a.c -finput-charset=UTF-8", "c a.c -> a.o");
    check("gcc -c a.c -fprofile-use", "profile_input");
    check("gcc -c a.c -fprofile-use=d", "profile_input");
    check("clang -c a.c -fprofile-use", "profile_input");
    check("gcc -c a.c -wrapper gdb,--args", "exotic_tool");
    check_both("-c a.c -ftime-report", "measurements");
    check("gcc -c a.c -Q", "measurements");
    check("gcc -c a.c -fdiagnostics-format=sarif-stderr", "sarif_diagnostics");
    check("gcc -c a.c -fdiagnostics-format=json-file", "exotic_output");
    check("gcc -c a.c -fdiagnostics-format=json", "c a.c -> a.o");
    check("clang -c a.c -fdiagnostics-format=sarif", "sarif_diagnostics");
    check("clang -arch x86_64 -c a.c", "several_targets");
    check_both("-c a.c -Wa,-Id", "assembler_search");
    check_both("-c a.c -Wa,-ahl=f", "exotic_output");
    check_both("-c a.c -Wa,@f", "inner_option");
}

#[test]
fn what_no_table_has_is_unknown_and_nothing_is_abbreviated() {
    check_both("-c a.c --frobnicate", "unknown_option");
    check_both("-c a.c -ffrobnicate", "unknown_option");
    check_both("-c a.c -ffrobnicate=x", "unknown_option");
    check_both("-c a.c -mfrobnicate", "unknown_option");
    check_both("-cfoo a.c", "link");
    check_both("-c a.c -MDfoo", "unknown_option");
    check_both("-c a.c -fno-frobnicate", "unknown_option");
    check_both("-c a.c --outp=x.o", "unknown_option");
    check_both("-c a.c -gfrobnicate", "unknown_option");
    check("gcc -c a.c -Wfrobnicate", "unknown_option");
    check("clang -c a.c -Wfrobnicate", "c a.c -> a.o");
    check_both("-c a.c -Wno-frobnicate", "c a.c -> a.o");
    check_both("-c a.c -Wno-error=frobnicate", "c a.c -> a.o");
    check("clang -c a.c -Xarch_host -O2", "unknown_option");
}

#[test]
fn options_without_a_file_are_plain() {
    let options = "-O -O2 -Os -Ofast -g -g3 -ggdb -gdwarf-4 -std=c11 --std=c11 -ansi -w -Wall -Wextra -Werror \
        -Werror=format -Wno-unused -Wformat=2 -pedantic -pipe -pthread -fPIC -fno-strict-aliasing \
        -fvisibility=hidden -fstack-protector-strong -ffunction-sections -fopenmp -fno-exceptions -fno-rtti \
        -m32 -m64 -msse4.2 -mno-avx2 -mcmodel=large -fno-common -fsanitize=address -fno-sanitize=vptr \
        -fmax-errors=1 -ftemplate-depth=900 -fcf-protection=none -fdiagnostics-color=always \
        -fno-omit-frame-pointer -funroll-loops -flto -flto=auto -nostdinc -undef -static -shared -lm \
        -rdynamic -Wl,-z,now -frandom-seed=x -fuse-ld=lld -pg -fmessage-length=0 -Wa,--noexecstack \
        -mfloat-abi=hard -mthumb -fno-builtin-memcpy -gz -H -gcolumn-info -fcommon -mtls-dialect=gnu2 \
        -fexec-charset=UTF-8 -mno-red-zone -ffreestanding";
    for option in options.split(' ') {
        check_both(&format!("-c a.c {option}"), "c a.c -> a.o");
    }
    check_both(
        "-c a.c --param ssp-buffer-size=4 -Xlinker -z -Xlinker now -T s.ld -u f -z now",
        "c a.c -> a.o",
    );
    check(
        "clang -c a.c -target x86_64-linux-gnu --target=x86_64-linux-gnu -Qunused-arguments",
        "c a.c -> a.o",
    );
    check(
        "clang -c a.c -mllvm -inline-threshold=5 -Xclang -target-feature -Xclang +avx2",
        "c a.c -> a.o",
    );
    check("clang -c a.c -mllvm -info-output-file=f", "inner_option");
    check(
        "gcc -c a.c -mfpu=neon -mabi=sysv -fcall-saved-rbx -fdbg-cnt=x:1",
        "c a.c -> a.o",
    );
}

#[test]
fn roles_of_words() {
    use Form::{Joined, Separate};
    use Role::{DepTarget, Depfile, ForcedInclude, Input, Macro, PrefixMap, SearchDir, ToolDir};
    for driver in ["gcc", "clang"] {
        let on = |args: &str, name: &str, value: &str, form, role| {
            check_role(&format!("{driver} -c a.c {args}"), name, Some(value), form, role);
        };
        on("-Ix", "-I", "x", Joined, SearchDir(Chain::Angled));
        on("-I x", "-I", "x", Separate, SearchDir(Chain::Angled));
        on(
            "--include-directory=x",
            "--include-directory=",
            "x",
            Joined,
            SearchDir(Chain::Angled),
        );
        on("-iquote x", "-iquote", "x", Separate, SearchDir(Chain::Quote));
        on("-isystemx", "-isystem", "x", Joined, SearchDir(Chain::System));
        on("-idirafter x", "-idirafter", "x", Separate, SearchDir(Chain::After));
        on("-include x.h", "-include", "x.h", Separate, ForcedInclude);
        on("-imacrosx.h", "-imacros", "x.h", Joined, ForcedInclude);
        on("-DX=1", "-D", "X=1", Joined, Macro);
        on("-U X", "-U", "X", Separate, Macro);
        on("-Wp,-D_F=2", "-Wp,", "-D_F=2", Joined, Macro);
        on("-B x", "-B", "x", Separate, ToolDir);
        on("--sysroot=x", "--sysroot=", "x", Joined, ToolDir);
        on("--sysroot x", "--sysroot", "x", Separate, ToolDir);
        on("-isysroot x", "-isysroot", "x", Separate, ToolDir);
        on("-Lx", "-L", "x", Joined, ToolDir);
        on("-MD -MT x", "-MT", "x", Separate, DepTarget);
        on("-MD -MFx", "-MF", "x", Joined, Depfile);
        on("-Wp,-MD,x", "-Wp,-MD,", "x", Joined, Depfile);
        on(
            "-ffile-prefix-map=a=b",
            "-ffile-prefix-map=",
            "a=b",
            Joined,
            PrefixMap(MapKind::File),
        );
        on(
            "-fdebug-prefix-map=a=b",
            "-fdebug-prefix-map=",
            "a=b",
            Joined,
            PrefixMap(MapKind::Debug),
        );
    }
    check_role("gcc -c a.c", "", Some("a.c"), Joined, Role::Source);
    check_role("gcc -c a.c -o x", "-o", Some("x"), Separate, Role::Output);
    check_role(
        "gcc -c a.c -aux-info x",
        "-aux-info",
        Some("x"),
        Separate,
        Role::SecondaryOutput,
    );
    check_role("clang -c a.c -MJ x", "-MJ", Some("x"), Separate, Role::SecondaryOutput);
    let ignore = "-fsanitize-ignorelist=";
    check_role("clang -c a.c -fsanitize-ignorelist=x", ignore, Some("x"), Joined, Input);
    let dir = "-ffile-compilation-dir=";
    check_role(
        "clang -c a.c -ffile-compilation-dir=x",
        dir,
        Some("x"),
        Joined,
        Role::CompilationDir,
    );
    check_role(
        "clang -c a.c -resource-dir x",
        "-resource-dir",
        Some("x"),
        Separate,
        ToolDir,
    );
}

#[test]
fn names_that_later_stages_ask_for_are_whole() {
    let (_, parsed) = parse_line("gcc -c a.c -g3 -gdwarf-4 -O2 -std=gnu++17 -flto=auto -fmessage-length=0");
    let command = parsed.expect("a compile");
    for name in ["-g3", "-gdwarf-4", "-O2"] {
        assert!(command.has(name), "{name}");
    }
    assert_eq!(command.last("-std="), Some("gnu++17"));
    assert_eq!(command.last("-flto="), Some("auto"));
    assert_eq!(command.last("-fmessage-length="), Some("0"));
}

#[test]
fn response_files_are_part_of_the_command() {
    let args = ["@r".to_owned(), "-c".to_owned()];
    let command = parse(&driver("gcc"), &args, &mut |path| {
        (path == "r").then(|| b"-O2 'a b.c'\n".to_vec())
    });
    let command = command.expect("a compile");
    assert_eq!((command.source.as_str(), command.output.as_str()), ("a b.c", "a b.o"));
    assert_eq!(command.response_files, ["r"]);
}

fn some_word() -> impl Strategy<Value = String> {
    let words = [
        "-c",
        "-S",
        "a.c",
        "-o",
        "x.o",
        "-MD",
        "-MF",
        "d",
        "-I",
        "-Ifoo",
        "-DX",
        "-D",
        "-Wp,-MD,w.d",
        "-Wall",
        "-x",
        "c",
        "-include",
        "-O2",
        "-Wa,-W",
        "-Xclang",
        "-mllvm",
        "--param",
        "-g",
        "-gsplit-dwarf",
        "-L/x",
        "--sysroot=/y",
        "-fmessage-length=0",
        "-isystem",
        "-",
        "--",
        "-fno-exceptions",
        "-std=",
        "-MT",
        "-é",
        "b.cc",
    ];
    prop_oneof![
        proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        "-?[a-zA-Z=,/.@-]{0,9}"
    ]
}

proptest! {
    /// Whatever parses renders back to the user's words, and one reading is as good as another.
    #[test]
    fn arguments_render_back_to_the_words(
        words in proptest::collection::vec(some_word(), 0..9),
        clang in proptest::bool::ANY,
    ) {
        let driver = driver(if clang { "clang" } else { "gcc" });
        let mut words = words;
        words.extend(["-c".to_owned(), "main.c".to_owned()]);
        let mut parser = Parser::new(driver);
        let mut rest = words.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            parser.word(word, &mut rest);
        }
        let rendered: Vec<String> = parser.args.iter().flat_map(Arg::words).collect();
        prop_assert_eq!(&rendered, &words);
    }
}
