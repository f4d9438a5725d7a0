//! Trees of sources in temporary directories, scanned and compiled by real compilers; the small stand-ins for the
//! machine that this takes.

use bytes::Bytes;
use rewrap::command::{Arg, Chain, CompileCommand, Depfile, Family, Form, Language, Role, Stage};
use rewrap::digest::Digest;
use rewrap::host::fs::{PathContext, PathError};
use rewrap::inputs::{Entry, InputSet, Places, collect};
use rewrap::object_tools::ObjectTools;
use rewrap::observation::{Names, Observation};
use rewrap::scan::{Found, Scan, ScanFailure, Scanner, Step};
use rewrap::toolchain::{Answer, Ask, Environment, FileDigests, Identity, Keep, Question, Toolchain, Toolchains};
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use tempfile::TempDir;

/// The three compilers that the truth is taken from.
pub(crate) const ALL: [&str; 3] = ["gcc", "clang", "clang-19"];

/// Reads the disk; what is installed is hashed once.
struct Disk(Mutex<HashMap<PathBuf, Digest>>);

impl FileDigests for Disk {
    fn digest(&self, path: &Path) -> Result<Digest, PathError> {
        if !path.starts_with("/usr") {
            return Ok(Digest::of(&self.bytes(path)?));
        }
        if let Some(digest) = self.0.lock().expect("lock").get(path) {
            return Ok(*digest);
        }
        let digest = Digest::of(&self.bytes(path)?);
        self.0.lock().expect("lock").insert(path.to_owned(), digest);
        Ok(digest)
    }

    fn bytes(&self, path: &Path) -> Result<Bytes, PathError> {
        Ok(fs::read(path).at("read", path)?.into())
    }
}

pub(crate) struct Run;

impl Ask for Run {
    fn ask(&self, question: &Question<'_>) -> Result<Answer, PathError> {
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

struct Forget;

impl Keep for Forget {
    fn get(&self, _: &Digest) -> Option<Vec<u8>> {
        None
    }

    fn put(&self, _: &Digest, _: &[u8]) {}
}

/// What asks compilers and reads files, for all tests.
pub(crate) struct Machine {
    pub(crate) toolchains: Toolchains,
    pub(crate) scanner: Scanner,
    pub(crate) object_tools: ObjectTools,
    disk: Arc<Disk>,
}

impl Machine {
    pub(crate) fn digests(&self) -> &dyn FileDigests {
        &*self.disk
    }
}

pub(crate) static MACHINE: LazyLock<Machine> = LazyLock::new(|| {
    let disk = Arc::new(Disk(Mutex::default()));
    Machine {
        toolchains: Toolchains::new(Arc::new(Run), Arc::clone(&disk) as _, Arc::new(Forget)),
        scanner: Scanner::new(Arc::new(Run), Arc::clone(&disk) as _),
        object_tools: ObjectTools::new(Arc::new(Run), Arc::clone(&disk) as _),
        disk,
    }
});

/// A source tree: `(path, content)`; a path with `/` at its end is a directory, content `-> target` makes a link.
pub(crate) struct Tree {
    dir: TempDir,
    cwd: &'static str,
    vars: Vec<(&'static str, String)>,
}

/// One scanned compile.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) scan: Scan,
    pub(crate) inputs: InputSet,
    command: CompileCommand,
}

impl Tree {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let tree = Self {
            dir,
            cwd: "",
            vars: vec![("PATH", "/usr/bin:/bin".to_owned())],
        };
        for (name, content) in files {
            tree.put(name, content);
        }
        tree
    }

    /// Compile in this directory of the tree.
    pub(crate) fn cwd(mut self, cwd: &'static str) -> Self {
        self.cwd = cwd;
        self
    }

    /// With a variable; `TREE` in the value is the tree's directory.
    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        let value = value.replace("TREE", self.root().to_str().expect("UTF-8"));
        self.vars.push((name, value));
        self
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn put(&self, name: &str, content: &str) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        if let Some(target) = content.strip_prefix("-> ") {
            symlink(target, &path).expect("link");
        } else if name.ends_with('/') {
            fs::create_dir_all(&path).expect("directory");
        } else {
            fs::write(&path, content).expect("file");
        }
    }

