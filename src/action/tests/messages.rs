//! What stands in Command and Action.

use super::*;
use prost::Message as _;

#[test]
fn a_relative_command_needs_only_the_maps_of_the_cwd() {
    let built = compile("../src/a.c").build();
    let sandboxed = format!("-fdebug-prefix-map=/{}/_rw/build=/h/p/build", place::FILLER);
    let expected = [
        "/usr/bin/cc",
        "-c",
        "../src/a.c",
        &sandboxed,
        "-fdebug-prefix-map=/proc/self/cwd=/h/p/build",
    ];
    assert_eq!(built.command.arguments, expected);
    assert_eq!(built.command.working_directory, format!("{}/_rw/build", place::FILLER));
    assert_eq!(code(&built), "anywhere");
    assert_eq!((built.local_run.args, built.local_run.storable), (None, true));
}

#[test]
fn an_absolute_command_goes_through_the_relocated_root() {
    let built = with_clang(compile("/h/p/src/a.c"), 19)
        .arg("-I", "/h/p//inc/", Role::SearchDir(Chain::Angled))
        .arg("-D", "ROOT=/h/p", Role::Macro)
        .build();
    let expected = [
        "/usr/bin/cc",
        "-c",
        "../../_rw/src/a.c",
        "-I../../_rw//inc/",
        "-DROOT=/h/p",
        "-ffile-compilation-dir=/h/p/build",
        "-fdebug-prefix-map=../../_rw=/h/p",
        "-fmacro-prefix-map=../../_rw=/h/p",
        "-fno-file-reproducible",
    ];
    assert_eq!(built.command.arguments, expected);
}

#[test]
fn two_checkouts_have_one_portable_action() {
    let one = compile("/h/p/src/a.c").portable().build();
    let mut elsewhere = compile("/other/home/src/a.c").portable();
    elsewhere.place = place("/other/home");
    let two = elsewhere.build();
    assert_eq!(one.digest, two.digest);
    assert!(!one.command.arguments.iter().any(|word| word.contains("/h/p")));
    let exact = |step: Step| {
        Step {
            paths: PathsMode::Exact,
            ..step
        }
        .build()
        .digest
    };
    assert_ne!(exact(elsewhere), exact(compile("/h/p/src/a.c")));
    let local = one.local_run.args.expect("the user's command with maps");
    assert!(local.contains(&"-ffile-prefix-map=/h/p=/_rw".to_owned()), "{local:?}");
    assert!(local.contains(&"/h/p/src/a.c".to_owned()), "{local:?}");
}

#[test]
fn colour_and_the_ascii_locale_are_actions_of_their_own() {
    let base = compile("../src/a.c").build();
    let mut step = compile("../src/a.c");
    step.presentation.colour = true;
    step.presentation.locale = Locale::C;
    let built = step.build();
    assert_eq!(
        built.command.arguments.last().map(String::as_str),
        Some("-fdiagnostics-color=always")
    );
    assert!(variables(&built).contains(&"LC_ALL=C".to_owned()));
    assert_ne!(built.digest, base.digest);
    assert_eq!(
        built.local_run.args,
        Some(vec![
            "-c".into(),
            "../src/a.c".into(),
            "-fdiagnostics-color=always".into()
        ])
    );
    for said in [
        "-fdiagnostics-color=never",
        "-fno-diagnostics-color",
        "-fno-color-diagnostics",
    ] {
        let mut step = compile("../src/a.c").option(said);
        step.presentation.colour = true;
        let arguments = step.build().command.arguments;
        assert!(!arguments.contains(&"-fdiagnostics-color=always".to_owned()), "{said}");
    }
}

#[test]
fn options_come_before_the_end_of_options() {
    let mut step = compile("../src/a.c");
    step.command.args.insert(1, plain("--"));
    let arguments = step.build().command.arguments;
    assert_eq!(arguments[arguments.len() - 2..], ["--", "../src/a.c"]);
}

#[test]
fn the_environment_is_an_explicit_sorted_list() {
    let mut step = compile("../src/a.c");
    step.environment = vec![
        ("SOURCE_DATE_EPOCH".to_owned(), "1".to_owned()),
        ("CPATH".to_owned(), "/h/p/inc::/usr/include".to_owned()),
    ];
    let built = step.build();
    let expected = [
        "CPATH=../../_rw/inc::/usr/include",
        "LC_ALL=C.UTF-8",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PWD=/proc/self/cwd",
        "SOURCE_DATE_EPOCH=1",
    ];
    assert_eq!(variables(&built), expected);
    let mapped = built
        .command
        .arguments
        .iter()
        .any(|word| word == "-ffile-prefix-map=../../_rw=/h/p");
    assert!(mapped, "a rewritten variable needs the maps too");
}

