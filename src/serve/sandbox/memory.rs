//! How much memory an action may use: all its processes together by a control group, where this process may make some;
//! else each process by `RLIMIT_DATA`.
//!
//! An action that the kernel has killed a process of for want of memory has no result: what it says then (`gcc: fatal
//! error: Killed`) is about this machine. One that `RLIMIT_DATA` stops has a result, since nobody can tell it from one that
//! failed by itself.

use rustix::process::Pid;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How control groups are limited: the two versions of the kernel's interface differ in names (cgroups(7)).
#[derive(Debug, PartialEq, Eq)]
struct Interface {
    name: &'static str,
    limit: &'static str,
    /// Memory and swap space; with version 2 swap space alone.
    swap: &'static str,
    swap_is_extra: bool,
    /// Has a line `oom_kill N`.
    events: &'static str,
}

/// What names of parents begin with; a process number follows.
const PREFIX: &str = "rewrap-";

const FIRST: Interface = Interface {
    name: "cgroup v1",
    limit: "memory.limit_in_bytes",
    swap: "memory.memsw.limit_in_bytes",
    swap_is_extra: false,
    events: "memory.oom_control",
};

const SECOND: Interface = Interface {
    name: "cgroup v2",
    limit: "memory.max",
    swap: "memory.swap.max",
    swap_is_extra: true,
    events: "memory.events",
};

/// The limit for each action, and how it is kept.
#[derive(Debug)]
pub(crate) enum Memory {
    Unlimited,
    /// By control groups.
    Groups(Groups),
    /// Bytes, by `RLIMIT_DATA`, and why.
    PerProcess(u64, String),
}

#[derive(Debug)]
pub(crate) struct Groups {
    interface: &'static Interface,
    /// Holds a group for each action that runs.
    parent: PathBuf,
    limit: u64,
    /// Those that no action is in; they are used again, since making one takes the kernel longer than anything else here.
    free: Mutex<Vec<PathBuf>>,
    made: AtomicU64,
}

/// What one action uses.
#[derive(Debug)]
pub(crate) struct Charge<'a> {
    groups: Option<(&'a Groups, PathBuf, u64)>,
}

impl Memory {
    /// `None`: as much as there is.
    pub(crate) fn limited(limit: Option<u64>) -> Self {
        let Some(limit) = limit else {
            return Self::Unlimited;
        };
        match Groups::find(limit) {
            Ok(groups) => Self::Groups(groups),
            Err(error) => Self::PerProcess(limit, error.to_string()),
        }
    }

    /// For the log.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Unlimited => "no limit".to_owned(),
            Self::Groups(groups) => format!(
                "{} bytes per action ({} in `{}`)",
                groups.limit,
                groups.interface.name,
                groups.parent.display()
            ),
            Self::PerProcess(limit, why) => {
                format!("{limit} bytes per process (RLIMIT_DATA, since there are no control groups: {why})")
            }
        }
    }

    /// What each process is limited to by itself.
    pub(crate) fn per_process(&self) -> Option<u64> {
        match self {
            Self::PerProcess(limit, _) => Some(*limit),
            _ => None,
        }
    }

    /// An account for an action.
    pub(crate) fn charge(&self) -> io::Result<Charge<'_>> {
        let Self::Groups(groups) = self else {
            return Ok(Charge { groups: None });
        };
        let group = groups.take()?;
        let kills = groups.kills(&group)?;
        Ok(Charge {
            groups: Some((groups, group, kills)),
        })
    }
}

impl Charge<'_> {
    /// Charges a process, and all that it will start.
    pub(crate) fn join(&self, process: Pid) -> io::Result<()> {
        match &self.groups {
            Some((_, group, _)) => fs::write(group.join("cgroup.procs"), process.as_raw_pid().to_string()),
            None => Ok(()),
        }
    }

    /// Whether the kernel has killed a process for want of memory.
    pub(crate) fn is_exhausted(&self) -> io::Result<bool> {
        match &self.groups {
            Some((groups, group, before)) => Ok(groups.kills(group)? > *before),
            None => Ok(false),
        }
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        if let Some((groups, group, _)) = self.groups.take() {
            groups.give_back(group);
        }
    }
}

