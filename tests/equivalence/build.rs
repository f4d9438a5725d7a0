//! Runs one build of one project in a directory, and watches it from outside: which compilers really ran, and what
//! each compiler call printed.

use super::project::{Project, System};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A compiler and the options of a build type.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    /// Name of the C driver; the C++ driver is its sibling.
    pub(crate) compiler: &'static str,
    /// `Release` or `Debug`.
    pub(crate) build_type: &'static str,
}

impl Kind {
    fn cxx(self) -> String {
        match self.compiler.strip_prefix("gcc") {
            Some(version) => format!("g++{version}"),
            None => self.compiler.replacen("clang", "clang++", 1),
        }
    }

    fn flags(self) -> &'static str {
        if self.build_type == "Release" {
            "-O2 -DNDEBUG"
        } else {
            "-g"
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

    /// Compiler starts that read a source: compiles, scans and preprocessor runs; not links and questions such as
    /// `--version`.
    pub(crate) fn reads(&self) -> Vec<String> {
        self.started(&["-c", "-S", "-E", "-M", "-MM", "-fsyntax-only"])
    }

    /// Compiler starts that made something of a source. rewrap's scans do not.
    pub(crate) fn compiles(&self) -> Vec<String> {
        self.started(&["-c", "-S"])
    }

    /// Compiler starts with one of these words.
    fn started(&self, with: &[&str]) -> Vec<String> {
        let log = fs::read_to_string(&self.log).expect("log");
        log.lines()
            .filter(|line| {
                let (_, args) = line.split_once('|').expect("the script's format");
                args.split(' ').any(|word| with.contains(&word))
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
    /// Configures and builds in `dir`, a fresh copy of the source. Returns the build directory.
    pub(crate) fn build(&self, dir: &Path) -> PathBuf {
        let Self {
            project, kind, watch, ..
        } = self;
        let (cc, cxx) = (watch.driver(kind.compiler), watch.driver(&kind.cxx()));
        let capture = watch.driver("capture");
        // What stands for the compiler: alone where a wrapper finds it by REWRAP_CC, in launcher form elsewhere.
        let command = |compiler: &str| {
            let wrapper = if self.wrapped { "rewrap-cc " } else { "" };
            format!("{capture} {wrapper}{compiler}")
        };
        let (launched_cc, launched_cxx) = (command(&cc), command(&cxx));
        let alone_cc = if self.wrapped {
            format!("{capture} rewrap-cc")
        } else {
            launched_cc.clone()
        };
        let flags = kind.flags();
        let options = project
            .options
            .iter()
            .map(|word| format!("'{word}'"))
            .collect::<Vec<_>>()
            .join(" ");
        let targets = project.targets.join(" ");
        let (configure, build, build_dir) = match project.system {
            System::Configure => (
                format!("CC='{alone_cc}' CFLAGS='{flags}' ./configure {options}"),
                format!("make -j4 {targets}"),
                dir.to_owned(),
            ),
            System::Make => (
                ":".to_owned(),
                format!(
                    "make -j4 CC='{alone_cc} -std=gnu99' CXX='{launched_cxx}' MYCXXFLAGS='{flags}' {options} {targets}"
                ),
                dir.join("src"),
            ),
            System::Autotools => (
                format!("./configure CC='{alone_cc}' CFLAGS='{flags} -Wall' {options}"),
                format!("make -j4 {targets}"),
                dir.to_owned(),
            ),
            System::CMake(generator) => {
                let launcher = if self.wrapped {
                    format!("{capture};rewrap-cc")
                } else {
                    capture.clone()
                };
                (
                    format!(
                        "cmake -S .. -B . -G '{generator}' -DCMAKE_BUILD_TYPE={} -DCMAKE_C_COMPILER={cc} \
                         -DCMAKE_CXX_COMPILER={cxx} '-DCMAKE_C_COMPILER_LAUNCHER={launcher}' \
                         '-DCMAKE_CXX_COMPILER_LAUNCHER={launcher}' {options}",
                        kind.build_type
                    ),
                    if generator == "Ninja" {
                        format!("ninja -j4 -d keepdepfile {targets}")
                    } else {
                        format!("make -j4 {targets}")
                    },
                    dir.join("build"),
                )
            }
            System::Meson => (
                format!(
                    "cd .. && CC='{launched_cc}' CXX='{launched_cxx}' meson setup build --buildtype={} {options}",
                    kind.build_type.to_lowercase()
                ),
                "ninja -j4 -d keepdepfile".to_owned(),
                dir.join("build"),
            ),
        };
        fs::create_dir_all(&build_dir).expect("build directory");
        self.shell(&build_dir, &configure, false);
        watch.reset();
        self.shell(&build_dir, &build, true);
        build_dir
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
