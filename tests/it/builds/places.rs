//! Files outside of the project, and outputs in other directories.

use super::COMPILERS;
use super::sandbox::Sandbox;
use crate::tools::sample;
use std::fs;

#[test]
fn a_header_outside_of_the_project_is_an_input_too() {
    let sandbox = Sandbox::new();
    let outside = sandbox.path("outside");
    fs::create_dir(&outside).unwrap();
    sandbox.write("main.c", "#include <outside.h>\nint value = OUTSIDE;\n");
    for compiler in sample(&COMPILERS) {
        fs::write(outside.join("outside.h"), "#define OUTSIDE 1\n").unwrap();
        let step = format!("$W {compiler} -g -MD -I {} -c main.c", outside.display());
        let thrice = sandbox.thrice(&step);
        assert_eq!((thrice.cold, thrice.warm), (1, 0), "{compiler}");
        fs::write(outside.join("outside.h"), "#define OUTSIDE 2\n").unwrap();
        let thrice = sandbox.thrice(&step);
        assert_eq!((thrice.cold, thrice.warm), (1, 0), "{compiler}: edited");
        fs::remove_file(outside.join("outside.h")).unwrap();
        assert_eq!(sandbox.thrice(&step).plain.exit, 1, "{compiler}: gone");
    }
}

#[test]
fn outputs_go_where_they_are_told_to_go() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "int value;\n");
    sandbox.write("below/keep", "");
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    let elsewhere = sandbox.path("elsewhere");
    let elsewhere = elsewhere.display();
    for compiler in sample(&COMPILERS) {
        let check = |args: &str, exit: i32, warm: usize| {
            let thrice = sandbox.thrice(&format!("$W {compiler} {args}"));
            assert_eq!(
                (thrice.plain.exit, thrice.cold, thrice.warm),
                (exit, 1, warm),
                "{compiler} {args}"
            );
        };
        check("-c main.c -o below/out.o -MD", 0, 0);
        check("-c main.c -obelow/../below/out.o -MMD -MFbelow/x.d", 0, 0);
        check("-c main.c -o $PWD/below/out.o", 0, 0);
        check("-c -g main.c", 0, 0);
        check("-c main.c -o missing/out.o", 1, 1);
        check("-c main.c -o out.o -MD -MF missing/out.d", 1, 1);
        check("-c main.c -o below", 1, 1);
        check("-c main.c -o /dev/null", 0, 1);
        // Not in the working directory, so not compared by the above.
        let object = format!("{elsewhere}/{compiler}.o");
        let step = format!("$W {compiler} -g -c main.c -o {object}");
        sandbox.plain(&step);
        let plain = fs::read(&object).unwrap();
        sandbox.starts();
        for runs in [1, 0] {
            fs::remove_file(&object).unwrap();
            assert_eq!(sandbox.wrapped(&step).exit, 0);
            assert!(fs::read(&object).unwrap() == plain, "{compiler}");
            assert_eq!(sandbox.runs(), runs, "{compiler}: an output outside of the project");
        }
        sandbox.starts();
    }
    assert!(std::os::unix::fs::FileTypeExt::is_char_device(
        &fs::metadata("/dev/null").unwrap().file_type()
    ));
}

#[test]
fn every_kind_of_source_and_option_is_cached() {
    let sandbox = Sandbox::new();
    sandbox.write_all(&[
        (
            "main.c",
            "#include <stdio.h>\n#include \"a b.h\"\nint f(void) { return puts(NAME) + sizeof __FILE__; }\n",
        ),
        ("a b.h", "#define NAME \"a\"\n"),
        ("forced.h", "#define FORCED 1\n"),
        (
            "part.cc",
            "#include <string>\n#include \"forced.h\"\nstd::string s = __FILE__;\n",
        ),
        ("code.S", "#include \"forced.h\"\n.globl code\ncode: ret\n"),
        ("plain.s", ".globl code\ncode: ret\n.incbin \"forced.h\"\n"),
        ("flags", "-O2 -Wall '-DWORDS=\"two words\"'\n"),
        ("a dir/x.c", "#include \"../forced.h\"\nint x = FORCED;\n"),
        ("weird$name.c", "int weird;\n"),
    ]);
    for compiler in sample(&COMPILERS) {
        let cxx = super::sandbox::cxx(compiler);
        let check = |step: &str| {
            let thrice = sandbox.thrice(step);
            let told = (thrice.plain.exit, thrice.cold, thrice.warm);
            assert_eq!(told, (0, 1, 0), "{step}: {:?}", sandbox.reasons());
            assert!(thrice.warm_starts.is_empty(), "{step}: {:?}", thrice.warm_starts);
        };
        check(&format!("$W {compiler} -c main.c"));
        check(&format!("$W {compiler} -g -gsplit-dwarf -O2 -c main.c -o main.o"));
        check(&format!(
            "$W {compiler} -g3 -MMD -MP -MT 'x y' -include forced.h -c main.c -omain.o"
        ));
        check(&format!("$W {compiler} -S -fverbose-asm main.c"));
        check(&format!(
            "$W {compiler} @flags -c main.c -ffunction-sections -fPIC -MD -MF deps"
        ));
        check(&format!("$W {compiler} -x c++ -c main.c"));
        check(&format!("$W {compiler} --coverage -frandom-seed=1 -c main.c -o main.o"));
        check(&format!("$W {compiler} -c 'a dir/x.c' -o 'a dir/x.o' -MD"));
        check(&format!("$W {compiler} -c 'weird$name.c' -MD"));
        check(&format!("$W {compiler} -c code.S -g"));
        check(&format!("$W {compiler} -c plain.s -o code.o"));
        check(&format!("$W {compiler} -flto -frandom-seed=1 -c main.c"));
        check(&format!("$W {cxx} -std=c++17 -g -fno-exceptions -c part.cc"));
        check(
            &format!("$W {cxx} -stdlib=libstdc++ -I. -iquote . -isystem . -idirafter . -c part.cc").replace(
                "-stdlib=libstdc++ ",
                if compiler == "gcc" { "" } else { "-stdlib=libstdc++ " },
            ),
        );
        check(&format!("cd 'a dir'; $W {compiler} -g -c x.c"));
        check(&format!("$W {compiler} -g -c $PWD/main.c -o $PWD/main.o -MD"));
        check(&format!("$W {compiler} -fsanitize=address,undefined -g -c main.c"));
    }
}
