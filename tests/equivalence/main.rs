#![expect(clippy::print_stdout, reason = "a program of its own: its report goes to stdout")]

//! The test that matters most: real projects, built plainly and through rewrap, leave the same bytes behind.
//!
//!     cargo test --release --test equivalence -- [--all] [--seed N] [--project NAME] [--compiler NAME]
//!                                                [--build-type NAME] [--server NAME] [--keep]
//!
//! Without `--all` each project is built once per mode, with a compiler, a build type and a server picked by the seed
//! (default: the day). With it, with every compiler and build type, and the servers in turn. `tests/setup` gets the
//! sources, the compilers and the servers.

mod build;
#[path = "../support/buildgrid.rs"]
mod buildgrid;
#[path = "../support/casd.rs"]
#[expect(dead_code, reason = "the bench needs more of it")]
mod casd;
mod compare;
mod project;
#[path = "../support/serve.rs"]
#[expect(dead_code, reason = "the soak needs more of it")]
mod serve;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "the conformance suite needs more of it")]
mod server;

use build::{BuildType, Kind, Setup, Watch};
use project::{PROJECTS, Project};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const COMPILERS: [&str; 3] = ["gcc", "clang", "clang-19"];

const BUILD_TYPES: [BuildType; 5] = [
    BuildType::Release,
    BuildType::Debug,
    BuildType::SplitDwarf,
    BuildType::Coverage,
    BuildType::Lto,
];

fn kinds() -> Vec<Kind> {
    let of = |compiler| BUILD_TYPES.map(|build_type| Kind { compiler, build_type });
    COMPILERS.into_iter().flat_map(of).collect()
}

/// At least so many of a hundred build steps are to be taken: have an Action.
const LEAST_SHARE: f64 = 98.0;

struct Options {
    all: bool,
    seed: u64,
    project: Option<String>,
    compiler: Option<String>,
    build_type: Option<BuildType>,
    server: Option<String>,
    keep: bool,
}

fn options() -> Options {
    let day = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("clock")
        .as_secs()
        / 86400;
    let mut options = Options {
        all: false,
        seed: day,
        project: None,
        compiler: None,
        build_type: None,
        server: None,
        keep: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().expect("a value");
        match word.as_str() {
            "--all" => options.all = true,
            "--keep" => options.keep = true,
            "--seed" => options.seed = value().parse().expect("a number"),
            "--project" => options.project = Some(value()),
            "--compiler" => options.compiler = Some(value()),
            "--build-type" => {
                let name = value();
                let named = BUILD_TYPES.into_iter().find(|kind| format!("{kind:?}") == name);
                options.build_type = Some(named.expect("Release, Debug, SplitDwarf, Coverage or Lto"));
            }
            "--server" => options.server = Some(value()),
            other => panic!("no option `{other}`"),
        }
    }
    options
}

impl Options {
    /// How a project is to be built; `pick` where nothing is asked for.
    fn kinds_of(&self, project: &Project, pick: Kind) -> Vec<Kind> {
        let fits = |kind: &Kind| {
            !project.uses_libtool() || kind.build_type != BuildType::Lto || !kind.compiler.starts_with("clang")
        };
        let named = |kind: &Kind| {
            self.compiler.as_ref().is_none_or(|name| kind.compiler == name)
                && self.build_type.is_none_or(|build_type| kind.build_type == build_type)
        };
        if self.all || self.compiler.is_some() || self.build_type.is_some() {
            return kinds().into_iter().filter(named).filter(fits).collect();
        }
        let gcc = Kind {
            compiler: "gcc",
            ..pick
        };
        vec![if fits(&pick) { pick } else { gcc }]
    }
}

