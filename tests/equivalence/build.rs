//! Runs one build of one project in a directory, and watches it from outside: which compilers really ran, and what
//! each compiler call printed.

use super::compare::{self, Products};
use super::project::{Project, System};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A compiler and what kind of build it makes.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// Name of the C driver; the C++ driver is its sibling.
    pub(crate) compiler: &'static str,
    /// What is asked of it.
    pub(crate) build_type: BuildType,
}

/// What a build asks of the compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BuildType {
    /// Optimised.
    Release,
    /// With debug information.
    Debug,
    /// Debug information in files of its own.
    SplitDwarf,
    /// Counting what is executed.
    Coverage,
    /// Optimised when it is linked.
    Lto,
}

impl Kind {
    fn cxx(self) -> String {
        match self.compiler.strip_prefix("gcc") {
            Some(version) => format!("g++{version}"),
            None => self.compiler.replacen("clang", "clang++", 1),
        }
    }

    fn is_gcc(self) -> bool {
        self.compiler.starts_with("gcc")
    }

    fn flags(self) -> &'static str {
        match self.build_type {
            BuildType::Release => "-O2 -DNDEBUG",
            BuildType::Debug => "-g",
            BuildType::SplitDwarf => "-g -gsplit-dwarf",
            BuildType::Coverage => "-g --coverage",
            BuildType::Lto => "-O2 -flto",
        }
    }

    /// clang's objects for link-time optimisation are LLVM's own format, which GNU ld does not know.
    fn link_flags(self) -> &'static str {
        match (self.build_type, self.compiler) {
            (BuildType::Lto, "clang") => "-fuse-ld=lld",
            (BuildType::Lto, "clang-19") => "-fuse-ld=lld-19",
            _ => "",
        }
    }

    /// The archiver that can list the symbols of this compiler's objects.
    fn archiver(self) -> &'static str {
        match (self.build_type, self.compiler) {
            (BuildType::Lto, "clang") => "llvm-ar-14",
            (BuildType::Lto, "clang-19") => "llvm-ar-19",
            (BuildType::Lto, _) => "gcc-ar",
            _ => "ar",
        }
    }

    fn ranlib(self) -> String {
        self.archiver().replace("ar", "ranlib")
    }

    /// Meson's and CMake's own name for it; the others are given by flags.
    fn named(self) -> Option<&'static str> {
        match self.build_type {
            BuildType::Release => Some("Release"),
            BuildType::Debug => Some("Debug"),
            _ => None,
        }
    }
}

/// Scripts put around the compiler: `capture` outermost keeps what each call printed; the innermost ones log that a
/// compiler was really started, whoever started it.
pub(crate) struct Watch {
    bin: PathBuf,
    log: PathBuf,
    captured: PathBuf,
}

impl Watch {
    /// Writes the scripts below `dir`.
    pub(crate) fn new(dir: &Path, kind: Kind) -> Self {
        let watch = Self {
            bin: dir.join("bin"),
            log: dir.join("started.log"),
            captured: dir.join("captured"),
        };
        fs::create_dir_all(&watch.bin).expect("directory");
        for name in [kind.compiler.to_owned(), kind.cxx()] {
            script(
                &watch.bin.join(&name),
                &format!(
                    // In a server's sandbox there is no log.
                    "{{ printf '%s\\n' \"$PWD|$*\" >>'{}'; }} 2>/dev/null\nexec /usr/bin/{name} \"$@\"\n",
                    watch.log.display()
                ),
            );
        }
        // The key is what the call writes and where: the words before differ between a plain and a wrapped build.
        script(
            &watch.bin.join("capture"),
            "[ -n \"${CAPTURE_DIR-}\" ] || exec \"$@\"\n\
             out= previous=\nfor word; do [ \"$previous\" = -o ] && out=$word; previous=$word; done\n\
             for word; do [ \"$word\" = -c ] && [ -n \"${SEED-}\" ] && set -- \"$@\" \"-frandom-seed=$out\"; done\n\
             key=$CAPTURE_DIR/$(printf '%s' \"$PWD|$out|$previous\" | md5sum | cut -c1-32)\n\
             rc=0; \"$@\" >\"$key.out\" 2>\"$key.err\" || rc=$?\n\
             cat \"$key.out\"; cat \"$key.err\" >&2\n\
             printf '%s\\n' \"$rc $PWD $out $previous\" >\"$key.id\"\nexit $rc\n",
        );
        watch
    }

    fn driver(&self, name: &str) -> String {
        self.bin.join(name).display().to_string()
    }

    /// Forgets what was seen so far.
    fn reset(&self) {
        fs::write(&self.log, "").expect("log");
        fs::remove_dir_all(&self.captured).ok();
        fs::create_dir_all(&self.captured).expect("directory");
    }

