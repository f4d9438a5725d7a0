//! Linkers that are called themselves: roles, outputs, response files.

use super::*;

#[track_caller]
fn ld(flavour: Flavour, args: &str) -> ToolCommand {
    parse_ld(flavour, &words(args), &mut read(&[])).unwrap_or_else(|reason| panic!("{flavour:?} {args}: {reason}"))
}

#[test]
fn pieces_tell_paths_from_what_is_recorded() {
    for flavour in ALL {
        let command = ld(
            flavour,
            "-o out a.o -Lx -L y -rpath=/r -rpath-link p:q -soname libx.so --dynamic-linker=/ld.so --version-script=v.map \
             --sysroot=/s -L=/z",
        );
        let expected = [
            "out:Output",
            "a.o:Input",
            "x:SearchDir",
            "y:SearchDir",
            "/r:Recorded",
            "p:SearchDir",
            "q:SearchDir",
            "libx.so:Recorded",
            "/ld.so:Recorded",
            "v.map:Input",
            "/s:ToolDir",
        ];
        assert_eq!(roles(&command), expected, "{flavour:?}");
    }
}

#[test]
fn words_keep_their_text() {
    let args = "-o out a.o -Lx -rpath-link p:q --version-script=v.map -znow -Map=m --defsym=a=b";
    for flavour in ALL {
        assert_eq!(texts(&ld(flavour, args)), args);
    }
}

/// Path, mode, in place, text.
#[track_caller]
fn outputs(flavour: Flavour, args: &str, expected: &[(&str, u32, bool, ToolText)]) {
    let command = ld(flavour, args);
    let found: Vec<_> = command
        .outputs
        .iter()
        .map(|output| (output.path.as_str(), output.mode, output.in_place, output.text))
        .collect();
    assert_eq!(found, expected, "{flavour:?} {args}");
}

#[test]
fn outputs_are_declared_as_the_linker_writes_them() {
    use ToolText::{Depfile, Map, None, Paths};
    outputs(Flavour::Bfd, "a.o", &[("a.out", 0o777, false, None)]);
    outputs(Flavour::Gold, "a.o -o p -o q", &[("q", 0o777, false, None)]);
    outputs(Flavour::Lld, "-shared a.o -o l.so", &[("l.so", 0o777, false, None)]);
    outputs(Flavour::Bfd, "-r a.o -o b.o", &[("b.o", 0o666, false, None)]);
    outputs(Flavour::Mold, "-r a.o -o b.o", &[("b.o", 0o666, true, None)]);
    outputs(Flavour::Mold, "a.o -o p", &[("p", 0o777, true, None)]);
    outputs(Flavour::Mold, "-shared a.o -o l.so", &[("l.so", 0o777, false, None)]);
    outputs(
        Flavour::Bfd,
        "a.o -Map m --dependency-file=d --out-implib i.a -o p",
        &[
            ("m", 0o666, true, Map),
            ("d", 0o666, true, Depfile),
            ("i.a", 0o666, true, None),
            ("p", 0o777, false, None),
        ],
    );
    outputs(
        Flavour::Lld,
        "a.o -Map=m --why-extract=w -o p",
        &[
            ("m", 0o666, true, Paths),
            ("w", 0o666, true, Paths),
            ("p", 0o777, false, None),
        ],
    );
}

#[test]
fn an_input_of_the_output_s_name_is_updated() {
    let updates = |args| ld(Flavour::Bfd, args).outputs.last().map(|output| output.updates);
    assert_eq!(updates("-r a.o b.o -o b.o"), Some(true));
    assert_eq!(updates("-r a.o b.o -o c.o"), Some(false));
}

#[test]
fn old_programs_are_removed_by_some_when_they_fail() {
    let removes = ALL.map(|flavour| ld(flavour, "a.o").removes_on_failure);
    assert_eq!(removes, [true, true, false, false]);
}

