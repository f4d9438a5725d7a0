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
        Self(self.0.saturating_sub(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        })
    }
}

/// Tells the time. The default is the system's clock; a clock that runs ahead makes files that were just written look
/// as if they had been left alone for long, so that tests need not wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    ahead: Duration,
}

impl Clock {
    /// The system's clock, that much ahead.
    pub fn ahead(by: Duration) -> Self {
        Self { ahead: by }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (SystemTime::now() + self.ahead).into()
    }
}
