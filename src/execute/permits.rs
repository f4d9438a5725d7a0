//! Permits for steps that fell back from a server to this machine, so that an outage under `-j 200` does not start 200
//! compilers. Steps that run here because the user's settings say so need none: the build tool bounds them.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A number of permits, shared by all steps of the daemon.
#[derive(Default)]
pub struct Permits {
    taken: Mutex<u32>,
    returned: Condvar,
}

/// One permit; dropping it returns it.
pub struct Permit(Arc<Permits>);

impl Permits {
    /// Waits until fewer than `limit` permits are taken; `None` if `gone` says that nobody waits for the step any more.
    /// The limit is the asking step's setting `local_jobs`.
    pub fn take(self: &Arc<Self>, limit: u32, gone: impl Fn() -> bool) -> Option<Permit> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken >= limit.max(1) {
            if gone() {
                return None;
            }
            // The time bounds only how late a vanished wrapper is noticed.
            taken = self
                .returned
                .wait_timeout(taken, Duration::from_millis(200))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *taken += 1;
        Some(Permit(Arc::clone(self)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn never_more_than_the_limit_are_out_at_once() {
        let permits = Arc::new(Permits::default());
        let (now, most) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let permit = permits.take(3, || false).expect("a permit");
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                        drop(permit);
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.into_inner()));
    }

    #[test]
    fn who_is_gone_gets_none() {
        let permits = Arc::new(Permits::default());
        let held = permits.take(1, || false);
        assert!(permits.take(1, || true).is_none());
        drop(held);
        assert!(permits.take(1, || true).is_some());
    }
}
