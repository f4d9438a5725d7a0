//! Actions of literal commands, without files and tools.

use super::*;
use crate::action::{Locale, OutputFormat, OutputKind};
use crate::command::link::Flavour;
use crate::command::{Family, Piece, PieceRole, ToolKind, ToolOutput, Unrelocatable, Word};
use crate::digest::Digest;
use crate::exec_path::ExecPath;
use crate::inputs::Entry;
use crate::toolchain::ToolFile;
use std::path::Path;

/// A step that a test changes before it builds the action.
struct Step {
    command: ToolCommand,
    traits: Option<LinkTraits>,
    toolchain: Toolchain,
    inputs: InputSet,
    paths: PathsMode,
    presentation: Presentation,
    environment: Vec<(String, String)>,
    root: &'static str,
}

impl Step {
    fn request<T>(&self, ask: impl FnOnce(&ToolRequest<'_>) -> T) -> T {
        let root = Path::new(self.root);
        ask(&ToolRequest {
            command: &self.command,
            traits: self.traits.as_ref(),
            toolchain: &self.toolchain,
            inputs: &self.inputs,
            place: &Place::new(root, &root.join("build")).expect("place"),
            paths: self.paths,
            presentation: &self.presentation,
            environment: &self.environment,
            platform: &[],
            invoked_as: "/usr/bin/cc",
            real_dirs: &BTreeMap::new(),
        })
    }

    fn build(&self) -> BuiltAction {
        self.request(build_tool).expect("an action")
    }

    fn word(mut self, pieces: &[(&str, PieceRole)]) -> Self {
        let piece = |(text, role): &(&str, PieceRole)| Piece {
            text: (*text).to_owned(),
            role: *role,
        };
        self.command.words.push(Word {
            pieces: pieces.iter().map(piece).collect(),
        });
        self
    }

    fn plain(self, word: &str) -> Self {
        self.word(&[(word, PieceRole::Plain)])
    }

    fn output(mut self, path: &str) -> Self {
        path.clone_into(&mut self.command.outputs.last_mut().expect("an output").path);
        self.plain("-o").word(&[(path, PieceRole::Output)])
    }

    fn traits(mut self, change: impl FnOnce(&mut LinkTraits)) -> Self {
        change(self.traits.as_mut().expect("a link"));
        self
    }

    fn lto(self, driver: Option<Family>, flavour: Flavour) -> Self {
        self.traits(|traits| {
            traits.lto = true;
            traits.driver = driver;
            traits.flavour = flavour;
        })
    }

    fn portable(mut self) -> Self {
        self.paths = PathsMode::Portable;
        self
    }
}

fn output(path: &str) -> ToolOutput {
    ToolOutput {
        path: path.to_owned(),
        mode: 0o777,
        in_place: false,
        optional: false,
        text: ToolText::None,
        updates: false,
    }
}

/// `gcc <word>` in `/h/p/build`, with GNU ld.
fn link(input: &str) -> Step {
    Step {
        command: ToolCommand {
            kind: ToolKind::Link,
            words: vec![Word::of(input, PieceRole::Input)],
            outputs: vec![output("a.out")],
            removes_on_failure: true,
            response_files: Vec::new(),
            placed_locally: None,
        },
        traits: Some(LinkTraits {
            flavour: Flavour::Bfd,
            driver: Some(Family::Gcc),
            rpath: Vec::new(),
            lto: false,
            without_soname: Vec::new(),
            named_in_text: Vec::new(),
        }),
        toolchain: Toolchain {
            driver: "/usr/bin/cc".into(),
            driver_real: "/usr/bin/gcc-12".into(),
            family: Family::Gcc,
            version: (12, 2, 0),
            target: "x86_64-linux-gnu".to_owned(),
            files: Vec::new(),
            facts: Digest::empty(),
            include_dirs: Vec::new(),
            library_path_matters: false,
        },
        inputs: InputSet {
            entries: [entry("a.o"), entry("build/libx.a")].into(),
            ..InputSet::default()
        },
        paths: PathsMode::Exact,
        presentation: Presentation::default(),
        environment: Vec::new(),
        root: "/h/p",
    }
}

/// `ar r <archive> ../a.o`
fn archive(path: &str) -> Step {
    let mut step = link("../a.o");
    step.command.kind = ToolKind::Archive;
    step.command.words = vec![
        Word::of("rcs", PieceRole::Plain),
        Word::of(path, PieceRole::Output),
        Word::of("../a.o", PieceRole::Input),
    ];
    step.command.outputs = vec![ToolOutput {
        mode: 0o666,
        ..output(path)
    }];
    step.traits = None;
    step
}

fn entry(path: &str) -> (ExecPath, Entry) {
    let file = Entry::File {
        digest: Digest::of(path.as_bytes()),
        host: Path::new("/host").join(path),
    };
    (ExecPath::new(path).expect("path"), file)
}

#[track_caller]
fn code(step: &Step) -> &'static str {
    match step.build().placement {
        Placement::Anywhere => "anywhere",
        Placement::Here(reason) => {
            assert!(!reason.sentence().ends_with('.'));
            reason.code()
        }
    }
}

