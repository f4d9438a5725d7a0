//! The wall clock, as file time stamps are taken from it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment of the wall clock: nanoseconds since the Unix epoch (the years 1677 to 2262; what lies outside is moved to
/// the nearer end).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From nanoseconds since the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From the two parts of a kernel time stamp.
    pub const fn from_parts(seconds: i64, nanos: u32) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos as i64))
    }

    /// Nanoseconds since the epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The moment that much earlier.
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(by)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        })
    }
}

/// Tells the time: the system's, or with a shift for tests, which then need not wait. For a clock that runs ahead, files
/// that were just written have been left alone for long; for one that runs behind, every file is fresh for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Nanoseconds.
    shift: i64,
}

impl Clock {
    /// The system's clock, that much ahead.
    pub fn ahead(by: Duration) -> Self {
        Self { shift: nanos(by) }
    }

    /// The system's clock, that much behind.
    pub fn behind(by: Duration) -> Self {
        Self { shift: -nanos(by) }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        Timestamp(Timestamp::from(SystemTime::now()).0.saturating_add(self.shift))
    }
}

fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}
