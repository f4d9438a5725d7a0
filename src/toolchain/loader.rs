//! Which files the dynamic loader would load for a program, without running it. The rules are those of ld.so(8).

use super::ToolchainFailure;
use super::elf::{Dynamic, dynamic};
use super::machine::Environment;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Searched last, after what `/etc/ld.so.conf` lists.
const DEFAULT_DIRS: [&str; 4] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// `include` lines in `/etc/ld.so.conf` may be nested; more than this is a loop.
const INCLUDE_DEPTH: u32 = 8;

/// Where `LD_LIBRARY_PATH` stands in the order of the search.
const PREFERRED: usize = 1;

/// Finds the shared libraries of programs.
pub(super) struct Loader {
    /// `LD_LIBRARY_PATH`.
    preferred: Vec<PathBuf>,
    /// Whether that has led to a library, or may have.
    prefers: bool,
    usual: Vec<PathBuf>,
    /// Everything met so far, by real path.
    met: BTreeSet<PathBuf>,
}

impl Loader {
    /// A loader as the step's environment would have it.
    pub(super) fn new(env: &Environment) -> Self {
        let mut usual = configured(Path::new("/etc/ld.so.conf")).dirs;
        usual.extend(DEFAULT_DIRS.map(PathBuf::from));
        let variable = env.get("LD_LIBRARY_PATH").unwrap_or_default();
        let preferred: Vec<PathBuf> = std::env::split_paths(variable)
            .filter(|_| !variable.is_empty())
            .collect();
        // The working directory's, a second separator, names with a meaning: not followed, so they may lead anywhere.
        let unclear =
            |dir: &PathBuf| !dir.is_absolute() || dir.as_os_str().as_encoded_bytes().iter().any(|b| b";$".contains(b));
        Self {
            prefers: preferred.iter().any(unclear),
            preferred: preferred.into_iter().filter(|dir| dir.is_absolute()).collect(),
            usual,
            met: BTreeSet::new(),
        }
    }

    /// Adds a program and everything that is loaded with it. A library that cannot be found is left out: the program
    /// would not start.
    pub(super) fn add(&mut self, program: &Path) -> Result<(), ToolchainFailure> {
        self.load(program, &[])
    }

    /// The directories of `LD_LIBRARY_PATH`, if it was followed in vain: what appears there will be preferred.
    pub(super) fn searched_in_vain(&self) -> Option<&[PathBuf]> {
        (!self.prefers).then_some(&self.preferred)
    }

    /// Real paths of all files, sorted.
    pub(super) fn into_files(self) -> Vec<PathBuf> {
        self.met.into_iter().collect()
    }

    fn load(&mut self, file: &Path, inherited: &[PathBuf]) -> Result<(), ToolchainFailure> {
        let Ok(real) = file.canonicalize() else {
            return Ok(());
        };
        if !self.met.insert(real.clone()) {
            return Ok(());
        }
        let Some(wants) = dynamic(&real)? else {
            return Ok(());
        };
        if let Some(loader) = &wants.interpreter {
            self.load(loader, &[])?;
        }
        // A run path switches rpath off, also the rpath of those that loaded this file.
        let rpath = if wants.runpath.is_empty() {
            [&wants.rpath, inherited].concat()
        } else {
            Vec::new()
        };
        for name in &wants.needed {
            for library in self.find(name, &wants, &rpath)? {
                self.load(&library, &rpath)?;
            }
        }
        Ok(())
    }

    /// The library, and its variants for newer processors, of which the loader picks one.
    fn find(&mut self, name: &Path, wants: &Dynamic, rpath: &[PathBuf]) -> Result<Vec<PathBuf>, ToolchainFailure> {
        if name.is_absolute() {
            return Ok(vec![name.to_owned()]);
        }
        let order = [rpath, &self.preferred, &wants.runpath, &self.usual];
        for (place, dir) in order
            .into_iter()
            .enumerate()
            .flat_map(|(place, dirs)| dirs.iter().map(move |dir| (place, dir)))
        {
            let mut found = variants(dir, name);
            found.push(dir.join(name));
            let mut fitting = Vec::new();
            for candidate in found {
                if candidate.is_file() && dynamic(&candidate)?.is_some_and(|other| other.kind == wants.kind) {
                    fitting.push(candidate);
                }
            }
            if !fitting.is_empty() {
                self.prefers |= place == PREFERRED;
                return Ok(fitting);
            }
        }
        Ok(Vec::new())
    }
}

