//! One transfer per blob at a time: who wants a blob that is already on its way waits for that transfer.

use super::{Blob, BlobStore, StoreError};
use crate::digest::Digest;
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Belongs in front of what transfers, behind [`ExistenceCaching`](super::existence_caching::ExistenceCaching), which
/// knows what has arrived: together they never upload a blob twice.
///
/// The first caller transfers, the others wait. If it is cancelled, one of those who wait begins anew. If it fails, each
/// of them tries for itself, all at the same time: the reason may lie in what the first one wanted to send, and nobody
/// waits for more than two transfers.
pub struct Deduplicating {
    inner: Arc<dyn BlobStore>,
    gets: Flights<Blob>,
    puts: Flights<()>,
}

impl Deduplicating {
    /// Merges the transfers to and from `inner`.
    pub fn new(inner: Arc<dyn BlobStore>) -> Self {
        Self {
            inner,
            gets: Flights::default(),
            puts: Flights::default(),
        }
    }
}

#[async_trait]
impl BlobStore for Deduplicating {
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        self.inner.find_missing(digests).await
    }

    async fn get(&self, digest: Digest) -> Result<Blob, StoreError> {
        self.gets.join(digest, || self.inner.get(digest)).await
    }

    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError> {
        self.puts.join(digest, || self.inner.put(digest, blob.clone())).await
    }
}

/// A transfer that somebody waits for: what it brought, `None` if it failed. The cell lets one caller at a time try, and
/// the next one if that is cancelled.
type Flight<T> = OnceCell<Option<T>>;

/// The transfers under way. An entry lives as long as somebody waits for it.
struct Flights<T>(Mutex<HashMap<Digest, Arc<Flight<T>>>>);

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Flights<T> {
    async fn join<F>(&self, digest: Digest, transfer: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let seat = self.board(digest);
        let mut own_failure = None;
        let attempt = async {
            let brought = transfer().await.map_err(|error| own_failure = Some(error)).ok();
            // Whoever comes from now on begins anew: a blob can be evicted, a failure can pass.
            self.close(digest, &seat.flight);
            brought
        };
        let brought = seat.flight.get_or_init(|| attempt).await.clone();
        match (brought, own_failure) {
            (Some(value), _) => Ok(value),
            (None, Some(error)) => Err(error),
            (None, None) => transfer().await,
        }
    }

    fn board(&self, digest: Digest) -> Seat<'_, T> {
        let flight = self.with_flights(|flights| Arc::clone(flights.entry(digest).or_default()));
        Seat {
            flights: self,
            digest,
            flight,
        }
    }

    fn close(&self, digest: Digest, flight: &Arc<Flight<T>>) {
        self.with_flights(|flights| {
            if flights.get(&digest).is_some_and(|current| Arc::ptr_eq(current, flight)) {
                flights.remove(&digest);
            }
        });
    }

    fn with_flights<R>(&self, look: impl FnOnce(&mut HashMap<Digest, Arc<Flight<T>>>) -> R) -> R {
        // A map of independent entries is right after any panic.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One caller's part in a flight. The last one to leave, whether served or cancelled, takes the entry away.
struct Seat<'a, T> {
    flights: &'a Flights<T>,
    digest: Digest,
    flight: Arc<Flight<T>>,
}

impl<T> Drop for Seat<'_, T> {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        let current = flights.get(&self.digest);
        let is_ours = current.is_some_and(|current| Arc::ptr_eq(current, &self.flight));
        // Two: the map's and this seat's. Others can only join under this lock.
        if is_ours && Arc::strong_count(&self.flight) == 2 {
            flights.remove(&self.digest);
        }
    }
}

#[cfg(test)]
mod tests;