    /// Starts of compilers: everything but questions such as `--version`. An archiver's start would be a record.
    pub(crate) fn starts(&self) -> Vec<String> {
        const QUESTIONS: [&str; 4] = ["-v", "--help", "--version", "-###"];
        self.started(
            |word| QUESTIONS.contains(&word) || word.starts_with("-print") || word.starts_with("-dump"),
            false,
        )
    }

    /// Compiler starts that made something of a source. rewrap's scans do not.
    pub(crate) fn compiles(&self) -> Vec<String> {
        self.started(|word| ["-c", "-S"].contains(&word), true)
    }

    /// Starts that have a word like this, or none.
    fn started(&self, matches: impl Fn(&str) -> bool, with: bool) -> Vec<String> {
        let log = fs::read_to_string(&self.log).expect("log");
        log.lines()
            .filter(|line| {
                let (_, args) = line.split_once('|').expect("the script's format");
                args.split(' ').any(&matches) == with
            })
            .map(str::to_owned)
            .collect()
    }

    /// What each call printed and how it ended, by what it wrote.
    pub(crate) fn printed(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(&self.captured).expect("captures") {
            let id = entry.expect("capture").path();
            if id.extension().is_some_and(|end| end == "id") {
                let text = |end: &str| {
                    String::from_utf8_lossy(&fs::read(id.with_extension(end)).expect("capture")).into_owned()
                };
                let (rc, name) = text("id")
                    .trim_end()
                    .split_once(' ')
                    .map(|(a, b)| (a.to_owned(), b.to_owned()))
                    .expect("id");
                all.insert(name, format!("exit {rc}\n{}{}", text("out"), text("err")));
            }
        }
        all
    }
}

fn script(path: &Path, body: &str) {
    fs::write(path, format!("#!/bin/sh\n{body}")).expect("script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("mode");
}

/// Everything a build is run with.
pub(crate) struct Setup<'a> {
    /// What is built.
    pub(crate) project: &'a Project,
    /// With which compiler.
    pub(crate) kind: Kind,
    /// Whether through rewrap.
    pub(crate) wrapped: bool,
    /// The scripts around the compiler.
    pub(crate) watch: &'a Watch,
    /// Variables for the build (rewrap's settings and directories, `PATH`).
    pub(crate) env: &'a [(String, String)],
    /// Under which rewrap records the steps of the build, and not those of the configuration and the tests.
    pub(crate) build_id: &'a str,
    /// As umask.
    pub(crate) umask: u32,
}

