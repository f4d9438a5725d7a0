use super::*;
use crate::command::PieceRole;

const BOTH: [Suite; 2] = [Suite::Gnu, Suite::Llvm];

fn parsed(suite: Suite, name: ArchiveName, line: &str) -> Result<ArchiveCommand, LocalOnly> {
    let tool = ArchiveTool {
        suite,
        name,
        deterministic_default: true,
    };
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let parsed = parse(tool, &args, &mut |path| match path {
        "rsp" => Some(b"'b b.o' c.o\n@more".to_vec()),
        "more" => Some(b"d.o".to_vec()),
        _ => None,
    })?;
    let words: String = parsed.command.words.iter().map(|word| word.text() + " ").collect();
    if !line.contains('@') {
        assert_eq!(words.trim(), args.join(" "), "every word stays");
    }
    Ok(parsed)
}

/// `operation output < inputs`, then what else there is; or the reason's code.
fn shape(suite: Suite, name: ArchiveName, line: &str) -> String {
    match parsed(suite, name, line) {
        Err(reason) => reason.code().to_owned(),
        Ok(found) => {
            let outputs: Vec<&str> = found.command.outputs.iter().map(|output| &*output.path).collect();
            let named: Vec<&str> = found.command.with_role(PieceRole::Output).collect();
            assert_eq!(outputs, named, "{line}");
            let inputs: Vec<&str> = found.command.with_role(PieceRole::Input).collect();
            let mut text = format!("{:?} {} < {}", found.operation, outputs.join(" "), inputs.join(" "));
            for (is, name) in [(found.thin, " thin"), (found.newer_only, " newer")] {
                if is {
                    text.push_str(name);
                }
            }
            for extra in [
                found.plugin.clone(),
                found.command.placed_locally.clone().map(|row| row.option),
            ]
            .into_iter()
            .flatten()
            {
                text.push_str(&format!(" {extra}"));
            }
            text
        }
    }
}

#[track_caller]
fn check(suites: &[Suite], line: &str, expected: &str) {
    for suite in suites {
        assert_eq!(shape(*suite, ArchiveName::Ar, line), expected, "{suite:?} {line}");
    }
}

#[test]
fn every_operation_is_told_with_and_without_a_dash() {
    for dash in ["", "-"] {
        let both = |line: &str, expected: &str| check(&BOTH, &format!("{dash}{line}"), expected);
        both("rcs x.a a.o b.o", "Replace x.a < a.o b.o");
        both("qc x.a a.o", "Append x.a < a.o");
        both("cru x.a a.o", "Replace x.a < a.o newer");
        both("rc x.a", "Replace x.a < ");
        both("d x.a a.o", "Delete x.a < ");
        both("m x.a a.o", "Move x.a < ");
        both("ma b.o x.a a.o", "Move x.a < ");
        both("rb old.o x.a a.o", "Replace x.a < a.o");
        both("dN 2 x.a a.o", "Delete x.a < ");
        both("s x.a", "Index x.a < ");
        both("rcT x.a a.o", "Replace x.a < a.o thin T");
        for letter in ["t", "tv", "p", "x", "xo"] {
            both(&format!("{letter} x.a"), "archive_read");
        }
        both("rcU x.a a.o", "archive_times");
        both("rcUD x.a a.o", "Replace x.a < a.o");
        both("rcsV x.a", "no_source");
        both("rc", "no_source");
        both("rq x.a a.o", "no_source");
        both("rcZ x.a a.o", "unknown_option");
    }
}

#[test]
fn options_may_stand_anywhere() {
    check(&BOTH, "rc x.a --thin a.o", "Replace x.a < a.o thin T");
    check(&BOTH, "--thin -rc x.a a.o", "Replace x.a < a.o thin T");
    check(&BOTH, "rc x.a a.o -u", "Replace x.a < a.o newer");
    check(&BOTH, "rc -- x.a -a.o", "Replace x.a < -a.o");
    check(&BOTH, "rc --bogus x.a", "unknown_option");
    check(&BOTH, "--version", "no_source");
    check(&BOTH, "--help", "no_source");
    check(&BOTH, "-M", "archive_script");
    check(&BOTH, "", "no_source");
}