impl Groups {
    fn find(limit: u64) -> io::Result<Self> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let mut refused = io::Error::from(io::ErrorKind::NotFound);
        for (interface, directory) in places(&own, &mounts) {
            match Self::within(interface, &directory, limit) {
                Ok(groups) => return Ok(groups),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn within(interface: &'static Interface, directory: &Path, limit: u64) -> io::Result<Self> {
        static WORKERS: AtomicU64 = AtomicU64::new(0);
        if interface == &SECOND && !fs::read_to_string(directory.join("cgroup.subtree_control"))?.contains("memory") {
            return Err(io::Error::other("groups have no memory controller here"));
        }
        sweep(directory)?;
        let worker = WORKERS.fetch_add(1, Ordering::Relaxed);
        let parent = directory.join(format!("{PREFIX}{}-{worker}", std::process::id()));
        make(&parent)?;
        let groups = Self {
            interface,
            parent,
            limit,
            free: Mutex::default(),
            made: AtomicU64::new(0),
        };
        if interface == &SECOND {
            fs::write(groups.parent.join("cgroup.subtree_control"), "+memory")?;
        }
        // Whether it can be done is seen by doing it.
        let first = groups.take()?;
        groups.kills(&first)?;
        groups.give_back(first);
        Ok(groups)
    }

    /// A group that no action is in.
    fn take(&self) -> io::Result<PathBuf> {
        if let Some(group) = self.free().pop() {
            return Ok(group);
        }
        let group = self.parent.join(self.made.fetch_add(1, Ordering::Relaxed).to_string());
        make(&group)?;
        fs::write(group.join(self.interface.limit), self.limit.to_string())?;
        let swap = if self.interface.swap_is_extra { 0 } else { self.limit };
        set_if_there(&group.join(self.interface.swap), &swap.to_string())?;
        // All of an action dies, its init too, or none of it (version 2).
        set_if_there(&group.join("memory.oom.group"), "1")?;
        Ok(group)
    }

    fn give_back(&self, group: PathBuf) {
        self.free().push(group);
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.free.lock().expect("nothing panics while it is held")
    }

    /// How many processes the kernel has killed in a group.
    fn kills(&self, group: &Path) -> io::Result<u64> {
        let events = fs::read_to_string(group.join(self.interface.events))?;
        let count = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count
            .and_then(|count| count.trim().parse().ok())
            .ok_or_else(|| io::Error::other("the kernel does not count what it kills"))
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        // They are empty; what cannot be removed costs the machine nothing.
        for group in self.free().drain(..).collect::<Vec<_>>() {
            let _kept = fs::remove_dir(group);
        }
        let _kept = fs::remove_dir(&self.parent);
    }
}

/// Removes the groups of processes that had no time for it.
fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
        let Some((process, _)) = process else { continue };
        if Path::new("/proc").join(process).exists() {
            continue;
        }
        let below = fs::read_dir(entry.path())?.filter_map(Result::ok);
        let groups = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        for group in groups.map(|entry| entry.path()).chain([entry.path()]) {
            // One that cannot be removed costs the machine little.
            let _kept = fs::remove_dir(group);
        }
    }
    Ok(())
}

fn make(group: &Path) -> io::Result<()> {
    match fs::create_dir(group) {
        // Of an earlier process with our number.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Not every kernel has every file.
fn set_if_there(file: &Path, value: &str) -> io::Result<()> {
    // `fs::write` would ask to create it, which is another error.
    match fs::File::options().write(true).open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        file => file?.write_all(value.as_bytes()),
    }
}

/// Where groups might be made: this process's own group and, in version 2, those above it, since a group with processes
/// cannot hand a controller down. `own` is `/proc/self/cgroup`, `mounts` is `/proc/self/mountinfo`.
fn places(own: &str, mounts: &str) -> Vec<(&'static Interface, PathBuf)> {
    let mut places = Vec::new();
    for mount in mounts.lines().filter_map(Mount::of) {
        if mount.kind == "cgroup2" {
            if let Some(directory) = own.lines().find_map(|line| line.strip_prefix("0::")) {
                let lowest = mount.directory(directory);
                let all = lowest
                    .ancestors()
                    .take_while(|directory| directory.starts_with(mount.point));
                places.extend(all.map(|directory| (&SECOND, directory.to_owned())));
            }
        } else if mount.kind == "cgroup" && mount.options.split(',').any(|option| option == "memory") {
            let group = own.lines().find_map(|line| {
                let (controllers, directory) = line.split_once(':')?.1.split_once(':')?;
                controllers.split(',').any(|name| name == "memory").then_some(directory)
            });
            places.extend(group.map(|directory| (&FIRST, mount.directory(directory))));
        }
    }
    places
}

/// A line of mountinfo (proc(5)).
struct Mount<'a> {
    /// What of the file system is mounted.
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (place, file_system) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let mut file_system = file_system.split(' ');
        Some(Self {
            root: place.next()?,
            point: place.next()?,
            kind: file_system.next()?,
            options: file_system.nth(1)?,
        })
    }

    fn directory(&self, group: &str) -> PathBuf {
        let below = Path::new(group).strip_prefix(self.root).unwrap_or("".as_ref());
        // Not `join`: with nothing below it would end in a slash.
        Path::new(self.point).components().chain(below.components()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(own: &str, mounts: &str, expected: &[(&'static Interface, &str)]) {
        let found = places(own, mounts);
        let found: Vec<_> = found
            .iter()
            .map(|(kind, path)| (*kind, path.to_str().unwrap()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn groups_are_made_where_this_process_is() {
        let second = "35 31 0:32 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate";
        check("0::/", second, &[(&SECOND, "/sys/fs/cgroup")]);
        let above = [
            (&SECOND, "/sys/fs/cgroup/a/b"),
            (&SECOND, "/sys/fs/cgroup/a"),
            (&SECOND, "/sys/fs/cgroup"),
        ];
        check("0::/a/b", second, &above);
        let first = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
        check(
            "9:cpu:/x
4:memory:/a",
            first,
            &[(&FIRST, "/sys/fs/cgroup/memory/a")],
        );
        check("4:hugetlb,memory:/", first, &[(&FIRST, "/sys/fs/cgroup/memory")]);
        // A container sees the part of the tree that it is in.
        let inner = "35 31 0:32 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
        check("4:memory:/docker/1", inner, &[(&FIRST, "/sys/fs/cgroup/memory")]);
        check("4:memory:/a", "23 1 0:1 / /sys rw - sysfs sysfs rw", &[]);
        check("", "", &[]);
    }

    #[test]
    fn without_groups_processes_are_limited_by_themselves() {
        assert_eq!(Memory::limited(None).per_process(), None);
        let memory = Memory::PerProcess(5, "no reason".to_owned());
        assert_eq!(memory.per_process(), Some(5));
        assert!(!memory.charge().unwrap().is_exhausted().unwrap());
    }
}
