//! What one hit costs: the whole wrapper process, beside ccache's direct hit, a plain compile, and a program that only
//! copies the two saved outputs (the floor). All in one interleaved run; the figures are ratios.
//!
//!     tests/setup ccache && cargo bench --bench hit [-- ROUNDS]
#![expect(clippy::print_stdout, reason = "a program of its own: its report goes to stdout")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Headers of our own; with those of the standard library the compile reads about 240 and more.
const OWN_HEADERS: usize = 60;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [mode, rest @ ..] = words.as_slice()
        && mode == "copy"
    {
        return copy(rest);
    }
    let rounds: usize = words
        .first()
        .map_or(200, |word| word.parse().expect("a number of rounds"));
    let work = tempfile::tempdir().expect("temporary directory");
    let bench = Bench::new(&work.path().canonicalize().expect("real path"));
    let headers = bench.headers();
    let mut contenders = bench.contenders();
    for contender in &mut contenders {
        contender.run(); // cold: fills the caches
        contender.run();
    }
    for round in 0..rounds {
        for contender in &mut contenders {
            if round % contender.every == 0 {
                let micros = contender.run();
                contender.micros.push(micros);
            }
        }
    }
    println!("{headers} headers, {rounds} rounds, interleaved; whole processes, ms");
    println!("{:<28}{:>8}{:>8}{:>8}{:>10}", "", "min", "median", "p90", "x ccache");
    let ccache = contenders
        .iter()
        .find(|c| c.name.starts_with("ccache"))
        .expect("ccache")
        .median();
    for contender in &contenders {
        println!("{}", contender.line(ccache));
    }
    bench.stop();
}

/// `copy FROM TO FROM TO…`: what any cache must do at least.
fn copy(pairs: &[String]) {
    for pair in pairs.chunks(2) {
        let temporary = format!("{}.tmp", pair[1]);
        fs::copy(&pair[0], &temporary).expect("copy");
        fs::rename(&temporary, &pair[1]).expect("rename");
    }
}

struct Contender {
    name: String,
    argv: Vec<String>,
    env: Vec<(String, String)>,
    cwd: PathBuf,
    /// One run in so many rounds.
    every: usize,
    micros: Vec<u128>,
}

impl Contender {
    fn run(&self) -> u128 {
        let mut command = Command::new(&self.argv[0]);
        command
            .args(&self.argv[1..])
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.cwd)
            .stdin(Stdio::null());
        let start = Instant::now();
        let status = command.status().expect("start");
        let micros = start.elapsed().as_micros();
        assert!(status.success(), "{:?}", self.argv);
        micros
    }

    fn sorted(&self) -> Vec<u128> {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        sorted
    }

    fn median(&self) -> u128 {
        let sorted = self.sorted();
        sorted[sorted.len() / 2]
    }

    #[expect(clippy::cast_precision_loss, reason = "microseconds of one process")]
    fn line(&self, ccache: u128) -> String {
        let sorted = self.sorted();
        let ms = |micros: u128| micros as f64 / 1000.0;
        format!(
            "{:<28}{:>8.2}{:>8.2}{:>8.2}{:>10.2}",
            self.name,
            ms(sorted[0]),
            ms(self.median()),
            ms(sorted[sorted.len() * 9 / 10]),
            self.median() as f64 / ccache as f64
        )
    }
}

struct Bench {
    dir: PathBuf,
    bin: PathBuf,
}