#[test]
fn outputs_are_declared_relative_sorted_and_with_both_names() {
    let mut step = with_clang(compile("/h/p/src/a.c"), 14)
        .option("-gsplit-dwarf")
        .output("/h/p/out/x/a.o");
    step.command.secondary.push(SecondaryOutput {
        path: "/h/p/out/x/a.dwo".to_owned(),
        kind: SecondaryKind::SplitDwarf,
        optional: true,
    });
    step.command.depfile = Some(Depfile {
        path: "deps/a.d".to_owned(),
        user_headers_only: false,
    });
    let built = step.build().with_output_files();
    let declared: Vec<_> = built
        .outputs
        .iter()
        .map(|output| (output.action_path.as_str(), output.kind, output.optional))
        .collect();
    assert_eq!(
        declared,
        [
            ("../out/x/a.dwo", OutputKind::Secondary, true),
            ("deps/a.d", OutputKind::Depfile, false),
            ("../out/x/a.o", OutputKind::Primary, false),
        ]
    );
    assert_eq!(built.outputs[2].user_path, "/h/p/out/x/a.o");
    assert_eq!(
        built.command.output_paths,
        ["../out/x/a.dwo", "../out/x/a.o", "deps/a.d"]
    );
    #[expect(deprecated, reason = "asked for")]
    let legacy = &built.command.output_files;
    assert_eq!(*legacy, built.command.output_paths);
    let words = &built.command.arguments;
    assert!(
        words
            .windows(4)
            .any(|four| four == ["-Xclang", "-split-dwarf-file", "-Xclang", "/h/p/out/x/a.dwo"])
    );
    // The directories of all outputs are in the input root.
    let names: Vec<String> = built
        .tree
        .directories
        .iter()
        .map(|(_, bytes)| reapi::Directory::decode(bytes.as_ref()).expect("message"))
        .flat_map(|directory| directory.directories.into_iter().map(|node| node.name))
        .collect();
    for name in ["_rw", "build", "deps", "out", "src", "x"] {
        assert!(names.iter().any(|other| other == name), "{name}");
    }
}

#[test]
fn platform_properties_are_sorted_in_action_and_command() {
    let mut step = compile("../src/a.c");
    assert_eq!(step.build().action.platform, None);
    step.platform = vec![
        ("b".into(), "1".into()),
        ("a".into(), "2".into()),
        ("a".into(), "1".into()),
    ];
    let built = step.build();
    let platform = built.action.platform.expect("a platform");
    let properties: Vec<_> = platform
        .properties
        .iter()
        .map(|property| format!("{}={}", property.name, property.value))
        .collect();
    assert_eq!(properties, ["a=1", "a=2", "b=1"]);
    #[expect(deprecated, reason = "servers before API 2.2 read it")]
    let of_command = built.command.platform;
    assert_eq!(of_command, Some(platform));
}

#[test]
fn gcc_system_directories_have_the_name_that_gcc_records() {
    #[track_caller]
    fn check(spelled: &str, real: &str, expected: &str) {
        let mut step = compile("../src/a.c").arg("-isystem", spelled, Role::SearchDir(Chain::System));
        step.real_dirs.insert(spelled.to_owned(), real.into());
        assert_eq!(step.build().command.arguments[3], format!("-isystem{expected}"));
    }
    check("/h/p/third/../inc", "/h/p/inc", "../../_rw/inc");
    check("/h/p/inc", "/h/p/inc", "../../_rw/inc");
    check("/h/p/inc/", "/h/p/inc", "../../_rw/inc/");
    check("/h/p/inc//", "/h/p/inc", "../../_rw/inc");
    check("../inc", "/h/p/inc", "../inc");
    check("/h/p/link", "/h/p/a-longer-name", "../../_rw/link");
}

#[test]
fn an_action_holds_the_processor_that_native_options_stand_for() {
    let step = compile("a.c").arg("-march=", "native", Role::Native(Native::Asked));
    let resolved = step.arg("-march=", "x", Role::Native(Native::Resolved));
    let anywhere = resolved.build().command.arguments;
    assert!(anywhere.contains(&"-march=x".to_owned()), "{anywhere:?}");
    assert!(!anywhere.contains(&"-march=native".to_owned()), "{anywhere:?}");
    let at_home = build_at_home(&resolved.request()).expect("an action");
    // What a user who names this processor gets is another action.
    let arguments = at_home.command.arguments;
    assert!(arguments.contains(&"-march=native".to_owned()) && arguments.contains(&"-march=x".to_owned()));
    assert_eq!(at_home.local_run.args, None);
}