fn variables(built: &BuiltAction) -> Vec<String> {
    let all = &built.command.environment_variables;
    all.iter()
        .map(|variable| format!("{}={}", variable.name, variable.value))
        .collect()
}

#[test]
fn each_piece_that_is_a_path_goes_through_the_relocated_root() {
    use PieceRole::{Input, Output, Plain, Recorded, SearchDir, ToolDir};
    let step = link("/h/p/a.o")
        .word(&[("-L", Plain), ("/h/p//lib/", SearchDir)])
        .word(&[("-L", Plain), ("=/lib", SearchDir)])
        .word(&[
            ("-Wl,-rpath,", Plain),
            ("/h/p/lib", Recorded),
            (",-Map=", Plain),
            ("/h/p/m", Output),
        ])
        .word(&[("-B", Plain), ("/h/p/tools", ToolDir)])
        .word(&[("../x.o", Input)])
        .word(&[("/usr/lib/crt.o", Input)])
        .output("/h/p/bin/a.out");
    let built = step.build();
    let expected = [
        "/usr/bin/cc",
        "../../_rw/a.o",
        "-L../../_rw//lib/",
        "-L=/lib",
        "-Wl,-rpath,/h/p/lib,-Map=../../_rw/m",
        "-B../../_rw/tools",
        "../x.o",
        "/usr/lib/crt.o",
        "-o",
        "../../_rw/bin/a.out",
    ];
    assert_eq!(built.command.arguments, expected);
    assert_eq!(built.command.output_paths, ["../bin/a.out"]);
    assert_eq!((built.local_run.args, built.local_run.storable), (None, true));
    assert!(!built.local_run.extra_depfile);
    assert_eq!(built.outputs[0].mode, 0o777);
}

#[test]
fn two_checkouts_have_one_action_unless_a_recorded_word_names_them() {
    let mut elsewhere = link("/other/home/a.o");
    elsewhere.root = "/other/home";
    assert_eq!(link("/h/p/a.o").build().digest, elsewhere.build().digest);
    let rpath = |step: Step, dir: &str| step.word(&[("-Wl,-rpath,", PieceRole::Plain), (dir, PieceRole::Recorded)]);
    let one = rpath(link("/h/p/a.o"), "/h/p/lib").build();
    assert_ne!(one.digest, rpath(elsewhere, "/other/home/lib").build().digest);
    assert_eq!(one.placement, Placement::Anywhere);
}

#[test]
fn gnu_ld_finds_what_it_searched_along_run_paths() {
    #[track_caller]
    fn check(step: Step, rpath: &[&str], expected: &[&str]) {
        let step = step.traits(|traits| traits.rpath = rpath.iter().map(|entry| (*entry).to_owned()).collect());
        assert_eq!(step.build().command.arguments[2..], *expected, "{rpath:?}");
    }
    let dir = "../../_rw/lib";
    check(
        link("a.o"),
        &["/h/p/lib"],
        &["-Xlinker", "-rpath-link", "-Xlinker", dir],
    );
    let itself = || link("a.o").traits(|traits| traits.driver = None);
    check(itself(), &["/h/p/lib"], &["-rpath-link", dir]);
    // The order in which directories are searched stays.
    check(
        itself(),
        &["$ORIGIN/../../../lib:/h/p/lib", "/usr/lib"],
        &[
            "-rpath-link",
            "$ORIGIN/../../../lib",
            "-rpath-link",
            dir,
            "-rpath-link",
            "/usr/lib",
        ],
    );
    check(itself(), &["$ORIGIN", "/usr/lib", "rel"], &[]);
    check(
        itself().traits(|traits| traits.flavour = Flavour::Mold),
        &["/h/p/lib"],
        &[],
    );
}

