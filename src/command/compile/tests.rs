//! Command lines and what they mean. Expectations are written as `language source -> output | depfile | secondary …`, a
//! depfile of user headers only with `!`, or as the code of the reason why there is no Action.

mod options;
mod outputs;
mod real_builds;

use super::*;
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
    assert_eq!(summary(&parsed), expected, "{:?} of {line}", parsed.as_ref().err());
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
    check_both("-c -x c-header a.h -o p.gch", "c a.h -> p.gch");
    check("g++ a.h -MD", "c++ a.h -> a.h.gch | a.d");
    check("clang -c d/a.hh", "c++ d/a.hh -> d/a.hh.pch");
    check(
        "gcc -x c-header a.c -o d/p.gch -fstack-usage -gsplit-dwarf",
        "c a.c -> d/p.gch | d/p.su",
    );
    check(
        "clang a.h -o d/p.pch -fstack-usage --coverage -g -gsplit-dwarf",
        "c a.h -> d/p.pch",
    );
    check(
        "gcc -c a.cc -MD -fdeps-format=p1689r5 -o d/x.o",
        "c++ a.cc -> d/x.o | d/x.d | d/x.ddi",
    );
    check("gcc a.h -fstack-usage", "pch_output");
    check_both("-S a.h", "pch_output");
    check_both("a.h b.h", "several_sources");
    check("clang -c a.c -Xclang -emit-pch", "pch_output");
    check_both("-x c++-system-header -c cstddef", "modules");
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
