//! Where actions may run, and which steps have none.

use super::*;

#[test]
fn an_action_placed_locally_holds_the_users_words_and_directory() {
    let step = compile("/h/p/src/a.c").option("-flto");
    let built = step.build();
    assert_eq!(built.command.arguments, ["/usr/bin/cc", "-c", "/h/p/src/a.c", "-flto"]);
    assert!(variables(&built).contains(&"PWD=/h/p/build".to_owned()));
    assert_eq!(code(&built), "gcc_lto");
    assert_eq!(built.paths, PathMap::identity());
    assert_eq!((built.local_run.args, built.local_run.storable), (None, true));
    // In portable mode a worker's result differs from what runs here, which has an action of its own.
    let portable = step.portable();
    let built = portable.build();
    assert_eq!(
        (code(&built), built.local_run.storable, built.local_run.args),
        ("anywhere", false, None)
    );
    let at_home = build_at_home(&portable.request()).expect("an action");
    assert_eq!(code(&at_home), "asked");
    assert_ne!(at_home.digest, built.digest);
}

#[test]
fn steps_are_placed_locally_for_a_reason() {
    #[track_caller]
    fn check(step: impl std::borrow::Borrow<Step>, expected: &str) {
        assert_eq!(code(&step.borrow().build()), expected);
    }
    let base = || compile("/h/p/src/a.c");
    let dir = |spelled| base().arg("-I", spelled, Role::SearchDir(Chain::Angled));
    check(base(), "anywhere");
    check(base().option("-fplugin-arg-x=/h/p/x"), "root_in_option");
    check(dir("../../_rw/x"), "reserved_name");
    check(dir("../.."), "path_leaves_root");
    check(dir("/h/./p/inc"), "other_spelling");
    check(dir("/h"), "above_root");
    check(dir("/usr/include"), "anywhere");
    check(dir("=/inc"), "anywhere");
    check(dir("=/h/p/inc"), "root_in_option");
    check(base().output("/tmp/a.o"), "output_outside");
    check(base().output("../src/a.c"), "output_is_input");
    let native = Role::Native(Native::Asked);
    check(base().arg("-march=", "native", native), "native_processor");
    let known = base().arg("-march=", "native", native);
    check(
        known.arg("-march=", "x", Role::Native(Native::Known)),
        "native_processor",
    );
    let resolved = base().arg("-march=", "native", native);
    let resolved = resolved.arg("-march=", "x", Role::Native(Native::Resolved));
    check(resolved.option("-g"), "gcc_native_recorded");
    let mut step = dir("/link/inc");
    step.real_dirs.insert("/link/inc".to_owned(), "/h/p/inc".into());
    check(step, "other_spelling");
    let mut step = base();
    step.environment.push(("COMPILER_PATH".to_owned(), "/x".to_owned()));
    check(step, "environment");
    let mut step = base();
    step.absolute_include = Some("/h/p/x.h".into());
    check(step, "absolute_include");
    let mut step = base();
    step.inputs.entries.extend([entry("src/all.h.gch")]);
    check(step, "precompiled_header");
    let mut step = base();
    step.toolchain.version = (9, 0, 0);
    check(step, "untried_compiler");
    let mut step = compile("/h/p=q/src/a.c");
    step.place = place("/h/p=q");
    check(step, "equals_sign");
    let mut step = base().output("lnk/a.o");
    let link = Entry::Symlink {
        target: "out".to_owned(),
    };
    step.inputs
        .entries
        .insert(ExecPath::new("build/lnk").expect("path"), link);
    check(step, "output_through_link");
    let mut step = base();
    step.command.depfile = Some(Depfile {
        path: "a.o".to_owned(),
        user_headers_only: false,
    });
    check(step, "outputs_collide");
    check(base().option(&"x".repeat(200_000)), "long_command_line");
}

#[test]
fn an_outside_input_or_a_presentation_closes_only_the_way_to_a_worker() {
    let mut step = compile("/h/p/src/a.c").portable();
    let mut file = OutsideFile {
        path: "/opt/x.h".into(),
        digest: Digest::of(b"x"),
        on_worker: true,
    };
    step.inputs.outside.push(file.clone());
    let sent = step.build();
    file.on_worker = false;
    step.inputs.outside[0] = file;
    let kept = step.build();
    assert_eq!((code(&sent), code(&kept)), ("anywhere", "outside_input"));
    assert_eq!(sent.digest, kept.digest);
    assert!(kept.local_run.storable);

    step.inputs.outside.clear();
    let mut clang = with_clang(compile("a.c"), 14);
    clang.inputs.entries.extend([entry("src/all.pch")]);
    assert_eq!(code(&clang.build()), "precompiled_header");
    let made = clang.build().digest;
    clang.inputs.times.insert("/home/u/proj/src/h.h".to_owned(), 1);
    assert_ne!(clang.build().digest, made, "its times are part of the key");
    step.presentation.width = Some(80);
    assert_eq!(code(&step.build()), "presentation");
    step.presentation = Presentation {
        locale: Locale::Other("de_DE.UTF-8".to_owned()),
        ..Presentation::default()
    };
    assert_eq!(code(&step.build()), "presentation");
}

#[test]
fn what_no_key_holds_has_no_action() {
    #[track_caller]
    fn check(step: &Step, expected: &str) {
        assert_eq!(
            build(&step.request()).map_err(|reason| reason.code()).err(),
            Some(expected)
        );
        assert_eq!(
            build_at_home(&step.request()).map_err(|reason| reason.code()).err(),
            Some(expected)
        );
    }
    check(&compile("a.c").option("-v"), "unstable_text");
    check(
        &compile("a.c").option("-fdiagnostics-format=sarif-stderr"),
        "unstable_text",
    );
    let mut step = compile("a.c");
    step.inputs.once_alias = Some(("a.h".into(), "b.h".into()));
    check(&step, "once_alias");
    let mut step = compile("a.c");
    step.inputs.entries.extend([entry("src")]);
    check(&step, "contradicting_inputs");
}

#[test]
fn dates_need_a_compiler_that_obeys_the_epoch() {
    for (major, family, epoch, date_time, timestamp) in [
        (12, Family::Gcc, false, false, false),
        (12, Family::Gcc, true, true, false),
        (14, Family::Clang, true, false, false),
        (19, Family::Clang, false, false, false),
        (19, Family::Clang, true, true, true),
    ] {
        let mut step = compile("a.c");
        if family == Family::Clang {
            step = with_clang(step, major);
        }
        if epoch {
            step.environment.push(("SOURCE_DATE_EPOCH".to_owned(), "1".to_owned()));
        }
        step.time.date_time = true;
        assert_eq!(build(&step.request()).is_ok(), date_time, "{family:?} {major} {epoch}");
        step.time = TimeUse {
            date_time: false,
            timestamp: true,
        };
        assert_eq!(build(&step.request()).is_ok(), timestamp, "{family:?} {major} {epoch}");
    }
}

#[test]
fn a_depfile_is_added_only_where_it_changes_nothing() {
    let takes = |step: Step| step.build().local_run.extra_depfile;
    assert!(takes(compile("a.c")));
    let mut asked = compile("a.c");
    asked.command.args.push(Arg {
        role: Role::DepFlag,
        ..plain("-MMD")
    });
    assert!(!takes(asked));
    let mut assembler = compile("a.s");
    assembler.command.language = Language::Assembler;
    assert!(!takes(assembler));
    assert!(!takes(with_clang(compile("a.c"), 19).option("-frecord-command-line")));
}