#[test]
fn the_suites_differ() {
    let gnu = |line, expected| check(&[Suite::Gnu], line, expected);
    let llvm = |line, expected| check(&[Suite::Llvm], line, expected);
    gnu("--plugin p.so rcs x.a a.o", "Replace x.a < a.o p.so");
    gnu("rcs --plugin=p.so x.a a.o", "Replace x.a < a.o p.so");
    llvm("--plugin=p.so rcs x.a a.o", "Replace x.a < a.o");
    llvm("--plugin p.so rcs x.a a.o", "Replace x.a < a.o");
    gnu("rcs --plugin", "missing_value");
    gnu("--target=elf64-x86-64 rc x.a a.o", "Replace x.a < a.o");
    gnu("rc --record-libdeps=-lm x.a a.o", "Replace x.a < a.o");
    llvm("--format=gnu rc x.a a.o", "Replace x.a < a.o");
    llvm("--format=darwin rc x.a a.o", "unsupported_format");
    llvm("--rsp-quoting=windows rc x.a a.o", "unknown_option");
    gnu("rcl x.a a.o", "ambiguous_modifier");
    llvm("rcl x.a a.o", "Replace x.a < a.o");
    llvm("qcL x.a y.a", "Append x.a < y.a");
    gnu("qcL x.a y.a", "unknown_option");
    gnu("rcP x.a d/a.o", "Replace x.a < d/a.o P");
    llvm("rcP x.a d/a.o", "Replace x.a < d/a.o");
    gnu("rcf x.a a.o", "Replace x.a < a.o");
    gnu("rMc", "archive_script");
}

#[test]
fn response_files_are_expanded_and_named() {
    for suite in BOTH {
        let found = parsed(suite, ArchiveName::Ar, "rc x.a a.o @rsp").expect("a command");
        let inputs: Vec<&str> = found.command.with_role(PieceRole::Input).collect();
        assert_eq!(inputs, ["a.o", "b b.o", "c.o", "d.o"]);
        assert_eq!(found.command.response_files, ["rsp", "more"]);
        assert_eq!(found.members, 4);
    }
}

#[test]
fn an_archiver_that_records_times_has_to_be_told_not_to() {
    let tool = ArchiveTool {
        suite: Suite::Gnu,
        name: ArchiveName::Ar,
        deterministic_default: false,
    };
    let code = |letters: &str| {
        let args = [letters, "x.a", "a.o"].map(str::to_owned);
        parse(tool, &args, &mut |_| None).map_or_else(|reason| reason.code(), |_| "taken")
    };
    assert_eq!(code("rc"), "archive_times");
    assert_eq!(code("rcD"), "taken");
}

#[test]
fn gnu_writes_over_an_archive_and_llvm_replaces_it() {
    for suite in BOTH {
        let found = parsed(suite, ArchiveName::Ar, "rc x.a a.o").expect("a command");
        let output = &found.command.outputs[0];
        assert_eq!(output.in_place, suite == Suite::Gnu);
        assert!(output.updates && output.mode == 0o666 && !output.optional);
        assert!(!found.command.removes_on_failure);
    }
}

#[test]
fn ranlib_takes_archives_and_few_options() {
    let check = |suites: &[Suite], line: &str, expected: &str| {
        for suite in suites {
            assert_eq!(shape(*suite, ArchiveName::Ranlib, line), expected, "{suite:?} {line}");
        }
    };
    check(&BOTH, "x.a", "Index x.a < ");
    check(&BOTH, "-D x.a", "Index x.a < ");
    check(&BOTH, "x.a y.a", "Index x.a y.a < ");
    check(&BOTH, "-U x.a", "archive_times");
    check(&BOTH, "-UD x.a", "Index x.a < ");
    check(&BOTH, "-t x.a", "real_times");
    check(&BOTH, "--version", "no_source");
    check(&BOTH, "-V", "no_source");
    check(&BOTH, "", "no_source");
    check(&BOTH, "-q x.a", "unknown_option");
    check(&[Suite::Gnu], "--plugin p.so x.a", "Index x.a <  p.so");
    check(&[Suite::Gnu], "--plugin=p.so x.a", "Index x.a <  p.so");
    check(&[Suite::Llvm], "--plugin=p.so x.a", "unknown_option");
    check(&[Suite::Llvm], "@rsp", "unknown_option");
}

proptest::proptest! {
    #[test]
    fn no_words_are_lost_whatever_they_are(
        llvm: bool,
        ranlib: bool,
        args in proptest::collection::vec("(-{0,2}[a-zA-Z]{0,4}(=x)?|[ -~]{0,3}|\u{e9}|--plugin|@rsp)", 0..6),
    ) {
        let tool = ArchiveTool {
            suite: if llvm { Suite::Llvm } else { Suite::Gnu },
            name: if ranlib { ArchiveName::Ranlib } else { ArchiveName::Ar },
            deterministic_default: true,
        };
        if let Ok(found) = parse(tool, &args, &mut |_| None) {
            let words: Vec<String> = found.command.words.iter().map(crate::command::Word::text).collect();
            assert_eq!(words, args);
        }
    }
}
