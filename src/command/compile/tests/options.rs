//! Options one by one: what makes a step local-only, what is plain, which role a word has.

use super::{check, check_both, parse_line};
use crate::command::{Chain, Form, MapKind, Role};

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
fn options_that_change_too_much() {
    check_both("-c a.c -march=native", "c a.c -> a.o");
    check_both("-c a.c -mtune=native", "c a.c -> a.o");
    check_both("-c a.c -mcpu=native+crypto", "native_tuning");
    check_both("-c a.c -march=x86-64-v3", "c a.c -> a.o");
    check_both("-c a.c -fplugin=p.so", "plugin");
    check("clang -c a.c -Xclang -load -Xclang p.so", "plugin");
    check("clang -c a.c -fpass-plugin=p.so", "plugin");
    check("gcc -c a.cc -fmodules-ts", "modules");
    check("clang -c a.cc -fmodules", "modules");
    check("clang -c a.cc -fmodule-file=m.pcm", "modules");
    check("clang -c a.c -specs=f", "specs");
    check("clang -c a.c -specs f", "specs");
    check("clang -c a.c --config-user-dir=f", "config_file");
    check_both("-c a.c -traditional-cpp", "old_preprocessor");
    check_both("-c a.c -I- -Ix", "search_rules");
    check_both("-c a.c -iprefix p", "c a.c -> a.o");
    check("gcc -c a.c -remap", "search_rules");
    check("clang -c a.c -ivfsoverlay f", "search_rules");
    check_both("-c a.c -finput-charset=latin1", "input_charset");
    check_both("-c a.c -finput-charset=UTF-8", "c a.c -> a.o");
    check("gcc -c a.c -fprofile-use=d", "c a.c -> a.o");
    check("gcc -c a.c -fprofile-use=d -dumpdir x-", "profile_input");
    check("clang -c a.c -fprofile-use", "c a.c -> a.o");
    check("gcc -c a.c -wrapper gdb,--args", "exotic_tool");
    check_both("-c a.c -ftime-report", "measurements");
    check("gcc -c a.c -Q", "measurements");
    check("gcc -c a.c -fdiagnostics-format=sarif-stderr", "sarif_diagnostics");
    check("gcc -c a.c -fdiagnostics-format=json-file", "exotic_output");
    check("gcc -c a.c -fdiagnostics-format=json", "c a.c -> a.o");
    check("clang -c a.c -fdiagnostics-format=sarif", "sarif_diagnostics");
    check("clang -arch x86_64 -c a.c", "several_targets");
    check_both("-c a.c -Wa,-Id,-Ie", "assembler_search");
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
    check("clang -c a.c -objcmt-migrate-all", "unknown_option");
    check("clang -c a.c -objcmt-whitelist-dir-path=x", "unknown_option");
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
    use Form::{Joined, Separate, Through, ThroughJoined};
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
        on("-Wp,-I,x", "-Wp,-I,", "x", Joined, SearchDir(Chain::Angled));
        on(
            "-Wp,-isystemx,-w",
            "-Wp,-isystem",
            "x",
            Joined,
            SearchDir(Chain::System),
        );
        on("-Wa,-W,-Ix,-n", "-Wa,-W,-I", "x", Joined, SearchDir(Chain::Assembler));
        on(
            "-Xassembler -I -Xassembler x",
            "-Xassembler",
            "x",
            Through,
            SearchDir(Chain::Assembler),
        );
        on(
            "-Xpreprocessor -Ix",
            "-Xpreprocessor",
            "x",
            ThroughJoined,
            SearchDir(Chain::Angled),
        );
        on(
            "-Xpreprocessor -include -Xpreprocessor x",
            "-Xpreprocessor",
            "x",
            Through,
            ForcedInclude,
        );
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