#[test]
fn gccs_link_time_optimisation_gets_maps_of_the_cwd() {
    let lto = || link("a.o").lto(Some(Family::Gcc), Flavour::Gold);
    let built = lto().build();
    let sandboxed = format!("-fdebug-prefix-map=/{}/_rw/build=", super::super::place::FILLER);
    let maps = [
        format!("{sandboxed}/h/p/build"),
        "-fdebug-prefix-map=/proc/self/cwd=/h/p/build".to_owned(),
    ];
    assert_eq!(built.command.arguments[2..], maps);
    assert!(built.local_run.storable);
    let built = lto().portable().build();
    assert_eq!(
        built.command.arguments[3],
        "-fdebug-prefix-map=/proc/self/cwd=/_rw/build"
    );
    assert!(!built.local_run.storable, "the user's command names his own directory");
    let at_home = lto().portable().request(build_tool_at_home).expect("an action");
    assert_eq!(at_home.command.arguments[1..], ["a.o"]);
    let clang = link("a.o").lto(Some(Family::Clang), Flavour::Lld);
    assert_eq!(clang.build().command.arguments.len(), 2);
    let mut step = lto();
    step.root = "/h/p=q";
    assert_eq!(code(&step), "equals_sign");
}

#[test]
fn the_environment_is_what_the_tool_looks_at() {
    let set = |mut step: Step| {
        step.environment = ["LIBRARY_PATH", "LD_LIBRARY_PATH", "LD_RUN_PATH", "GNUTARGET"]
            .map(|name| (name.to_owned(), "/h/p/lib:/usr/lib".to_owned()))
            .into();
        step
    };
    let check = |step: Step, expected: &[&str]| {
        let all = variables(&step.build());
        let fixed = [
            "LC_ALL=C.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ];
        assert!(fixed.iter().all(|variable| all.iter().any(|other| other == variable)));
        let rest: Vec<_> = all
            .iter()
            .filter(|variable| !fixed.contains(&variable.as_str()))
            .collect();
        assert_eq!(rest, expected);
    };
    let pwd = "PWD=/proc/self/cwd";
    let run_path = "LD_RUN_PATH=/h/p/lib:/usr/lib";
    let target = "GNUTARGET=/h/p/lib:/usr/lib";
    let searched = "LD_LIBRARY_PATH=../../_rw/lib:/usr/lib";
    let library = "LIBRARY_PATH=../../_rw/lib:/usr/lib";
    check(set(link("a.o")), &[target, searched, run_path, library, pwd]);
    check(
        set(link("a.o").traits(|traits| traits.flavour = Flavour::Lld)),
        &[target, run_path, library, pwd],
    );
    check(
        set(link("a.o").traits(|traits| traits.driver = None)),
        &[target, searched, run_path, pwd],
    );
    check(set(archive("new.a")), &[target]);
    let mut step = set(link("a.o").traits(|traits| traits.flavour = Flavour::Lld));
    step.toolchain.library_path_matters = true;
    assert_eq!(code(&step), "environment");
    let at_home = step.build();
    assert!(variables(&at_home).contains(&"PWD=/h/p/build".to_owned()));
    assert!(variables(&at_home).contains(&"LD_LIBRARY_PATH=/h/p/lib:/usr/lib".to_owned()));
}

#[track_caller]
fn check(step: impl std::borrow::Borrow<Step>, expected: &str) {
    assert_eq!(code(step.borrow()), expected);
}

#[test]
fn steps_are_placed_locally_for_their_words() {
    use PieceRole::{Input, Plain, SearchDir};
    let base = || link("/h/p/a.o");
    check(base(), "anywhere");
    check(base().plain("-Wl,-z,x=/h/p/x"), "root_in_option");
    check(
        base().word(&[("-L", Plain), ("=/h/p/lib", SearchDir)]),
        "root_in_option",
    );
    check(base().word(&[("../../_rw/x.o", Input)]), "reserved_name");
    check(base().word(&[("../../x.o", Input)]), "path_leaves_root");
    check(base().word(&[("/h/./p/x.o", Input)]), "other_spelling");
    check(base().word(&[("-L", Plain), ("/h", SearchDir)]), "above_root");
    check(base().output("/tmp/a.out"), "output_outside");
    check(base().output("../a.o"), "output_is_input");
    let mut step = base();
    step.toolchain.files = vec![ToolFile {
        path: "/h/p/tools/ld".into(),
        digest: Digest::empty(),
    }];
    check(step, "tools_in_root");
    let mut step = base();
    step.traits = None;
    check(step, "untried_compiler");
}

#[test]
fn links_are_placed_locally_for_what_is_recorded_of_names() {
    use PieceRole::Input;
    let base = || link("/h/p/a.o");
    check(
        base().traits(|traits| traits.without_soname = vec!["/h/p/libx.so".into()]),
        "without_soname",
    );
    let unnamed = |step: Step| step.traits(|traits| traits.without_soname = vec!["libx.so".into(), "/usr/x.so".into()]);
    check(unnamed(base()), "without_soname");
    let own = base().word(&[("libx.so", Input)]).word(&[("/usr/x.so", Input)]);
    check(unnamed(own), "anywhere");
    check(unnamed(link("a.o")), "anywhere");
    let named = |text: &str, path: &str| {
        let pair = (PathBuf::from(text), PathBuf::from(path));
        base().traits(|traits| traits.named_in_text = vec![pair])
    };
    check(named("/usr/lib/libc.so", "/lib/libc.so.6"), "anywhere");
    check(named("/usr/lib/liby.so", "/h/p/liby.so.1"), "path_in_text");
    check(named("/h/p/thin.a", "/h/p/x.o"), "path_in_text");

    let gold = |output: &str| base().traits(|traits| traits.flavour = Flavour::Gold).output(output);
    check(gold("a.out"), "anywhere");
    check(gold("/h/p/a.out"), "output_name_recorded");
    check(base().output("/h/p/a.out"), "anywhere");
    for (soname, expected) in [
        ("-Wl,-soname,libx.so", "anywhere"),
        ("-Wl,--soname=libx.so", "anywhere"),
        ("-Wl,-shared,-h,libx.so", "anywhere"),
        ("-Wl,-soname=a,-soname=", "output_name_recorded"),
        ("-Wl,--hash-style=gnu", "output_name_recorded"),
    ] {
        check(gold("/h/p/a.out").plain(soname), expected);
    }
    check(
        gold("/h/p/a.out")
            .plain("-Xlinker")
            .plain("-soname")
            .plain("-Xlinker")
            .plain("x"),
        "anywhere",
    );
}

#[test]
fn link_time_optimisation_is_relocated_as_far_as_it_was_tried() {
    let base = || link("/h/p/a.o");
    let lto = |driver| base().lto(driver, Flavour::Bfd);
    check(lto(None), "lto_without_driver");
    check(base().lto(None, Flavour::Lld), "anywhere");
    for word in [
        "-r",
        "-fprofile-use=x",
        "--coverage",
        "-fdebug-prefix-map=a=b",
        "-gdwarf-4",
    ] {
        check(lto(Some(Family::Gcc)).plain(word), "lto_option");
        check(lto(Some(Family::Clang)).plain(word), "anywhere");
        check(base().plain(word), "anywhere");
    }
    let mut step = lto(Some(Family::Gcc));
    step.toolchain.version = (11, 0, 0);
    check(step, "untried_compiler");
}

#[test]
fn rows_of_the_command_count_where_they_are_said_to() {
    let row = |only_if_rewritten, also_portable| Unrelocatable {
        option: "-b".to_owned(),
        why: "names symbols by paths",
        only_if_rewritten,
        also_portable,
    };
    for (rewritten, only_if_rewritten, also_portable, exact, portable) in [
        (true, true, true, "tool_word", "tool_word"),
        (true, true, false, "tool_word", "anywhere"),
        (false, true, true, "anywhere", "anywhere"),
        (false, false, true, "tool_word", "tool_word"),
        (false, false, false, "tool_word", "anywhere"),
    ] {
        let mut step = link(if rewritten { "/h/p/a.o" } else { "a.o" });
        step.command.placed_locally = Some(row(only_if_rewritten, also_portable));
        assert_eq!(code(&step), exact);
        let step = step.portable();
        assert_eq!(code(&step), portable);
        let differs = (rewritten || !only_if_rewritten) && !also_portable;
        assert_eq!(step.build().local_run.storable, !differs);
    }
}

#[test]
fn files_that_nobody_declared_leave_a_step_without_an_action() {
    let lto = link("a.o")
        .lto(Some(Family::Clang), Flavour::Lld)
        .plain("-gsplit-dwarf");
    let reason = lto.request(build_tool).expect_err("no action");
    assert_eq!(reason.code(), "hidden_outputs");
    assert!(lto.request(build_tool_at_home).is_err());
    assert_eq!(code(&link("a.o").plain("-gsplit-dwarf")), "anywhere");
}

#[test]
fn an_archive_that_is_changed_where_it_lies_stays_here() {
    let updating = |path| {
        let mut step = archive(path);
        step.command.outputs[0].updates = true;
        step
    };
    let new = updating("/h/p/build/new.a");
    assert_eq!((code(&new), new.build().outputs[0].updates), ("anywhere", false));
    let step = updating("libx.a");
    let built = step.build();
    assert_eq!(code(&step), "updates_in_place");
    assert_eq!(built.command.output_paths, ["libx.a"]);
    assert!(built.outputs[0].updates);
    assert_eq!(built.paths, PathMap::identity());
    assert_eq!((built.local_run.args, built.local_run.storable), (None, true));
}

#[test]
fn texts_among_the_outputs_are_known_by_their_form() {
    let mut step = link("a.o");
    let text = |path: &str, text| ToolOutput {
        text,
        mode: 0o666,
        ..output(path)
    };
    step.command.outputs.splice(
        0..0,
        [
            text("d", ToolText::Depfile),
            text("m", ToolText::Map),
            text("t", ToolText::Paths),
        ],
    );
    assert!(speaks_in_outputs(&step.command));
    let built = step.build();
    let formats: Vec<_> = built
        .outputs
        .iter()
        .map(|output| (output.kind, output.format))
        .collect();
    assert_eq!(
        formats,
        [
            (OutputKind::Secondary, OutputFormat::Text),
            (OutputKind::Secondary, OutputFormat::LinkMap),
            (OutputKind::Secondary, OutputFormat::Text),
            (OutputKind::Primary, OutputFormat::Bytes),
        ]
    );
    step.root = "/h/my p";
    assert_eq!(code(&step), "escaped_root");
    step.root = "/h/p";
    step.presentation.locale = Locale::Other("de_DE.UTF-8".to_owned());
    let built = step.build();
    assert_eq!(
        built.paths,
        PathMap::identity(),
        "a map in another language is not relocated"
    );
    assert_eq!(code(&step), "presentation");
}

#[test]
fn colour_is_forced_where_the_user_would_see_it() {
    #[track_caller]
    fn check(mut step: Step, expected: &[&str]) {
        step.presentation.colour = true;
        let built = step.build();
        assert_eq!(built.command.arguments[2..], *expected);
        let local = built.local_run.args.map(|args| args[1..].to_vec());
        assert_eq!(local.as_deref().unwrap_or_default(), expected);
    }
    let linker = |flavour, driver| {
        link("a.o").traits(|traits| {
            traits.flavour = flavour;
            traits.driver = driver;
        })
    };
    let driver = "-fdiagnostics-color=always";
    let itself = "--color-diagnostics=always";
    check(linker(Flavour::Bfd, Some(Family::Gcc)), &[driver]);
    check(linker(Flavour::Lld, Some(Family::Gcc)), &[driver, "-Xlinker", itself]);
    check(linker(Flavour::Mold, None), &[itself]);
    check(linker(Flavour::Gold, None), &[]);
    let said = linker(Flavour::Lld, Some(Family::Clang)).plain("-fno-diagnostics-color");
    let mut step = said.plain("-Wl,--color-diagnostics=never");
    step.presentation.colour = true;
    assert_eq!(step.build().local_run.args, None);
}
