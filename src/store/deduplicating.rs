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
/// The first caller transfers, the others wait. If it is cancelled, one of those who wait begins anew. If the transfer
/// fails, it has failed for all of them, unless the reason lies in what the one caller wanted to send.
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
        self.puts.join(digest, || self.inner.put(digest, blob)).await
    }
}

/// How a transfer ended, for all who waited for it.
type Outcome<T> = Result<T, Arc<StoreError>>;

/// A transfer that somebody waits for. The cell lets one caller at a time try, and the next one if that is cancelled.
type Flight<T> = OnceCell<Outcome<T>>;

/// The transfers under way. An entry lives as long as somebody waits for it.
struct Flights<T>(Mutex<HashMap<Digest, Arc<Flight<T>>>>);

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Flights<T> {
    async fn join<F>(&self, digest: Digest, transfer: impl FnOnce() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let seat = self.board(digest);
        let landing = seat.flight.get_or_try_init(|| async {
            let outcome = match transfer().await {
                Ok(value) => Ok(value),
                Err(error) if concerns_all(&error) => Err(Arc::new(error)),
                Err(error) => return Err(error),
            };
            // Whoever comes from now on begins anew: a blob can be evicted, a failure can pass.
            self.close(digest, &seat.flight);
            Ok(outcome)
        });
        landing.await?.clone().map_err(share)
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

/// Whether the same would have happened to every caller. A put that was refused for its content or because its file
/// cannot be read says nothing about the others' content.
fn concerns_all(error: &StoreError) -> bool {
    matches!(error.root(), StoreError::NotFound(_) | StoreError::Remote(_))
}

fn share(error: Arc<StoreError>) -> StoreError {
    match *error {
        StoreError::NotFound(digest) => StoreError::NotFound(digest),
        _ => StoreError::Shared(error),
    }
}

#[cfg(test)]
mod tests;
