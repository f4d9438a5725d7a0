//! The operations by name and the executions by what they execute.

use super::flight::{Flight, Key};
use super::operation::Claim;
use crate::pb::longrunning::{ListOperationsResponse, Operation};
use crate::serve::caller::Caller;
use prost::Message as _;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// Operations that have not been answered. Each holds some kilobytes, and its client.
const MOST_OPEN: usize = 16 * 1024;

/// Operations that are remembered after their end, for a client whose stream broke with the last message on it.
const MOST_REMEMBERED: usize = 1024;

/// How long they are.
const REMEMBERED_FOR: Duration = Duration::from_mins(10);

/// Operations on one page of a list.
const LARGEST_PAGE: usize = 100;

/// Bytes of operations on one page: responses are among them.
const LARGEST_PAGE_BYTES: usize = 1 << 20;

/// Both.
#[derive(Debug, Default)]
pub(super) struct Table {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    operations: BTreeMap<String, Arc<Claim>>,
    /// Those that have been closed, oldest first.
    past: VecDeque<(Instant, String)>,
    flights: HashMap<Key, Arc<Flight>>,
}

/// The claim of a new operation.
pub(super) enum Begun {
    /// On an execution that had begun.
    Merged(Arc<Claim>),
    /// On a new one, to be started.
    New(Arc<Claim>),
}

impl Table {
    /// Adds an operation, on the present execution of `key` if `join` lets it, or else on a new one, which is the
    /// present one from then on if `shared`. The error is the number of operations, if it is too large.
    pub(super) fn begin(
        &self,
        key: Option<&Key>,
        caller: Option<Caller>,
        join: impl FnOnce(&Flight) -> bool,
        new: impl FnOnce() -> Flight,
    ) -> Result<Begun, usize> {
        let mut inner = self.lock();
        let open = inner.operations.len() - inner.past.len();
        if open >= MOST_OPEN {
            return Err(open);
        }
        let name = format!("operations/{:032x}", fastrand::u128(..));
        let present = key
            .and_then(|key| inner.flights.get(key))
            .filter(|flight| join(flight))
            .cloned();
        let merged = present.is_some();
        let flight = present.unwrap_or_else(|| Arc::new(new()));
        if let Some(key) = key.filter(|_| !merged) {
            inner.flights.insert(key.clone(), flight.clone());
        }
        let claim = Arc::new(Claim::new(name.clone(), flight, caller, merged));
        inner.operations.insert(name, claim.clone());
        Ok(if merged {
            Begun::Merged(claim)
        } else {
            Begun::New(claim)
        })
    }

    /// No operation joins this execution any more.
    pub(super) fn landed(&self, flight: &Arc<Flight>) {
        let mut inner = self.lock();
        if inner
            .flights
            .get(&flight.key)
            .is_some_and(|present| Arc::ptr_eq(present, flight))
        {
            inner.flights.remove(&flight.key);
        }
    }

    /// The operation is remembered for a while.
    pub(super) fn closed(&self, name: &str) {
        let mut inner = self.lock();
        // It may have been deleted.
        if inner.operations.contains_key(name) {
            inner.past.push_back((Instant::now(), name.to_owned()));
            inner.forget();
        }
    }

    /// Forgets an operation at once.
    pub(super) fn remove(&self, name: &str) {
        let mut inner = self.lock();
        inner.operations.remove(name);
        inner.past.retain(|(_, past)| past != name);
    }

    /// The operation with this name, if it is the caller's.
    pub(super) fn get(&self, name: &str, caller: Option<&Caller>) -> Option<Arc<Claim>> {
        let mut inner = self.lock();
        inner.forget();
        inner
            .operations
            .get(name)
            .filter(|claim| claim.caller.as_ref() == caller)
            .cloned()
    }

    /// The caller's operations after `token`, in the order of their names.
    pub(super) fn list(&self, caller: Option<&Caller>, token: &str, size: i32) -> ListOperationsResponse {
        let size = usize::try_from(size)
            .ok()
            .filter(|size| *size > 0)
            .unwrap_or(LARGEST_PAGE)
            .min(LARGEST_PAGE);
        let claims: Vec<Arc<Claim>> = {
            let mut inner = self.lock();
            inner.forget();
            let after = (std::ops::Bound::Excluded(token.to_owned()), std::ops::Bound::Unbounded);
            let claims = inner.operations.range(after).map(|(_, claim)| claim);
            claims
                .filter(|claim| claim.caller.as_ref() == caller)
                .take(size + 1)
                .cloned()
                .collect()
        };
        let mut bytes = 0;
        let fitting = |operation: &Operation| {
            bytes += operation.encoded_len();
            bytes <= LARGEST_PAGE_BYTES
        };
        let mut operations: Vec<Operation> = claims
            .iter()
            .take(size)
            .map(|claim| claim.now())
            .take_while(fitting)
            .collect();
        if operations.is_empty() {
            // One that is larger than a page is a page.
            operations.extend(claims.first().map(|claim| claim.now()));
        }
        let last = operations.last().filter(|_| operations.len() < claims.len());
        ListOperationsResponse {
            next_page_token: last.map(|last| last.name.clone()).unwrap_or_default(),
            operations,
        }
    }

    /// Waits until every operation has been closed; whether no execution is left to be joined then.
    #[cfg(test)]
    pub(super) async fn is_at_rest(&self) -> bool {
        loop {
            {
                let inner = self.lock();
                if inner.operations.len() == inner.past.len() {
                    return inner.flights.is_empty();
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic while locked")
    }
}

impl Inner {
    fn forget(&mut self) {
        while let Some((since, _)) = self.past.front()
            && (self.past.len() > MOST_REMEMBERED || since.elapsed() > REMEMBERED_FOR)
            && let Some((_, name)) = self.past.pop_front()
        {
            self.operations.remove(&name);
        }
    }
}
