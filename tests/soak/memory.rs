//! How much memory a process has, over time.

use std::fmt;
use std::fs;

/// By how much a server may be larger in the last quarter of its work than in the second one. The first quarter is where
/// caches fill and threads start.
const GROWTH: u64 = 48 << 20;

/// Samples of one process.
pub(crate) struct Memory {
    pid: u32,
    /// How much work was done, and the bytes then resident.
    samples: Vec<(usize, u64)>,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Self {
        Self {
            pid,
            samples: Vec::new(),
        }
    }

    /// Looks at the process after so much work.
    pub(crate) fn sample(&mut self, done: usize) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        let kilobytes: u64 = kilobytes.and_then(|word| word.parse().ok()).expect("VmRSS");
        self.samples.push((done, kilobytes << 10));
    }

    /// The median of each quarter of the work.
    fn quarters(&self) -> [u64; 4] {
        let all = self.samples.last().map_or(0, |(done, _)| done + 1);
        [0, 1, 2, 3].map(|quarter| {
            let within = |done: usize| done * 4 / all == quarter;
            let mut sizes: Vec<_> = self.samples.iter().filter(|(done, _)| within(*done)).collect();
            sizes.sort_by_key(|(_, size)| *size);
            sizes.get(sizes.len() / 2).map_or(0, |(_, size)| *size)
        })
    }

    /// Panics if the process has grown with its work.
    pub(crate) fn assert_flat(&self) {
        let [_, second, _, last] = self.quarters();
        assert!(last <= second + GROWTH, "memory grows: {self}");
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.samples.iter().map(|(_, size)| size >> 20).max().unwrap_or(0);
        let quarters = self.quarters().map(|size| size >> 20);
        write!(f, "median of each quarter {quarters:?} MB; most {most} MB")
    }
}
