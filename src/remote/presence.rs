//! Which blobs a server is known to have, and which are on their way: concurrent actions that share inputs ask and
//! upload once. What is known here may be wrong (servers evict); then Execute says so and the caller forgets it.

use crate::digest::Digest;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long a blob counts as present. Servers keep what was just asked for far longer.
const LIFETIME: Duration = Duration::from_mins(20);
/// About 40 MB.
const CAPACITY: usize = 400_000;

/// The state of blobs on one server.
#[derive(Default)]
pub(super) struct Presence(Mutex<State>);

#[derive(Default)]
struct State {
    known: HashMap<Digest, Instant>,
    under_way: HashMap<Digest, watch::Receiver<()>>,
}

/// What to do about some blobs that are not known to be present.
pub(super) struct Claim<'a> {
    /// To be looked for and uploaded by the caller; others wait meanwhile.
    pub(super) ours: Vec<Digest>,
    /// End when whoever brings the other blobs is done, with or without success.
    pub(super) others: Vec<watch::Receiver<()>>,
    presence: &'a Presence,
    _done: watch::Sender<()>,
}

impl Presence {
    /// Those of `digests` that are not known to be present.
    pub(super) fn unknown(&self, digests: impl IntoIterator<Item = Digest>) -> Vec<Digest> {
        let state = self.state();
        let now = Instant::now();
        let known = |digest: &Digest| state.known.get(digest).is_some_and(|until| *until > now);
        digests.into_iter().filter(|digest| !known(digest)).collect()
    }

    /// Divides the blobs among the caller and those who are already bringing them.
    pub(super) fn claim(&self, digests: &[Digest]) -> Claim<'_> {
        let (done, receiver) = watch::channel(());
        let mut state = self.state();
        let mut claim = Claim {
            ours: Vec::new(),
            others: Vec::new(),
            presence: self,
            _done: done,
        };
        for digest in digests {
            match state.under_way.get(digest) {
                Some(other) if other.same_channel(&receiver) => {} // Named twice.
                Some(other) => {
                    if !claim.others.iter().any(|seen| seen.same_channel(other)) {
                        claim.others.push(other.clone());
                    }
                }
                None => {
                    state.under_way.insert(*digest, receiver.clone());
                    claim.ours.push(*digest);
                }
            }
        }
        claim
    }

    /// The server has these.
    pub(super) fn learn(&self, digests: &[Digest]) {
        let mut state = self.state();
        let now = Instant::now();
        if state.known.len() + digests.len() > CAPACITY {
            state.known.retain(|_, until| *until > now);
            if state.known.len() + digests.len() > CAPACITY {
                state.known.clear();
            }
        }
        state
            .known
            .extend(digests.iter().map(|digest| (*digest, now + LIFETIME)));
    }

    /// The server said that it lacks these, or may.
    pub(super) fn forget(&self, digests: &[Digest]) {
        let mut state = self.state();
        for digest in digests {
            state.known.remove(digest);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no panic while locked")
    }
}

impl Drop for Claim<'_> {
    /// Also when the work is cancelled: then one of those who wait takes it over.
    fn drop(&mut self) {
        let mut state = self.presence.state();
        for digest in &self.ours {
            state.under_way.remove(digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_blob_is_brought_by_one_and_waited_for_by_the_others() {
        let presence = Presence::default();
        let [a, b] = [Digest::of(b"a"), Digest::of(b"b")];
        let first = presence.claim(&[a, a]);
        let mut second = presence.claim(&[a, b]);
        assert_eq!((&*first.ours, &*second.ours), (&[a][..], &[b][..]));
        assert_eq!((first.others.len(), second.others.len()), (0, 1));
        presence.learn(&first.ours);
        drop(first);
        assert!(second.others[0].changed().await.is_err(), "the other is done");
        assert_eq!(presence.unknown([a, b]), [b]);
    }

    #[test]
    fn what_was_given_up_can_be_claimed_again() {
        let presence = Presence::default();
        let a = Digest::of(b"a");
        drop(presence.claim(&[a]));
        assert_eq!(presence.unknown([a]), [a]);
        assert_eq!(presence.claim(&[a]).ours, [a]);
    }

    #[test]
    fn what_is_forgotten_is_unknown() {
        let presence = Presence::default();
        let [a, b] = [Digest::of(b"a"), Digest::of(b"b")];
        presence.learn(&[a, b]);
        presence.forget(&[a]);
        assert_eq!(presence.unknown([a, b]), [a]);
    }
}