    /// Scans the compile of these arguments, the last of which is the source.
    pub(crate) fn scan(&self, compiler: &str, args: &[&str]) -> Result<Scanned, ScanFailure> {
        let driver = Path::new("/usr/bin").join(compiler);
        let cwd = self.root().join(self.cwd);
        let env = self.environment();
        let identity: Arc<Identity> = MACHINE
            .toolchains
            .identify(&driver, driver.as_os_str(), &env)
            .expect("identity");
        let command = parse(identity.family, args);
        let (toolchain, _): (Arc<Toolchain>, _) = MACHINE
            .toolchains
            .toolchain(&identity, &command, &cwd, &env)
            .expect("toolchain");
        let scan = MACHINE.scanner.scan(&Step {
            command: &command,
            toolchain: &toolchain,
            invoked_as: driver.as_os_str(),
            cwd: &cwd,
            env: &env,
        })?;
        let places = Places {
            cwd: &cwd,
            exec_root: self.root(),
            worker_roots: &[PathBuf::from("/usr")],
        };
        let inputs = collect(&command, &scan, &toolchain, places, &*MACHINE.disk).expect("inputs");
        Ok(Scanned { scan, inputs, command })
    }

    fn environment(&self) -> Environment {
        let vars = self.vars.iter();
        vars.map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect()
    }

    /// The bytes that the compiler writes when it runs in this tree.
    fn compiled(&self, root: &Path, compiler: &str, scanned: &Scanned) -> Result<Vec<u8>, String> {
        let words = scanned.command.args.iter().flat_map(Arg::words);
        let cwd = root.join(self.cwd);
        let output = Command::new(Path::new("/usr/bin").join(compiler))
            .args(words)
            .current_dir(&cwd)
            .env_clear()
            .envs(self.environment().iter())
            .output()
            .expect("compiler");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(fs::read(cwd.join(&scanned.command.output)).expect("object"))
    }
}

/// Whether the inputs alone give the object that the whole tree gives.
#[track_caller]
pub(crate) fn check_hermetic(tree: &Tree, compiler: &str, args: &[&str]) -> Scanned {
    let scanned = tree
        .scan(compiler, args)
        .unwrap_or_else(|failure| panic!("{compiler} {args:?}: {failure}"));
    let elsewhere = tempfile::tempdir().expect("temporary directory");
    materialise(&scanned.inputs, elsewhere.path());
    let home = tree.compiled(tree.root(), compiler, &scanned);
    assert!(home.is_ok(), "{compiler} {args:?} at home: {home:?}");
    let away = tree.compiled(elsewhere.path(), compiler, &scanned);
    assert!(
        home == away,
        "{compiler} {args:?} with {:#?}: {away:?}",
        scanned.inputs.entries
    );
    scanned
}

fn materialise(inputs: &InputSet, root: &Path) {
    for (path, entry) in &inputs.entries {
        let path = root.join(path.as_str());
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        match entry {
            Entry::Directory => fs::create_dir_all(&path).expect("directory"),
            Entry::Symlink { target } => symlink(target, &path).expect("link"),
            Entry::File { host, digest } => {
                let content = fs::read(host).expect("file");
                assert_eq!(Digest::of(&content), *digest, "{}", path.display());
                fs::write(&path, content).expect("file");
            }
        }
    }
}

impl Scanned {
    /// The files and links of the input root, source left out.
    pub(crate) fn files(&self) -> Vec<&str> {
        let entries = self.inputs.entries.iter();
        let files = entries
            .filter(|(_, entry)| !matches!(entry, Entry::Directory))
            .map(|(path, _)| path.as_str());
        files.filter(|path| !self.command.source.ends_with(path)).collect()
    }

    /// Those that the compiler lists itself.
    pub(crate) fn listed(&self) -> usize {
        self.scan
            .files
            .iter()
            .filter(|file| file.found == Found::Listed)
            .count()
    }