fn variants(dir: &Path, name: &Path) -> Vec<PathBuf> {
    let Ok(levels) = fs::read_dir(dir.join("glibc-hwcaps")) else {
        return Vec::new();
    };
    levels.flatten().map(|level| level.path().join(name)).collect()
}

/// What an `ld.so.conf` file and those that it includes say.
#[derive(Debug, Default)]
pub struct Configured {
    /// The directories, in order, each once.
    pub dirs: Vec<PathBuf>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// The directories of `include` patterns: another file there may be included.
    pub listed: Vec<PathBuf>,
}

/// Reads one. A file that cannot be read lists nothing, as for ldconfig.
pub fn configured(file: &Path) -> Configured {
    let mut found = Configured::default();
    found.read(file, 0);
    found
}

impl Configured {
    fn read(&mut self, file: &Path, depth: u32) {
        let Ok(text) = fs::read_to_string(file) else {
            return;
        };
        self.files.push(file.to_owned());
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            match line
                .strip_prefix("include")
                .filter(|rest| rest.starts_with([' ', '\t']))
            {
                Some(pattern) if depth < INCLUDE_DEPTH => {
                    let pattern = file.parent().unwrap_or(Path::new("/")).join(pattern.trim());
                    self.listed.extend(pattern.parent().map(Path::to_owned));
                    for included in matching(&pattern) {
                        self.read(&included, depth + 1);
                    }
                }
                None if line.starts_with('/') && !self.dirs.iter().any(|dir| dir == Path::new(line)) => {
                    self.dirs.push(PathBuf::from(line));
                }
                _ => {}
            }
        }
    }
}

/// The files that an `include` pattern names. Distributions use `dir/*.conf` alone, so only a `*` in the last
/// component counts.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((before, after)) = name.split_once('*') else {
        return vec![pattern.to_owned()];
    };
    let Some(Ok(entries)) = pattern.parent().map(fs::read_dir) else {
        return Vec::new();
    };
    let fits = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(fits).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configuration_files_are_followed() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let main = dir.path().join("ld.so.conf");
        fs::create_dir(dir.path().join("conf.d")).expect("directory");
        fs::write(
            &main,
            "# top\n/first # x\ninclude conf.d/*.conf\n/last\ninclude ld.so.conf\n",
        )
        .expect("file");
        fs::write(dir.path().join("conf.d/b.conf"), "/b\n").expect("file");
        fs::write(dir.path().join("conf.d/a.conf"), "/a\n").expect("file");
        fs::write(dir.path().join("conf.d/c.txt"), "/c\n").expect("file");
        let found = configured(&main);
        assert_eq!(found.dirs, ["/first", "/a", "/b", "/last"].map(PathBuf::from));
        assert!(found.files.contains(&dir.path().join("conf.d/b.conf")));
        assert!(found.listed.contains(&dir.path().join("conf.d")));
    }

    #[test]
    fn a_library_path_counts_if_it_leads_to_a_library() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let check = |value: &str, in_vain: bool| {
            let value = value.replace("DIR", dir.path().to_str().expect("text"));
            let env = [("LD_LIBRARY_PATH".into(), value.clone().into())].into_iter().collect();
            let mut loader = Loader::new(&env);
            loader.add(Path::new("/bin/bash")).expect("readable");
            assert_eq!(loader.searched_in_vain().is_some(), in_vain, "{value}");
        };
        check("", true);
        check("DIR:/nowhere", true);
        for unclear in ["DIR:", "lib", "DIR;/other", "/usr/$LIB"] {
            check(unclear, false);
        }
        let library = fs::canonicalize("/lib/x86_64-linux-gnu/libc.so.6").expect("C library");
        fs::copy(library, dir.path().join("libc.so.6")).expect("copy");
        check("/nowhere:DIR", false);
    }

    #[test]
    fn what_the_loader_says_it_loads_is_what_is_found() {
        let program = Path::new("/bin/bash");
        let listed = std::process::Command::new("/lib64/ld-linux-x86-64.so.2")
            .arg("--list")
            .arg(program)
            .output()
            .expect("the loader lists");
        let mut expected: Vec<PathBuf> = String::from_utf8_lossy(&listed.stdout)
            .split_whitespace()
            .filter(|word| word.starts_with('/'))
            .map(|path| Path::new(path).canonicalize().expect("listed file"))
            .collect();
        expected.push(program.canonicalize().expect("program"));
        expected.sort();
        expected.dedup();
        let mut loader = Loader::new(&Environment::default());
        loader.add(program).expect("readable");
        assert_eq!(loader.into_files(), expected);
    }
}