fn main() {
    let options = options();
    println!("seed {}", options.seed);
    let mut random = fastrand::Rng::with_seed(options.seed);
    let work = tempfile::Builder::new()
        .prefix("rewrap-equivalence-")
        .tempdir()
        .expect("temporary directory");
    let (mut passed, mut failed) = (0, 0);
    // Each project and compiler meets another one.
    let mut servers = server::NAMES.iter().cycle().skip(random.usize(..server::NAMES.len()));
    // Every build type meets some project, and every compiler some build type.
    let mut build_types = BUILD_TYPES.iter().cycle().skip(random.usize(..BUILD_TYPES.len()));
    let (mut taken, mut all) = (0, 0);
    for project in PROJECTS {
        let compiler = random.choice(COMPILERS).expect("compilers");
        let build_type = *build_types.next().expect("without end");
        let pick = Kind { compiler, build_type };
        if options.project.as_ref().is_some_and(|name| name != project.name) {
            continue;
        }
        let kinds = options.kinds_of(project, pick);
        for kind in kinds {
            // BuildGrid takes more than a second for each action, which is long where they come one after another.
            let is_slow = |name: &str| project.is_serial() && !options.all && name.starts_with("buildgrid");
            let next = servers.find(|name| !is_slow(name)).expect("without end");
            let case = Case {
                project,
                kind,
                server: options.server.as_deref().unwrap_or(next),
                dir: work
                    .path()
                    .join(format!("{}-{}-{:?}", project.name, kind.compiler, kind.build_type)),
            };
            let outcome = case.run();
            taken += outcome.taken;
            all += outcome.steps;
            for (name, failures) in outcome.modes {
                let label = format!("{} {} {:?} {name}", project.name, kind.compiler, kind.build_type);
                if failures.is_empty() {
                    passed += 1;
                    println!("ok      {label}");
                } else {
                    failed += 1;
                    println!("FAILED  {label}");
                    for failure in failures.iter().take(20) {
                        println!("    {failure}");
                    }
                }
            }
            if !options.keep {
                fs::remove_dir_all(&case.dir).expect("remove");
            }
        }
    }
    if options.keep {
        println!("kept {}", work.keep().display());
    }
    #[expect(clippy::cast_precision_loss, reason = "a percentage of thousands")]
    let share = 100.0 * taken as f64 / (all as f64).max(1.0);
    println!("steps taken: {taken} of {all}, {share:.2} %");
    println!("{passed} passed, {failed} failed");
    assert!(
        failed == 0 && passed > 0,
        "builds through rewrap are not what they should be"
    );
    assert!(share >= LEAST_SHARE, "too many steps are left to the tools");
}

/// One project with one compiler and build type.
struct Case<'a> {
    project: &'a Project,
    kind: Kind,
    /// Which one executes.
    server: &'a str,
    dir: PathBuf,
}

/// What became of one case.
struct Outcome {
    /// Per mode, what went wrong.
    modes: Vec<(String, Vec<String>)>,
    /// Steps of a build that have an Action, of all.
    taken: u64,
    steps: u64,
}

/// What a build left behind and printed.
struct Result {
    products: compare::Products,
    printed: BTreeMap<String, String>,
    compiles: Vec<String>,
    starts: Vec<String>,
    /// Where steps ended, by number; of a wrapped build.
    places: BTreeMap<String, u64>,
    /// Steps that have an Action, and all; probes are none.
    taken: (u64, u64),
}

/// The rewrap side of a build: its own directories, settings, daemon.
struct Installation {
    env: Vec<(String, String)>,
}