    /// What the observation says now; it has to change whenever another scan would find something else.
    pub(crate) fn observed_now(&self) -> BTreeMap<PathBuf, String> {
        observed_now(&self.inputs.observed)
    }
}

fn observed_now(observed: &Observation) -> BTreeMap<PathBuf, String> {
    let mut now = BTreeMap::new();
    let mut say = |path: PathBuf, what: String| now.insert(path, what);
    for path in observed.files.keys() {
        say(
            path.clone(),
            format!("{:?}", fs::read(path).ok().map(|bytes| Digest::of(&bytes))),
        );
    }
    for path in observed.links.keys() {
        say(path.join("link"), format!("{:?}", fs::read_link(path).ok()));
    }
    for path in &observed.absent {
        say(path.join("directory"), format!("{}", path.is_dir()));
    }
    for (dir, names) in &observed.directories {
        say(dir.join("directory"), format!("{}", dir.is_dir()));
        match names {
            Names::These(names) => {
                for name in names {
                    use std::os::unix::ffi::OsStrExt;
                    let path = dir.join(OsStr::from_bytes(name));
                    say(path.join("name"), format!("{}", path.symlink_metadata().is_ok()));
                }
            }
            Names::All => {
                let mut list: Vec<OsString> = fs::read_dir(dir)
                    .expect("listing")
                    .map(|entry| entry.expect("entry").file_name())
                    .collect();
                list.sort();
                say(dir.join("listing"), format!("{list:?}"));
            }
        }
    }
    now
}

/// Just enough of a command line for these tests.
fn parse(family: Family, args: &[&str]) -> CompileCommand {
    let mut parsed = Vec::new();
    let mut language = None;
    let mut words = args.iter().copied();
    let mut source = "";
    while let Some(word) = words.next() {
        let role = match word {
            "-I" => Role::SearchDir(Chain::Angled),
            "-iquote" => Role::SearchDir(Chain::Quote),
            "-isystem" => Role::SearchDir(Chain::System),
            "-idirafter" => Role::SearchDir(Chain::After),
            "-include" | "-imacros" => Role::ForcedInclude,
            "-D" => Role::Macro,
            "-MF" => Role::Depfile,
            "-x" => {
                let name = words.next().expect("a language");
                language = Some(named(name));
                parsed.push(arg("-x", Some(name), Form::Separate, Role::Structure));
                continue;
            }
            _ if word.starts_with("--embed-dir=") || word.starts_with("-std=") => {
                let (name, value) = word.split_at(word.find('=').expect("=") + 1);
                parsed.push(arg(name, Some(value), Form::Joined, Role::Plain));
                continue;
            }
            _ if word.starts_with('-') => {
                parsed.push(arg(word, None, Form::Alone, Role::Plain));
                continue;
            }
            _ => {
                source = word;
                parsed.push(arg("", Some(word), Form::Joined, Role::Source));
                continue;
            }
        };
        parsed.push(arg(word, words.next(), Form::Separate, role));
    }
    parsed.push(arg("-c", None, Form::Alone, Role::Structure));
    parsed.push(arg("-o", Some("out.o"), Form::Separate, Role::Output));
    let suffix = source.rsplit('.').next().unwrap_or_default();
    CompileCommand {
        family,
        stage: Stage::Object,
        language: language.unwrap_or_else(|| named(suffix)),
        args: parsed,
        source: source.to_owned(),
        output: "out.o".to_owned(),
        secondary: vec![],
        depfile: None::<Depfile>,
        response_files: vec![],
    }
}

fn named(name: &str) -> Language {
    match name {
        "cc" | "c++" => Language::Cxx,
        "S" => Language::AssemblerWithCpp,
        "s" => Language::Assembler,
        "i" => Language::CPreprocessed,
        _ => Language::C,
    }
}

fn arg(name: &str, value: Option<&str>, form: Form, role: Role) -> Arg {
    Arg {
        name: name.to_owned(),
        value: value.map(str::to_owned),
        form,
        role,
        tail: String::new(),
    }
}
