//! What one hit costs: the whole wrapper process, beside ccache's direct hit, a plain compile, and two small static
//! programs: one that only copies the two saved outputs (the floor) and one that does nothing. One interleaved run; one
//! process at a time, and two at once. Checks that every run was a hit and judges no time.
//!
//!     tests/setup ccache && cargo bench --bench hit [-- ROUNDS]
//!
//! `REWRAP_TEST_INSTALLED=DIRECTORY` also measures the programs that `shims/install` has put there.
#![expect(clippy::print_stdout, reason = "a program of its own: its report goes to stdout")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Headers of our own; with those of the standard library the compile reads more than 300.
const OWN_HEADERS: usize = 60;

/// Of the standard library.
const HEADERS: [&str; 10] = [
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
];

/// A plain compile takes seconds: it runs once in so many rounds.
const COMPILE_EVERY: usize = 40;

/// What any cache must do at least: `floor FROM TO FROM TO…` copies as the wrapper does. Without arguments, nothing.
const FLOOR: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(int count, char **words) {
    for (int at = 1; at + 1 < count; at += 2) {
        char new[4096];
        snprintf(new, sizeof new, "%s.new", words[at + 1]);
        int from = open(words[at], O_RDONLY);
        int to = open(new, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (from < 0 || to < 0) return 1;
        while (copy_file_range(from, NULL, to, NULL, 1 << 30, 0) > 0) {}
        unlink(words[at + 1]);
        if (close(to) || rename(new, words[at + 1])) return 1;
    }
    return 0;
}
"#;

fn main() {
    let rounds = std::env::args().skip(1).find(|word| word != "--bench");
    let rounds: usize = rounds.map_or(400, |word| word.parse().expect("a number of rounds"));
    let directory = tempfile::tempdir().expect("temporary directory");
    let bench = Bench::new(&directory.path().canonicalize().expect("real path"));
    let (headers, version) = (bench.headers(), bench.ccache_version());
    let mut contenders = bench.contenders();
    for contender in &mut contenders {
        for _ in 0..WARMING {
            contender.run_two();
        }
    }
    for round in 0..rounds {
        for contender in &mut contenders {
            if round % contender.every == 0 {
                let (alone, together) = (contender.run_one(), contender.run_two());
                contender.alone.push(alone);
                contender.together.push(together);
            }
        }
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{headers} headers, {rounds} rounds, interleaved; whole processes, ms; ccache {version}; load {load}");
    println!("{:<34}{:^37}{:^37}", "", "alone", "two at once, until both are done");
    let columns = format!("{:>8}{:>8}{:>8}{:>10}   ", "min", "median", "p90", "× ccache");
    println!("{:<34}{columns}{columns}", "");
    let ccache = contenders
        .iter()
        .find(|c| c.name.starts_with("ccache"))
        .expect("is there");
    for contender in &contenders {
        let alone = figures(&contender.alone, &ccache.alone);
        let together = figures(&contender.together, &ccache.together);
        println!("{:<34}{alone}{together}", contender.name);
    }
    bench.check(&contenders);
    bench.stop();
}

/// Runs of two before anything is measured: cold, and until files count as settled.
const WARMING: usize = 3;

struct Contender {
    name: &'static str,
    /// The same but for the outputs' names.
    argv: [Vec<String>; 2],
    env: Vec<(String, String)>,
    cwd: PathBuf,
    every: usize,
    alone: Vec<u128>,
    together: Vec<u128>,
}

impl Contender {
    fn start(&self, which: usize) -> Child {
        let argv = &self.argv[which];
        let mut command = Command::new(&argv[0]);
        let environment = self.env.iter().map(|(name, value)| (name, value));
        command.args(&argv[1..]).env_clear().envs(environment);
        command
            .current_dir(&self.cwd)
            .stdin(Stdio::null())
            .spawn()
            .expect("start")
    }

    fn end(&self, mut child: Child) {
        assert!(child.wait().expect("wait").success(), "{} failed", self.name);
    }

    fn run_one(&self) -> u128 {
        let start = Instant::now();
        self.end(self.start(0));
        start.elapsed().as_micros()
    }

    fn run_two(&self) -> u128 {
        let start = Instant::now();
        let children = [self.start(0), self.start(1)];
        for child in children {
            self.end(child);
        }
        start.elapsed().as_micros()
    }

    /// How often it ran, if all runs but the first of each command were hits.
    fn hits(&self) -> usize {
        self.alone.len() + 2 * self.together.len() + 2 * (WARMING - 1)
    }
}

fn sorted(micros: &[u128]) -> Vec<u128> {
    let mut sorted = micros.to_vec();
    sorted.sort_unstable();
    sorted
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of one process")]
fn figures(micros: &[u128], ccache: &[u128]) -> String {
    let (sorted, ccache) = (sorted(micros), sorted(ccache));
    let ms = |micros: u128| micros as f64 / 1000.0;
    let median = sorted[sorted.len() / 2];
    format!(
        "{:>8.2}{:>8.2}{:>8.2}{:>10.2}   ",
        ms(sorted[0]),
        ms(median),
        ms(sorted[sorted.len() * 9 / 10]),
        median as f64 / ccache[ccache.len() / 2] as f64
    )
}

struct Bench {
    dir: PathBuf,
    /// Of rewrap: as built, and as installed.
    programs: Vec<(&'static str, PathBuf)>,
    ccache: PathBuf,
}

impl Bench {
    fn new(dir: &Path) -> Self {
        let built = Path::new(env!("CARGO_BIN_EXE_rewrap")).parent().expect("directory");
        let mut programs = vec![("rewrap-cc, as built", built.to_owned())];
        if let Some(installed) = std::env::var_os("REWRAP_TEST_INSTALLED") {
            programs.push(("rewrap-cc, as installed", PathBuf::from(installed).join("bin")));
        }
        let tools = std::env::var_os("REWRAP_TEST_TOOLS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools"),
            PathBuf::from,
        );
        let bench = Self {
            dir: dir.to_owned(),
            programs,
            ccache: tools.join("bin/ccache"),
        };
        for name in ["run", "cache", "ccache"] {
            fs::create_dir(dir.join(name)).expect("directory");
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o700)).expect("mode");
        }
        bench.write_sources();
        // Both caches distrust files that are younger than their clock's grain.
        std::thread::sleep(std::time::Duration::from_secs(3));
        bench
    }

    fn write_sources(&self) {
        fs::create_dir_all(self.dir.join("src/include")).expect("directory");
        fs::create_dir(self.dir.join("src/.git")).expect("directory");
        let mut source = String::new();
        for at in 0..OWN_HEADERS {
            let text = format!("#pragma once\n#include <cstddef>\ninline std::size_t f{at}() {{ return {at}; }}\n");
            fs::write(self.dir.join(format!("src/include/h{at}.h")), text).expect("header");
            writeln!(source, "#include \"h{at}.h\"").expect("text");
        }
        for header in HEADERS {
            writeln!(source, "#include <{header}>").expect("text");
        }
        source.push_str("int main() { std::cout << f1() << std::string(\"a\"); }\n");
        fs::write(self.dir.join("src/main.cc"), source).expect("source");
        fs::write(self.dir.join("floor.c"), FLOOR).expect("source");
        let built = Command::new("gcc")
            .args(["-O2", "-static", "-o", "floor", "floor.c"])
            .current_dir(&self.dir)
            .status();
        assert!(built.expect("gcc").success(), "cannot build the floor");
    }

    fn contenders(&self) -> Vec<Contender> {
        let text = |path: PathBuf| path.display().to_string();
        let floor = text(self.dir.join("floor"));
        let ccache = [("CCACHE_DIR", self.dir.join("ccache"))];
        let mut plain = self.compiler("plain compile", &["/usr/bin/g++".into()], "plain", &[]);
        plain.every = COMPILE_EVERY;
        plain.run_one();
        let copied =
            |which: usize| ["plain-0.o", "plain-0.d"].map(|name| [name.into(), format!("floor-{which}{name}")]);
        let copy = |which| [vec![floor.clone()], copied(which).into_iter().flatten().collect()].concat();
        let mut contenders = vec![
            self.contender(
                "a process that does nothing",
                [vec![floor.clone()], vec![floor.clone()]],
                &[],
            ),
            self.contender("copy of the two outputs", [copy(0), copy(1)], &[]),
        ];
        for (name, programs) in &self.programs {
            let wrapper = [text(programs.join("rewrap-cc")), "g++".into()];
            let output = name.rsplit(' ').next().expect("words");
            contenders.push(self.compiler(name, &wrapper, output, &self.places()));
        }
        let wrapper = [text(self.ccache.clone()), "g++".into()];
        contenders.push(self.compiler("ccache, direct hit", &wrapper, "ccache", &ccache));
        contenders.push(plain);
        contenders
    }

    /// Where rewrap keeps what it keeps.
    fn places(&self) -> [(&'static str, PathBuf); 2] {
        let of = |name: &str| self.dir.join(name);
        [("XDG_RUNTIME_DIR", of("run")), ("XDG_CACHE_HOME", of("cache"))]
    }

    fn compiler(&self, name: &'static str, program: &[String], output: &str, env: &[(&str, PathBuf)]) -> Contender {
        let compile = |which: usize| {
            let (object, depfile) = (format!("{output}-{which}.o"), format!("{output}-{which}.d"));
            let words = [
                "-Iinclude",
                "-O2",
                "-g",
                "-MD",
                "-MT",
                "main.o",
                "-MF",
                &depfile,
                "-c",
                "main.cc",
                "-o",
                &object,
            ];
            program.iter().cloned().chain(words.map(str::to_owned)).collect()
        };
        self.contender(name, [compile(0), compile(1)], env)
    }

    fn contender(&self, name: &'static str, argv: [Vec<String>; 2], places: &[(&str, PathBuf)]) -> Contender {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut env: Vec<_> = [("PATH", "/usr/bin:/bin"), ("LC_ALL", "C.UTF-8")].map(own).to_vec();
        // A user's environment is larger than this bench needs.
        env.extend((0..30).map(|at| (format!("FILLER_{at}"), "x".repeat(40))));
        env.extend(
            places
                .iter()
                .map(|(name, path)| ((*name).to_owned(), path.display().to_string())),
        );
        Contender {
            name,
            argv,
            env,
            cwd: self.dir.join("src"),
            every: 1,
            alone: Vec::new(),
            together: Vec::new(),
        }
    }

    fn headers(&self) -> usize {
        let mut command = Command::new("g++");
        command
            .args(["-M", "-Iinclude", "main.cc"])
            .current_dir(self.dir.join("src"));
        let depfile = command.output().expect("g++").stdout;
        let words = String::from_utf8_lossy(&depfile)
            .split_whitespace()
            .filter(|word| *word != "\\")
            .count();
        words - 2
    }

    fn ccache_version(&self) -> String {
        let output = Command::new(&self.ccache).arg("--version").output();
        let output = output.expect("ccache; run `tests/setup ccache`").stdout;
        String::from_utf8_lossy(&output)
            .split_whitespace()
            .nth(2)
            .unwrap_or_default()
            .to_owned()
    }

    /// Every run but the first of each command was a hit, and what came of it is what the compiler made.
    fn check(&self, contenders: &[Contender]) {
        let hits = |prefix| {
            contenders
                .iter()
                .filter(move |c| c.name.starts_with(prefix))
                .map(Contender::hits)
        };
        let mut stats = Command::new(self.programs[0].1.join("rewrap"));
        let stats = stats
            .args(["stats", "--json", "--all"])
            .envs(self.places())
            .output()
            .expect("rewrap")
            .stdout;
        let stats: serde_json::Value = serde_json::from_slice(&stats).expect("JSON");
        assert_eq!(
            stats["by_where"]["local_cache"],
            hits("rewrap-cc").sum::<usize>(),
            "{stats}"
        );

        let mut stats = Command::new(&self.ccache);
        let stats = stats
            .arg("--print-stats")
            .env("CCACHE_DIR", self.dir.join("ccache"))
            .output()
            .expect("ccache");
        let stats = String::from_utf8_lossy(&stats.stdout).into_owned();
        let direct = stats.lines().find_map(|line| line.strip_prefix("direct_cache_hit\t"));
        assert_eq!(
            direct.and_then(|count| count.parse().ok()),
            hits("ccache").next(),
            "{stats}"
        );

        let read = |name: &str| fs::read(self.dir.join("src").join(name)).expect("output");
        for name in ["floor-0plain-0", "built-0", "built-1", "ccache-0"] {
            assert!(read(&format!("{name}.o")) == read("plain-0.o"), "{name}.o differs");
            assert!(read(&format!("{name}.d")) == read("plain-0.d"), "{name}.d differs");
        }
    }

    fn stop(&self) {
        for (_, programs) in &self.programs {
            let mut stop = Command::new(programs.join("rewrap"));
            let stopped = stop
                .args(["daemon", "stop"])
                .envs(self.places())
                .stdout(Stdio::null())
                .status();
            assert!(stopped.expect("rewrap").success(), "cannot stop the daemon");
        }
    }
}