impl Bench {
    fn new(dir: &Path) -> Self {
        let bin = Path::new(env!("CARGO_BIN_EXE_rewrap"))
            .parent()
            .expect("directory")
            .to_owned();
        fs::create_dir_all(dir.join("src/include")).expect("directory");
        for (name, mode) in [("run", 0o700), ("cache", 0o700), ("ccache", 0o700)] {
            fs::create_dir(dir.join(name)).expect("directory");
            fs::set_permissions(dir.join(name), std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("mode");
        }
        let mut source = String::new();
        for at in 0..OWN_HEADERS {
            let text = format!(
                "#pragma once\n#include <cstddef>\ninline std::size_t f{at}(std::size_t x) {{ return x + {at}; }}\n"
            );
            fs::write(dir.join(format!("src/include/h{at}.h")), text).expect("header");
            writeln!(source, "#include \"h{at}.h\"").expect("text");
        }
        for header in [
            "algorithm",
            "functional",
            "iostream",
            "map",
            "memory",
            "regex",
            "sstream",
            "string",
            "thread",
            "vector",
        ] {
            writeln!(source, "#include <{header}>").expect("text");
        }
        source.push_str("int main() { std::vector<std::string> v{\"a\"}; std::cout << f1(v.size()) << std::regex_match(v[0], std::regex(\"a\")); }\n");
        fs::write(dir.join("src/main.cc"), source).expect("source");
        fs::create_dir(dir.join("src/.git")).expect("directory");
        // Both caches distrust files that are younger than their clock's grain.
        std::thread::sleep(std::time::Duration::from_secs(3));
        Self {
            dir: dir.to_owned(),
            bin,
        }
    }

    fn compile(output: &str) -> Vec<String> {
        [
            "-Iinclude",
            "-O2",
            "-g",
            "-MD",
            "-MF",
            &format!("{output}.d"),
            "-c",
            "main.cc",
            "-o",
            output,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn env(more: &[(&str, &Path)]) -> Vec<(String, String)> {
        let mut env = vec![
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
        ];
        // A user's environment is larger than this bench needs.
        env.extend((0..30).map(|at| (format!("FILLER_{at}"), "x".repeat(40))));
        env.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), value.display().to_string())),
        );
        env
    }

    fn headers(&self) -> usize {
        let output = Command::new("g++")
            .args(["-M", "-Iinclude", "main.cc"])
            .current_dir(self.dir.join("src"))
            .output()
            .expect("g++");
        String::from_utf8_lossy(&output.stdout)
            .split_whitespace()
            .filter(|word| *word != "\\")
            .count()
            - 2
    }

    fn contenders(&self) -> Vec<Contender> {
        let tools = std::env::var_os("REWRAP_TEST_TOOLS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools"),
            PathBuf::from,
        );
        let (run, cache, ccache_dir) = (self.dir.join("run"), self.dir.join("cache"), self.dir.join("ccache"));
        let rewrap_env = Self::env(&[("XDG_RUNTIME_DIR", &run), ("XDG_CACHE_HOME", &cache)]);
        let contender = |name: &str, program: Vec<String>, output: &str, env, every| Contender {
            name: name.to_owned(),
            argv: program.into_iter().chain(Self::compile(output)).collect(),
            env,
            cwd: self.dir.join("src"),
            every,
            micros: Vec::new(),
        };
        let text = |path: PathBuf| path.display().to_string();
        let version = Command::new(tools.join("bin/ccache"))
            .arg("--version")
            .output()
            .expect("ccache; run tests/setup ccache");
        let version = String::from_utf8_lossy(&version.stdout)
            .split_whitespace()
            .nth(2)
            .unwrap_or_default()
            .to_owned();
        let plain = contender(
            "plain compile",
            vec!["/usr/bin/g++".into()],
            "plain.o",
            Self::env(&[]),
            20,
        );
        plain.run();
        let me = std::env::current_exe().expect("this program");
        let mut floor = contender("copy of the two outputs", vec![], "", Self::env(&[]), 1);
        floor.argv = [text(me), "copy".into()]
            .into_iter()
            .chain(["plain.o", "copied.o", "plain.o.d", "copied.o.d"].map(str::to_owned))
            .collect();
        vec![
            floor,
            contender(
                "rewrap-cc hit",
                vec![text(self.bin.join("rewrap-cc")), "g++".into()],
                "rewrap.o",
                rewrap_env,
                1,
            ),
            contender(
                &format!("ccache {version} direct hit"),
                vec![text(tools.join("bin/ccache")), "g++".into()],
                "ccache.o",
                Self::env(&[("CCACHE_DIR", &ccache_dir)]),
                1,
            ),
            plain,
        ]
    }

    fn stop(&self) {
        let status = Command::new(self.bin.join("rewrap"))
            .args(["daemon", "stop"])
            .env("XDG_RUNTIME_DIR", self.dir.join("run"))
            .env("XDG_CACHE_HOME", self.dir.join("cache"))
            .status()
            .expect("rewrap");
        assert!(status.success(), "cannot stop the daemon");
    }
}