impl Setup<'_> {
    /// Configures and builds in `dir`, a fresh copy of the source. Returns the build directory, and what configuring left
    /// behind: names of its own choosing.
    pub(crate) fn build(&self, dir: &Path) -> (PathBuf, Products) {
        let (configure, build, build_dir) = self.commands(dir);
        fs::create_dir_all(&build_dir).expect("build directory");
        self.shell(&build_dir, &configure, false);
        let left = compare::products(dir);
        self.watch.reset();
        self.shell(&build_dir, &build, true);
        (build_dir, left)
    }

    /// How the project is configured and built, and where.
    fn commands(&self, dir: &Path) -> (String, String, PathBuf) {
        let Self {
            project, kind, watch, ..
        } = self;
        let (cc, cxx) = (watch.driver(kind.compiler), watch.driver(&kind.cxx()));
        let capture = watch.driver("capture");
        // What stands for a tool: alone where a wrapper finds it by REWRAP_CC, in launcher form elsewhere.
        let command = |wrapper: &str, tool: &str| {
            let wrapper = if self.wrapped { wrapper } else { "" };
            format!("{capture} {wrapper} {tool}")
        };
        let (launched_cc, launched_cxx) = (command("rewrap-cc", &cc), command("rewrap-c++", &cxx));
        let ar = command("rewrap-ar", kind.archiver());
        let ranlib = command("rewrap-ranlib", &kind.ranlib());
        let alone_cc = command("rewrap-cc", if self.wrapped { "" } else { &cc });
        let (flags, link_flags) = (kind.flags(), kind.link_flags());
        let options: Vec<String> = project.options.iter().map(|word| format!("'{word}'")).collect();
        let options = options.join(" ");
        let targets = project.targets.join(" ");
        let tools = format!("AR='{ar}' RANLIB='{ranlib}'");
        match project.system {
            System::Configure => (
                format!("{tools} CC='{alone_cc}' CFLAGS='{flags}' LDFLAGS='{link_flags}' ./configure {options}"),
                format!("make -j4 {targets}"),
                dir.to_owned(),
            ),
            System::Make => {
                // With wrappers on PATH, the build names nothing but the tools themselves.
                let (rewrap, path) = (if self.wrapped { "rewrap build -- " } else { "" }, watch.bin.display());
                let (cc, cxx) = (kind.compiler, kind.cxx());
                let make = format!(
                    "PATH=\"{path}:$PATH\" {rewrap}make -j4 CC='{capture} {cc} -std=gnu99 {flags} {link_flags}' \
                     CXX='{capture} {cxx}' AR={} RANLIB={} {options} {targets}",
                    kind.archiver(),
                    kind.ranlib()
                );
                (":".to_owned(), make, dir.join(project.top))
            }
            System::Autotools => (
                format!("{tools} ./configure CC='{alone_cc}' CFLAGS='{flags} -Wall' LDFLAGS='{link_flags}' {options}"),
                format!("make -j4 {targets}"),
                dir.to_owned(),
            ),
            System::CMake(generator) => {
                let build = if generator == "Ninja" {
                    format!("ninja -j4 -d keepdepfile {targets}")
                } else {
                    format!("make -j4 {targets}")
                };
                (self.cmake(generator, &options), build, dir.join("build"))
            }
            System::Meson => (
                format!(
                    "cd .. && AR='{ar}' CC='{launched_cc}' CXX='{launched_cxx}' CFLAGS='{}' CXXFLAGS='{}' \
                     LDFLAGS='{link_flags}' meson setup build --buildtype={} {options}",
                    if kind.named().is_some() { "" } else { flags },
                    if kind.named().is_some() { "" } else { flags },
                    kind.named().unwrap_or("plain").to_lowercase()
                ),
                "ninja -j4 -d keepdepfile".to_owned(),
                dir.join("build"),
            ),
        }
    }

    fn cmake(&self, generator: &str, options: &str) -> String {
        let Self { kind, watch, .. } = self;
        let capture = watch.driver("capture");
        let mut words = vec![format!("cmake -S .. -B . -G '{generator}'")];
        let mut define = |name: &str, value: &str| words.push(format!("'-D{name}={value}'"));
        define("CMAKE_BUILD_TYPE", kind.named().unwrap_or_default());
        define("CMAKE_AR", &format!("/usr/bin/{}", kind.archiver()));
        define("CMAKE_RANLIB", &format!("/usr/bin/{}", kind.ranlib()));
        let launcher = if self.wrapped {
            // Archives have no launcher of CMake's.
            let shims = Path::new(env!("CARGO_MANIFEST_DIR")).join("shims/rewrap.cmake");
            define("CMAKE_PROJECT_INCLUDE", &shims.display().to_string());
            define("REWRAP_LAUNCHER", env!("CARGO_BIN_EXE_rewrap-cc"));
            format!("{capture};{}", env!("CARGO_BIN_EXE_rewrap-cc"))
        } else {
            capture
        };
        for (language, compiler) in [("C", kind.compiler.to_owned()), ("CXX", kind.cxx())] {
            define(&format!("CMAKE_{language}_COMPILER"), &watch.driver(&compiler));
            define(&format!("CMAKE_{language}_COMPILER_LAUNCHER"), &launcher);
            define(&format!("CMAKE_{language}_LINKER_LAUNCHER"), &launcher);
            if kind.named().is_none() {
                define(&format!("CMAKE_{language}_FLAGS"), kind.flags());
            }
        }
        for what in ["EXE", "SHARED", "MODULE"] {
            define(&format!("CMAKE_{what}_LINKER_FLAGS"), kind.link_flags());
        }
        words.push(options.to_owned());
        words.join(" ")
    }

    /// Runs the project's own tests.
    pub(crate) fn test(&self, build_dir: &Path) {
        self.shell(build_dir, self.project.test, false);
    }

    fn shell(&self, dir: &Path, command: &str, capture: bool) {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &format!("umask {:03o}; {command}", self.umask)])
            .current_dir(dir)
            .stdin(Stdio::null())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("REWRAP_CC", self.watch.driver(self.kind.compiler))
            .env("REWRAP_CXX", self.watch.driver(&self.kind.cxx()));
        if capture && self.kind.is_gcc() {
            // What gcc counts or leaves to the linker holds random names otherwise.
            shell.env("SEED", "1");
        }
        if capture {
            shell.env("CAPTURE_DIR", &self.watch.captured);
            shell.env("REWRAP_BUILD_ID", self.build_id);
        }
        let output = shell.output().expect("sh");
        assert!(
            output.status.success(),
            "{command}\n{}\n{}",
            tail(&output.stdout),
            tail(&output.stderr)
        );
    }
}

fn tail(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