impl Installation {
    fn new(dir: &Path, settings: &[(&str, &str)]) -> Self {
        // The programs with all their names, as `shims/install` makes them.
        let bin = dir.join("bin");
        fs::create_dir_all(&bin).expect("directory");
        let wrapper = env!("CARGO_BIN_EXE_rewrap-cc");
        for (name, program) in [
            ("rewrap", env!("CARGO_BIN_EXE_rewrap")),
            ("rewrap-cc", wrapper),
            ("rewrap-c++", wrapper),
            ("rewrap-ar", wrapper),
            ("rewrap-ranlib", wrapper),
        ] {
            std::os::unix::fs::symlink(program, bin.join(name)).expect("link");
        }
        let path = std::env::var("PATH").expect("PATH");
        let mut env = vec![
            ("PATH".to_owned(), format!("{}:{path}", bin.display())),
            ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
        ];
        for (name, below) in [
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_CONFIG_HOME", "config"),
        ] {
            let place = dir.join(below);
            fs::create_dir_all(&place).expect("directory");
            fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("mode");
            env.push((name.to_owned(), place.display().to_string()));
        }
        env.extend(
            settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        Self { env }
    }

    fn rewrap(&self, args: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_rewrap"))
            .args(args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("rewrap");
        assert!(
            output.status.success(),
            "rewrap {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    }

    fn stats(&self) -> serde_json::Value {
        serde_json::from_str(&self.rewrap(&["stats", "--json"])).expect("JSON")
    }

    /// Steps of the last build that have an Action, and all but probes.
    fn taken(&self) -> (u64, u64) {
        let stats = self.stats();
        let count = |name: &str| stats[name].as_u64().expect("a count");
        (count("with_action"), count("steps") - count("probes"))
    }

    /// How many steps of the last build ended where.
    fn places(&self) -> BTreeMap<String, u64> {
        let stats = self.stats();
        stats["by_where"]
            .as_object()
            .unwrap_or_else(|| panic!("no places in {stats}"))
            .iter()
            .map(|(place, count)| (place.clone(), count.as_u64().expect("a count")))
            .collect()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.rewrap(&["daemon", "stop"]);
    }
}

impl Case<'_> {
    fn run(&self) -> Outcome {
        fs::create_dir_all(&self.dir).expect("directory");
        let prepared = self.dir.join("prepared");
        copy(&casd::tools().join("src").join(self.project.name), &prepared);
        let status = Command::new("/bin/sh")
            .args(["-ec", self.project.prepare])
            .current_dir(&prepared)
            .status();
        assert!(status.expect("sh").success(), "cannot prepare {}", self.project.name);
        let watch = Watch::new(&self.dir, self.kind);
        let home = self.dir.join("home");
        let plain = self.build(&home, &watch, None, 0o022);
        let (failures, (taken, steps)) = self.embedded(&home, &watch, &plain);
        let mut modes = vec![
            ("embedded store".to_owned(), failures),
            (
                format!("executed by {}", self.server),
                self.executed(&home, &watch, &plain),
            ),
        ];
        // Where paths get past prefix maps, what runs here stands for this directory alone.
        let is_mapped = matches!(self.kind.build_type, BuildType::Release | BuildType::Debug);
        if self.project.portable && is_mapped {
            modes.push(("portable".to_owned(), self.portable(&watch)));
        }
        Outcome { modes, taken, steps }
    }

    /// (a) Nothing configured: cold, then warm.
    fn embedded(&self, home: &Path, watch: &Watch, plain: &Result) -> (Vec<String>, (u64, u64)) {
        let rewrap = Installation::new(&self.dir.join("embedded"), &[]);
        let cold = self.build(home, watch, Some(&rewrap), 0o022);
        let mut failures = self.equal("cold", plain, &cold);
        if plain.compiles.len() != cold.compiles.len() {
            let (plain, cold) = (plain.compiles.len(), cold.compiles.len());
            failures.push(format!("the plain build has {plain} compiles, the cold one {cold}"));
        }
        println!(
            "    {} {:?}: {:?}, {}",
            self.project.name,
            self.kind.build_type,
            cold.places,
            rewrap.stats()["reasons"]
        );
        let warm = self.build(home, watch, Some(&rewrap), 0o022);
        // What differs between two builds is the first one's now.
        failures.extend(self.equal("warm", &cold, &warm));
        failures.extend(not_all_hits(&warm));
        (failures, cold.taken)
    }

    /// (b) Executed by a server; then warm; then from the server's cache alone.
    fn executed(&self, home: &Path, watch: &Watch, plain: &Result) -> Vec<String> {
        let scripts = self.dir.join("bin");
        let server = server::Server::start(self.server, &self.dir.join("server"), &[&scripts]);
        let roots = format!("/usr:{}", scripts.display());
        let settings = [
            ("REWRAP_REMOTE_EXECUTOR", server.address.as_str()),
            ("REWRAP_WORKER_ROOTS", &roots),
        ];
        let rewrap = Installation::new(&self.dir.join("remote"), &settings);
        let cold = self.build(home, watch, Some(&rewrap), 0o022);
        let mut failures = self.equal("cold", plain, &cold);
        let places = &cold.places;
        println!("    {} {}: {places:?}", self.project.name, self.kind.compiler);
        if places.get("remote").is_none_or(|count| *count == 0) || places.contains_key("fallback") {
            failures.push(format!(
                "not executed remotely: {places:?}, {}",
                rewrap.stats()["reasons"]
            ));
        }
        let warm = self.build(home, watch, Some(&rewrap), 0o022);
        failures.extend(self.equal("warm", &cold, &warm));
        failures.extend(not_all_hits(&warm));
        let other = Installation::new(&self.dir.join("other"), &settings);
        let fetched = self.build(home, watch, Some(&other), 0o022);
        failures.extend(self.equal("from the remote cache", plain, &fetched));
        let places = &fetched.places;
        if places.get("remote_cache").is_none_or(|count| *count == 0) || places.contains_key("remote") {
            failures.push(format!("not from the remote cache: {places:?}"));
        }
        failures
    }

    /// Portable: two directories, two umasks, two stores; then the second directory from the first one's store.
    fn portable(&self, watch: &Watch) -> Vec<String> {
        let settings = [("REWRAP_PATHS", "portable")];
        let first = Installation::new(&self.dir.join("portable-1"), &settings);
        let second = Installation::new(&self.dir.join("portable-2"), &settings);
        let short = self.dir.join("p");
        let long = self
            .dir
            .join("another/much longer name/of a checkout".replace(' ', "-"));
        let one = self.build(&short, watch, Some(&first), 0o022);
        let two = self.build(&long, watch, Some(&second), 0o077);
        let relocatable = |products: &compare::Products| -> compare::Products {
            // Depfiles name the user's own directory, and a link records what its command line says.
            products
                .iter()
                .filter(|(path, _)| {
                    path.extension()
                        .is_some_and(|end| end == "o" || end == "a" || end == "lo")
                })
                .map(|(path, product)| {
                    let bytes = product.bytes.clone();
                    (path.clone(), compare::Product { mode: 0, bytes })
                })
                .collect()
        };
        let mut failures = compare::differences(
            &relocatable(&one.products),
            &relocatable(&two.products),
            self.project.not_reproducible,
        );
        let shared = self.build(&long, watch, Some(&first), 0o077);
        failures.extend(
            shared
                .compiles
                .iter()
                .map(|line| format!("other checkout: compiler started: {line}")),
        );
        failures.extend(compare::differences(
            &two.products,
            &shared.products,
            self.project.not_reproducible,
        ));
        failures
    }

    fn build(&self, dir: &Path, watch: &Watch, rewrap: Option<&Installation>, umask: u32) -> Result {
        if dir.exists() {
            fs::remove_dir_all(dir).expect("remove");
        }
        fs::create_dir_all(dir.parent().expect("a parent")).expect("directory");
        copy(&self.dir.join("prepared"), dir);
        let plain_env = [("LC_ALL".to_owned(), "C.UTF-8".to_owned())];
        let build_id = format!("{:032x}", fastrand::u128(..));
        let setup = Setup {
            project: self.project,
            kind: self.kind,
            wrapped: rewrap.is_some(),
            watch,
            env: rewrap.map_or(&plain_env, |installation| &installation.env),
            build_id: &build_id,
            umask,
        };
        let (build_dir, left) = setup.build(dir);
        let mut products = compare::products(dir);
        products.retain(|path, product| left.get(path) != Some(product));
        let result = Result {
            products,
            printed: watch.printed(),
            compiles: watch.compiles(),
            starts: watch.starts(),
            places: rewrap.map(Installation::places).unwrap_or_default(),
            taken: rewrap.map(Installation::taken).unwrap_or_default(),
        };
        assert!(
            !result.products.is_empty() && !result.printed.is_empty(),
            "nothing was built"
        );
        setup.test(&build_dir);
        result
    }

    fn equal(&self, when: &str, plain: &Result, wrapped: &Result) -> Vec<String> {
        let mut failures: Vec<String> =
            compare::differences(&plain.products, &wrapped.products, self.project.not_reproducible)
                .into_iter()
                .map(|difference| format!("{when}: {difference}"))
                .collect();
        for (step, text) in &plain.printed {
            if wrapped.printed.get(step) != Some(text) {
                failures.push(format!(
                    "{when}: {step} printed {:?} instead of {text:?}",
                    wrapped.printed.get(step)
                ));
            }
        }
        failures
    }
}

/// In a warm build every step is a hit, and no tool starts but for steps that have no Action.
fn not_all_hits(warm: &Result) -> Vec<String> {
    let mut failures = Vec::new();
    let other: BTreeMap<_, _> = warm
        .places
        .iter()
        .filter(|(place, _)| !["local_cache", "local_only"].contains(&place.as_str()))
        .collect();
    if !other.is_empty() {
        failures.push(format!("warm: not all are hits: {other:?}"));
    }
    let (taken, all) = warm.taken;
    if warm.starts.len() as u64 > all - taken {
        failures.extend(warm.starts.iter().map(|line| format!("warm: tool started: {line}")));
    }
    failures
}

fn copy(source: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([source, to]).status().expect("cp");
    assert!(copied.success(), "cannot copy {}; run tests/setup", source.display());
}
