//! What configure scripts ask compilers passes through without a trace.

use super::COMPILERS;
use super::sandbox::Sandbox;

/// Of a directory with `conftest.c` and `main.c`.
const QUESTIONS: &[&str] = &[
    "-c conftest.c",
    "-o conftest conftest.c && ./conftest",
    "-c conftest.c -o conftest.o -MD -MF conftest.d",
    "-x c -c - -o out.o < main.c",
    "-E - < main.c",
    "-E main.c",
    "-E -dM -x c /dev/null",
    "-M main.c",
    "-MM main.c -MF main.d",
    "-fsyntax-only main.c",
    "--version",
    "-v",
    "-V",
    "-qversion",
    "-dumpversion",
    "-dumpmachine",
    "-print-search-dirs",
    "-print-prog-name=ld",
    "-print-file-name=libc.so",
    "-print-multi-os-directory",
    "--help",
    "-Q --help=target",
    "--no-such-option -c main.c",
    "",
    "no-such-file.c",
    "-c no-such-file.c",
    "-c",
    "-c main.c -o",
    "-S main.c -o -",
    "-c main.c -o /dev/null",
];

#[test]
fn questions_are_answered_by_the_compiler_itself() {
    let sandbox = Sandbox::new();
    sandbox.write_all(&[
        ("conftest.c", "int main(void) { return 0; }\n"),
        ("main.c", "#include <stddef.h>\nint main(void) { return 0; }\n"),
    ]);
    for compiler in COMPILERS {
        for question in QUESTIONS {
            let thrice = sandbox.thrice(&format!("$W {compiler} {question}"));
            assert_eq!((thrice.cold, thrice.warm), (1, 1), "{compiler} {question}");
        }
    }
    assert_eq!((sandbox.results(), sandbox.steps("local_cache")), (0, 0));
}

/// These name temporary files at random, so two runs differ anyway: only the form is compared.
#[test]
fn the_drivers_own_commands_are_shown() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "int value;\n");
    for compiler in COMPILERS {
        for question in ["-### -c main.c", "-v -c main.c"] {
            let told = sandbox.wrapped(&format!("$W {compiler} {question}"));
            let plain = sandbox.plain(&format!("$W {compiler} {question}"));
            let form = |text: &str| -> Vec<String> {
                let words = text
                    .split_whitespace()
                    .map(|word| word.trim_matches(|c| c == '"' || c == ','));
                words
                    .filter(|word| !word.contains("/tmp/") && !word.contains("main-"))
                    .map(str::to_owned)
                    .collect()
            };
            assert_eq!(
                (told.exit, &told.stdout, form(&told.stderr)),
                (plain.exit, &plain.stdout, form(&plain.stderr))
            );
            assert!(told.stderr.contains("main.c"));
        }
    }
    assert_eq!(sandbox.results(), 0);
}