#[track_caller]
fn refused(flavour: Flavour, args: &str, code: &str) {
    let found = parse_ld(flavour, &words(args), &mut read(&[]));
    assert_eq!(found.as_ref().map_err(LocalOnly::code), Err(code), "{flavour:?} {args}");
}

#[test]
fn outputs_without_a_name_of_their_own_are_local() {
    refused(Flavour::Bfd, "a.o -Map=-", "stdout_output");
    refused(Flavour::Bfd, "a.o -M", "stdout_output");
    refused(Flavour::Bfd, "a.o -Map dir/", "exotic_output");
    refused(Flavour::Bfd, "a.o -Map=%", "exotic_output");
    refused(Flavour::Bfd, "a.o -Map=a -Map=b", "exotic_output");
    refused(Flavour::Lld, "a.o -o -", "stdout_output");
    refused(Flavour::Lld, "a.o --lto-obj-path=x", "exotic_output");
    refused(Flavour::Lld, "a.o --save-temps", "save_temps");
    refused(Flavour::Mold, "a.o --separate-debug-file", "exotic_output");
    refused(Flavour::Bfd, "a.o -plugin-opt=-fresolution=r", "exotic_output");
    refused(Flavour::Lld, "a.o -plugin-opt=mcpu=native", "native_tuning");
}

/// The option that keeps the step at home, whether only where it was rewritten, and whether in portable mode too.
#[track_caller]
fn placed(flavour: Flavour, args: &str, expected: Option<(&str, bool, bool)>) {
    let found = ld(flavour, args).placed_locally;
    let found = found
        .as_ref()
        .map(|row| (row.option.as_str(), row.only_if_rewritten, row.also_portable));
    assert_eq!(found, expected, "{flavour:?} {args}");
}

#[test]
fn some_words_keep_the_step_at_home() {
    placed(
        Flavour::Lld,
        "a.o --thinlto-cache-dir=c",
        Some(("--thinlto-cache-dir", false, true)),
    );
    placed(
        Flavour::Lld,
        "a.o -plugin-opt=cache-dir=c",
        Some(("-plugin-opt=cache-dir=c", false, true)),
    );
    placed(Flavour::Bfd, "-b binary /h/x", Some(("/h/x", true, true)));
    placed(Flavour::Bfd, "-b binary x", None);
    for flavour in [Flavour::Gold, Flavour::Lld, Flavour::Mold] {
        let args = "-shared a.o -o /h/l.so --version-script=v";
        placed(flavour, args, Some(("-o /h/l.so", true, false)));
        placed(flavour, &format!("{args} -soname=l"), None);
        placed(flavour, "-shared a.o -o l.so --version-script=v", None);
    }
    placed(Flavour::Bfd, "-shared a.o -o /h/l.so --version-script=v", None);
    placed(
        Flavour::Gold,
        "-shared a.o -o /h/l.so",
        Some(("-o /h/l.so", true, false)),
    );
    placed(Flavour::Lld, "-shared a.o -o /h/l.so", None);
}

#[test]
fn response_files_are_read_as_the_linker_reads_them() {
    let files: Files<'_> = &[("r", "a.o @n"), ("n", "'b c.o'\n-lm"), ("plain", "a.o\n-lm")];
    for flavour in [Flavour::Bfd, Flavour::Gold, Flavour::Lld] {
        let command = parse_ld(flavour, &words("-o p @r"), &mut read(files)).expect("a command");
        assert_eq!(texts(&command), "-o p a.o b c.o -lm", "{flavour:?}");
        assert_eq!(command.response_files, ["r", "n"], "{flavour:?}");
    }
    let code = |args: &str| {
        let found = parse_ld(Flavour::Mold, &words(args), &mut read(files));
        found.map(|command| texts(&command)).map_err(|reason| reason.code())
    };
    assert_eq!(code("@r"), Err("response_file_text"));
    assert_eq!(code("@plain"), Ok("a.o -lm".to_owned()));
}
