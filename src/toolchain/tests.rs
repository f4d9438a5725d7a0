//! Real compilers, asked.

use super::*;
use crate::command::{Arg, CompileCommand, Form, Language, Role, Stage};
use crate::host::fs::PathContext;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Reads the disk; what lies in `/usr` is hashed once for all tests.
pub(crate) struct Disk;

static INSTALLED: Mutex<BTreeMap<PathBuf, Digest>> = Mutex::new(BTreeMap::new());

impl FileDigests for Disk {
    fn digest(&self, path: &Path) -> Result<Digest, PathError> {
        if !path.starts_with("/usr") {
            return Ok(Digest::of(&self.bytes(path)?));
        }
        let mut installed = INSTALLED.lock().expect("lock");
        if let Some(digest) = installed.get(path) {
            return Ok(*digest);
        }
        let digest = Digest::of(&self.bytes(path)?);
        installed.insert(path.to_owned(), digest);
        Ok(digest)
    }

    fn bytes(&self, path: &Path) -> Result<Bytes, PathError> {
        Ok(fs::read(path).at("read", path)?.into())
    }
}

/// Runs the compiler, and counts.
#[derive(Default)]
pub(crate) struct Run {
    asked: AtomicUsize,
}

impl Ask for Run {
    fn ask(&self, question: &Question<'_>) -> Result<Answer, PathError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let output = Command::new(question.program)
            .arg0(question.invoked_as)
            .args(question.args)
            .current_dir(question.cwd)
            .env_clear()
            .envs(question.env.iter())
            .stdin(Stdio::null())
            .output()
            .at("run", question.program)?;
        Ok(Answer {
            success: output.status.success(),
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }
}

#[derive(Default)]
struct Kept(Mutex<HashMap<Digest, Vec<u8>>>);

impl Keep for Kept {
    fn get(&self, key: &Digest) -> Option<Vec<u8>> {
        self.0.lock().expect("lock").get(key).cloned()
    }

    fn put(&self, key: &Digest, value: &[u8]) {
        self.0.lock().expect("lock").insert(*key, value.to_owned());
    }
}

fn environment() -> Environment {
    [(OsString::from("PATH"), OsString::from("/usr/bin:/bin"))]
        .into_iter()
        .collect()
}

fn command(language: Language, flags: &[&str]) -> CompileCommand {
    let plain = |flag: &&str| Arg {
        name: (*flag).to_owned(),
        value: None,
        form: Form::Alone,
        role: Role::Plain,
        tail: String::new(),
    };
    CompileCommand {
        family: Family::Gcc,
        stage: Stage::Object,
        language,
        args: flags.iter().map(plain).collect(),
        source: "a".to_owned(),
        output: "a.o".to_owned(),
        secondary: vec![],
        depfile: None,
        response_files: vec![],
    }
}

fn toolchains(keep: &Arc<Kept>) -> (Arc<Run>, Toolchains) {
    let run = Arc::new(Run::default());
    let keep: Arc<dyn Keep> = Arc::clone(keep) as _;
    (Arc::clone(&run), Toolchains::new(run, Arc::new(Disk), keep))
}

fn names(toolchain: &Toolchain) -> Vec<&str> {
    let names = toolchain
        .files
        .iter()
        .map(|file| file.path.file_name().and_then(OsStr::to_str));
    names.map(Option::unwrap_or_default).collect()
}

#[test]
fn a_driver_says_who_it_is() {
    let (_, toolchains) = toolchains(&Arc::default());
    let check = |name: &str, family: Family, major: u32, cxx: bool| {
        let driver = Path::new("/usr/bin").join(name);
        let found = toolchains
            .identify(&driver, OsStr::new(name), &environment())
            .expect(name);
        assert_eq!(
            (found.family, found.version.0, found.cxx),
            (family, major, cxx),
            "{name}"
        );
        assert!(found.target.starts_with("x86_64-"), "{}", found.target);
    };
    check("gcc", Family::Gcc, 12, false);
    check("g++", Family::Gcc, 12, true);
    check("cc", Family::Gcc, 12, false);
    check("clang", Family::Clang, 14, false);
    check("clang++", Family::Clang, 14, true);
    check("clang-19", Family::Clang, 19, false);
}

#[test]
fn what_is_no_compiler_is_refused() {
    let (_, toolchains) = toolchains(&Arc::default());
    for program in ["/bin/true", "/bin/false"] {
        let failure = toolchains.identify(Path::new(program), OsStr::new("cc"), &environment());
        assert!(failure.is_err(), "{program}");
    }
}

#[test]
fn a_script_is_the_compiler_behind_it() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let script = dir.path().join("my-compiler");
    fs::write(&script, "#!/bin/sh\nexec /usr/bin/clang \"$@\"\n").expect("script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("mode");
    let (_, toolchains) = toolchains(&Arc::default());
    let identity = toolchains
        .identify(&script, script.as_os_str(), &environment())
        .expect("clang");
    assert_eq!((identity.family, identity.version.0), (Family::Clang, 14));
    let step = command(Language::C, &[]);
    let (toolchain, _) = toolchains
        .toolchain(&identity, &step, Path::new("/"), &environment())
        .expect("facts");
    let names = names(&toolchain);
    for part in ["my-compiler", "dash", "clang"] {
        assert!(names.contains(&part), "{part} in {names:?}");
    }
}

#[test]
fn a_toolchain_is_all_of_its_files() {
    let (_, toolchains) = toolchains(&Arc::default());
    let check = |driver: &str, language: Language, parts: &[&str]| {
        let driver = Path::new(driver);
        let identity = toolchains
            .identify(driver, driver.as_os_str(), &environment())
            .expect("identity");
        let step = command(language, &["-O2"]);
        let (found, _) = toolchains
            .toolchain(&identity, &step, Path::new("/"), &environment())
            .expect("facts");
        let names = names(&found);
        for part in parts {
            assert!(names.iter().any(|name| name.starts_with(part)), "{part} in {names:?}");
        }
        assert!(
            found.include_dirs.iter().any(|dir| dir == Path::new("/usr/include")),
            "{found:?}"
        );
        assert!(found.files.is_sorted());
    };
    let gcc = [
        "x86_64-linux-gnu-as",
        "collect2",
        "lto-wrapper",
        "liblto_plugin.so",
        "libbfd-",
        "libc.so.6",
    ];
    check("/usr/bin/gcc", Language::C, &gcc);
    check(
        "/usr/bin/gcc",
        Language::C,
        &["cc1", "libisl.so", "x86_64-linux-gnu-ld"],
    );
    check("/usr/bin/g++", Language::Cxx, &["cc1plus", "x86_64-linux-gnu-g++-12"]);
    let clang = [
        "clang",
        "libclang-cpp.so",
        "libLLVM-14.so",
        "crtbegin.o",
        "ld-linux-x86-64.so.2",
    ];
    check("/usr/bin/clang", Language::Cxx, &clang);
    check(
        "/usr/bin/clang-19",
        Language::C,
        &["libLLVM.so.19", "libclang-cpp.so.19"],
    );
}

#[test]
fn a_ground_stands_until_another_program_would_be_taken() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (first, assembler) = (dir.path().join("first"), dir.path().join("bin/as"));
    fs::create_dir(&first).expect("directory");
    fs::create_dir(dir.path().join("bin")).expect("directory");
    let link = |target: &Path| {
        fs::remove_file(&assembler).ok();
        std::os::unix::fs::symlink(target, &assembler).expect("link");
    };
    let another = dir.path().join("another-as");
    fs::copy("/usr/bin/as", &another).expect("assembler");
    link(Path::new("/usr/bin/as"));
    let path = std::env::join_paths([&first, &dir.path().join("bin"), Path::new("/usr/bin")]).expect("PATH");
    let env: Environment = [(OsString::from("PATH"), path)].into_iter().collect();

    let keep = Arc::<Kept>::default();
    let gcc = Path::new("/usr/bin/gcc");
    let ground = |toolchains: &Toolchains| {
        let identity = toolchains.identify(gcc, gcc.as_os_str(), &env).expect("identity");
        let step = command(Language::C, &[]);
        let known = toolchains.toolchain(&identity, &step, Path::new("/"), &env);
        known.expect("facts").1
    };
    let (run, before) = toolchains(&keep);
    let with_link = ground(&before);
    let asked = run.asked.load(Ordering::Relaxed);
    assert!(before.still_stands(&with_link));
    // Also for the next daemon.
    assert!(toolchains(&keep).1.still_stands(&with_link));

    link(&another);
    assert!(!before.still_stands(&with_link), "the link leads elsewhere");
    assert_eq!(run.asked.load(Ordering::Relaxed), asked, "nobody was asked");
    // What another step has learned since is another answer.
    let with_another = ground(&before);
    assert!(before.still_stands(&with_another) && !before.still_stands(&with_link));
    link(Path::new("/usr/bin/as"));
    assert_eq!(ground(&before), with_link);

    fs::copy("/usr/bin/as", first.join("as")).expect("assembler");
    assert!(!before.still_stands(&with_link), "another one comes first on PATH");
}

#[test]
fn facts_differ_where_flags_matter_and_are_learned_once() {
    let keep = Arc::<Kept>::default();
    let (run, first) = toolchains(&keep);
    let gcc = Path::new("/usr/bin/gcc");
    let facts = |toolchains: &Toolchains, flags: &[&str]| {
        let identity = toolchains
            .identify(gcc, OsStr::new("gcc"), &environment())
            .expect("identity");
        let step = command(Language::C, flags);
        toolchains
            .toolchain(&identity, &step, Path::new("/"), &environment())
            .expect("facts")
            .0
            .facts
    };
    let plain = facts(&first, &["-O0"]);
    assert_ne!(plain, facts(&first, &["-O2"]), "-O2 defines __OPTIMIZE__");
    let asked = run.asked.load(Ordering::Relaxed);
    assert_eq!(plain, facts(&first, &["-O0", "-Wall", "-g"]));
    assert_eq!(run.asked.load(Ordering::Relaxed), asked, "the same question");
    // Another daemon.
    let (run, second) = toolchains(&keep);
    assert_eq!(plain, facts(&second, &["-O0"]));
    assert_eq!(run.asked.load(Ordering::Relaxed), 0, "kept");
}

#[test]
fn a_tool_is_what_its_resolver_named_and_what_that_loads() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let at = |name: &str| dir.path().join(name);
    for name in ["plugins", "first", "lib"] {
        fs::create_dir(at(name)).expect("directory");
    }
    fs::write(at("lib/script.x"), "").expect("file");
    let path = std::env::join_paths([&at("first"), Path::new("/usr/bin")]).expect("PATH");
    let env: Environment = [(OsString::from("PATH"), path)].into_iter().collect();
    let keep = Arc::<Kept>::default();
    let (run, toolchains) = toolchains(&keep);
    let learn = || {
        let subject = ToolSubject {
            driver: Path::new("/usr/bin/ar"),
            invoked_as: OsStr::new("ar"),
            family: Family::Gcc,
            version: (2, 40, 0),
            target: "",
            programs: &[PathBuf::from("/usr/bin/ld")],
            plain: &[at("lib/script.x"), at("absent.x")],
            directories: &[at("plugins")],
            names: &[at("looked-for")],
            facts: b"deterministic",
            env: &env,
        };
        toolchains.tool(&subject).expect("toolchain")
    };
    let (tool, ground) = learn();
    let names = names(&tool);
    for part in [
        "x86_64-linux-gnu-ar",
        "x86_64-linux-gnu-ld.bfd",
        "libbfd-",
        "libc.so.6",
        "script.x",
    ] {
        assert!(names.iter().any(|name| name.starts_with(part)), "{part} in {names:?}");
    }
    assert_eq!(
        (run.asked.load(Ordering::Relaxed), tool.facts),
        (0, Digest::of(b"deterministic"))
    );
    for (what, name) in [
        ("a plugin", "plugins/new.so"),
        ("a preferred program", "first/ld"),
        ("a name", "looked-for"),
        ("a file", "absent.x"),
    ] {
        assert!(toolchains.still_stands(&ground) && learn().1 == ground, "before {what}");
        let stamp = fs::metadata(at("plugins"))
            .expect("directory")
            .modified()
            .expect("time");
        fs::write(at(name), "").expect("file");
        assert!(!toolchains.still_stands(&ground), "{what}");
        fs::remove_file(at(name)).expect("file");
        fs::File::open(at("plugins"))
            .and_then(|dir| dir.set_modified(stamp))
            .expect("time");
    }
}
