use super::*;
use crate::command::PieceRole;

const BOTH: [Suite; 2] = [Suite::Gnu, Suite::Llvm];

use ObjectToolName::{Dwp, Objcopy, Strip};

fn parsed(suite: Suite, name: ObjectToolName, line: &str) -> Result<ObjectCommand, LocalOnly> {
    let tool = ObjectTool {
        suite,
        name,
        major: 19,
        deterministic_default: true,
    };
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let parsed = parse(tool, &args, &mut |_| None)?;
    let words: Vec<String> = parsed.command.words.iter().map(crate::command::Word::text).collect();
    assert_eq!(words, args, "every word stays");
    Ok(parsed)
}

/// `outputs < inputs`, an output that is changed with a `!`; or the reason's code.
fn shape(suite: Suite, name: ObjectToolName, line: &str) -> String {
    match parsed(suite, name, line) {
        Err(reason) => reason.code().to_owned(),
        Ok(found) => {
            let outputs = found.command.outputs.iter();
            let outputs: Vec<String> = outputs
                .map(|output| output.path.clone() + if output.updates { "!" } else { "" })
                .collect();
            let mut named: Vec<&str> = found.command.with_role(PieceRole::Output).collect();
            let mut plain: Vec<&str> = outputs.iter().map(|path| path.trim_end_matches('!')).collect();
            named.sort_unstable();
            plain.sort_unstable();
            named.dedup();
            assert_eq!(plain, named, "{line}");
            let inputs: Vec<&str> = found.command.with_role(PieceRole::Input).collect();
            let row = found
                .command
                .placed_locally
                .as_ref()
                .map(|row| format!(" ({})", row.option));
            format!(
                "{} < {}{}",
                outputs.join(" "),
                inputs.join(" "),
                row.unwrap_or_default()
            )
        }
    }
}

#[track_caller]
fn check(suites: &[Suite], name: ObjectToolName, line: &str, expected: &str) {
    for suite in suites {
        assert_eq!(shape(*suite, name, line), expected, "{suite:?} {line}");
    }
}

#[test]
fn strip_changes_files_or_copies_one() {
    let check = |line: &str, expected: &str| check(&BOTH, Strip, line, expected);
    check("a", "a! < ");
    check("-g a b", "a! b! < ");
    check("--strip-unneeded -o b a", "b < a");
    check("a -ob", "b < a");
    check("-s a -o a", "a! < ");
    check("-o c a b", "no_source");
    check("", "no_source");
    check("-K main -R .note a", "a! < ");
    check("-Kmain --remove-section=.note --keep-symbol x a", "a! < ");
    check("-gx a", "a! < ");
    check("-p a", "real_times");
    check("-gp a", "real_times");
    check("--preserve-dates a", "real_times");
    check("-U a.a", "real_times");
    check("-D a.a", "a.a! < ");
    check("-O pei-x86-64 a", "unsupported_format");
    check("--version", "no_source");
    check("--bogus a", "unknown_option");
    check("-g=1 a", "unknown_option");
    check("--strip-debug=1 a", "unknown_option");
    check("-K", "missing_value");
    check("-- -a", "-a! < ");
}

#[test]
fn objcopy_changes_a_file_or_copies_it() {
    let check = |line: &str, expected: &str| check(&BOTH, Objcopy, line, expected);
    check("a", "a! < ");
    check("a b", "b < a");
    check("a a", "a! < ");
    check("a b c", "no_source");
    check("--only-keep-debug a a.debug", "a.debug < a");
    check("--add-gnu-debuglink=a.debug a", "a! < a.debug");
    check("--add-section .x=f --set-section-flags .x=alloc a b", "b < f a");
    check("--update-section=.x=f a b", "b < f a");
    check("--dump-section .x=f a b", "f b < a");
    check("--dump-section .x=f a", "f a! < ");
    check("--redefine-syms=f --keep-symbols g a b", "b < f g a");
    check("--redefine-sym x=y a b", "b < a");
    check("-O binary a b", "b < a");
    check("-Obinary a", "a! < ");
    check("-O srec a b", "b < a (-O srec)");
    check("-O srec a", "differs_by_run");
    check("-I binary -O elf64-x86-64 -B i386:x86-64 a b", "b < a (-I binary)");
    check(
        "--input-target=binary --output-target=elf64-x86-64 a b",
        "b < a (-I binary)",
    );
    check("-O efi-app-x86_64 a b", "unsupported_format");
    check("--target pei-i386 a b", "unsupported_format");
    check("-p a b", "real_times");
    check("--compress-debug-sections a b", "b < a");
    check("--compress-debug-sections=zlib a b", "b < a");
    check("--extract-dwo a b", "b < a");
    check("--split-dwo=f a", "f a! < ");
    check("-w -N x* a b", "b < a");
}

#[test]
fn what_an_older_llvm_does_otherwise_stays_here() {
    let tool = ObjectTool {
        suite: Suite::Llvm,
        name: Objcopy,
        major: 14,
        deterministic_default: true,
    };
    let code = |option: &str| {
        let args = [option, "a", "b"].map(str::to_owned);
        parse(tool, &args, &mut |_| None).map_or_else(|reason| reason.code(), |_| "taken")
    };
    assert_eq!(code("--compress-debug-sections"), "differs_by_run");
    assert_eq!(code("--split-dwo=f"), "exotic_output");
    assert_eq!(code("--strip-debug"), "taken");
}

#[test]
fn the_mode_of_a_copy_follows_from_the_input() {
    let check = |suite, name, line, mode, in_place| {
        let found = parsed(suite, name, line).expect("a command");
        let primary = found.command.outputs.last().expect("an output");
        assert_eq!((found.mode, primary.in_place), (mode, in_place), "{suite:?} {line}");
    };
    check(Suite::Gnu, Objcopy, "a b", OutputMode::InputType, false);
    check(Suite::Gnu, Strip, "-o b a", OutputMode::InputType, false);
    check(Suite::Gnu, Objcopy, "-O binary a b", OutputMode::Stated, false);
    check(
        Suite::Gnu,
        Objcopy,
        "-I binary -O elf64-little a b",
        OutputMode::Stated,
        false,
    );
    check(Suite::Gnu, Strip, "a", OutputMode::Stated, true);
    check(Suite::Llvm, Objcopy, "-O binary a b", OutputMode::InputMode, false);
    check(Suite::Llvm, Strip, "a", OutputMode::Stated, true);
    check(Suite::Gnu, Dwp, "-o b a", OutputMode::Stated, true);
}

#[test]
fn only_gnu_removes_the_old_copy_when_it_fails() {
    let removes = |suite, line| {
        parsed(suite, Objcopy, line)
            .expect("a command")
            .command
            .removes_on_failure
    };
    assert!(removes(Suite::Gnu, "a b"));
    assert!(!removes(Suite::Gnu, "a"));
    assert!(!removes(Suite::Llvm, "a b"));
}

#[test]
fn dwp_packs_named_files() {
    let both = |line: &str, expected: &str| check(&BOTH, Dwp, line, expected);
    both("-o x.dwp a.dwo b.dwo", "x.dwp < a.dwo b.dwo");
    both("a.dwo -o x.dwp", "x.dwp < a.dwo");
    both("-e prog", "named_by_debug_information");
    both("-eprog -o x.dwp", "named_by_debug_information");
    both("a.dwo", "no_source");
    both("-o x.dwp", "no_source");
    both("-o", "missing_value");
    both("-ox.dwp a.dwo", "unknown_option");
    both("--help", "no_source");
    check(&[Suite::Gnu], Dwp, "--output x.dwp -v a.dwo", "x.dwp < a.dwo");
    check(&[Suite::Llvm], Dwp, "--output x.dwp a.dwo", "unknown_option");
}

proptest::proptest! {
    #[test]
    fn no_words_are_lost_whatever_they_are(
        llvm: bool,
        name in proptest::sample::select(vec![Strip, Objcopy, Dwp]),
        args in proptest::collection::vec(
            "(-{0,2}[a-zA-Z]{0,3}(=x)?|[ -~]{0,3}|\u{e9}|--(add|dump)-section(=.x=y)?|-o|--target=elf)",
            0..6,
        ),
    ) {
        let tool = ObjectTool {
            suite: if llvm { Suite::Llvm } else { Suite::Gnu },
            name,
            major: 19,
            deterministic_default: true,
        };
        if let Ok(found) = parse(tool, &args, &mut |_| None) {
            let words: Vec<String> = found.command.words.iter().map(crate::command::Word::text).collect();
            assert_eq!(words, args);
        }
    }
}
