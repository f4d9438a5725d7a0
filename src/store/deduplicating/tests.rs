use super::*;
use crate::store::laws;
use crate::store::memory::MemoryStore;
use bytes::Bytes;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use tokio::sync::Semaphore;

/// A store whose transfers begin at once and end when the gate is opened for them.
struct Gated {
    inner: MemoryStore,
    begun: AtomicUsize,
    gate: Semaphore,
}

impl Gated {
    async fn pass(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.gate.acquire().await.expect("the gate is never closed").forget();
    }
}

#[async_trait]
impl BlobStore for Gated {
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        self.inner.find_missing(digests).await
    }
    async fn get(&self, digest: Digest) -> Result<Blob, StoreError> {
        self.pass().await;
        self.inner.get(digest).await
    }
    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError> {
        self.pass().await;
        self.inner.put(digest, blob).await
    }
}

const CONTENT: Bytes = Bytes::from_static(b"content");

fn digest() -> Digest {
    Digest::of(&CONTENT)
}

/// A store with a gate that lets this many transfers through.
fn gated(open_for: usize) -> (Deduplicating, Arc<Gated>) {
    let gated = Arc::new(Gated {
        inner: MemoryStore::new(),
        begun: AtomicUsize::new(0),
        gate: Semaphore::new(open_for),
    });
    (Deduplicating::new(gated.clone()), gated)
}

/// Lets a future run as far as it gets.
async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

impl Deduplicating {
    #[track_caller]
    fn assert_nothing_under_way(&self) {
        assert!(self.gets.with_flights(|flights| flights.is_empty()));
        assert!(self.puts.with_flights(|flights| flights.is_empty()));
    }
}

#[tokio::test]
async fn keeps_the_laws() {
    let store = Deduplicating::new(Arc::new(MemoryStore::new()));
    laws::blob_store(&store).await.unwrap();
    store.assert_nothing_under_way();
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_transfer() {
    let (store, gated) = gated(0);
    let mut puts: Vec<_> = (0..5).map(|_| store.put(digest(), CONTENT.into())).collect();
    for put in &mut puts {
        assert!(poll_once(put).await.is_pending());
    }
    gated.gate.add_permits(1);
    for put in puts {
        put.await.unwrap();
    }
    assert_eq!(gated.begun.load(Ordering::Relaxed), 1);

    let mut gets: Vec<_> = (0..5).map(|_| store.get(digest())).collect();
    for get in &mut gets {
        assert!(poll_once(get).await.is_pending());
    }
    gated.gate.add_permits(1);
    for get in gets {
        assert_eq!(get.await.unwrap().to_bytes().unwrap(), CONTENT);
    }
    assert_eq!(gated.begun.load(Ordering::Relaxed), 2);
    store.assert_nothing_under_way();
}

#[tokio::test]
async fn callers_one_after_the_other_transfer_each() {
    let (store, gated) = gated(3);
    store.put(digest(), CONTENT.into()).await.unwrap();
    store.get(digest()).await.unwrap();
    assert!(gated.inner.evict(digest()));
    assert!(store.get(digest()).await.unwrap_err().is_not_found());
    assert_eq!(gated.begun.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn when_the_first_caller_is_cancelled_another_one_transfers() {
    let (store, gated) = gated(0);
    let mut first = store.put(digest(), CONTENT.into());
    let mut second = store.put(digest(), CONTENT.into());
    let mut third = store.put(digest(), CONTENT.into());
    for put in [&mut first, &mut second, &mut third] {
        assert!(poll_once(put).await.is_pending());
    }
    drop(first);
    gated.gate.add_permits(1);
    let (second, third) = tokio::join!(second, third);
    second.unwrap();
    third.unwrap();
    assert_eq!(gated.begun.load(Ordering::Relaxed), 2);
    assert!(gated.inner.find_missing(&[digest()]).await.unwrap().is_empty());
    store.assert_nothing_under_way();
}

#[tokio::test]
async fn when_all_are_cancelled_nothing_is_left() {
    for callers in 1..=3 {
        let (store, _gated) = gated(0);
        let mut gets: Vec<_> = (0..callers).map(|_| store.get(digest())).collect();
        for get in &mut gets {
            assert!(poll_once(get).await.is_pending());
        }
        drop(gets);
        store.assert_nothing_under_way();
    }
}

#[tokio::test]
async fn who_comes_after_a_cancelled_caller_joins_those_who_wait() {
    let (store, gated) = gated(0);
    let [mut first, mut second, mut third] = [(); 3].map(|()| store.put(digest(), CONTENT.into()));
    assert!(poll_once(&mut first).await.is_pending());
    assert!(poll_once(&mut second).await.is_pending());
    drop(first);
    assert!(poll_once(&mut second).await.is_pending());
    assert!(poll_once(&mut third).await.is_pending());
    assert_eq!(gated.begun.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn who_comes_after_the_transfer_does_not_get_its_outcome() {
    let (store, gated) = gated(0);
    gated.inner.put(digest(), CONTENT.into()).await.unwrap();
    let [mut first, mut second, mut third] = [(); 3].map(|()| store.get(digest()));
    assert!(poll_once(&mut first).await.is_pending());
    assert!(poll_once(&mut second).await.is_pending());
    gated.gate.add_permits(1);
    first.await.unwrap();
    assert!(gated.inner.evict(digest()));
    // The second has not looked at the outcome yet.
    assert!(poll_once(&mut third).await.is_pending());
    gated.gate.add_permits(1);
    assert!(third.await.unwrap_err().is_not_found());
    second.await.unwrap();
    assert_eq!(gated.begun.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn after_a_failure_the_others_try_at_the_same_time() {
    let (store, gated) = gated(0);
    let [mut first, mut second, mut third] = [(); 3].map(|()| store.get(digest()));
    for get in [&mut first, &mut second, &mut third] {
        assert!(poll_once(get).await.is_pending());
    }
    gated.gate.add_permits(1);
    assert!(first.await.unwrap_err().is_not_found());
    assert!(poll_once(&mut second).await.is_pending());
    assert!(poll_once(&mut third).await.is_pending());
    assert_eq!(gated.begun.load(Ordering::Relaxed), 3);

    gated.inner.put(digest(), CONTENT.into()).await.unwrap();
    gated.gate.add_permits(2);
    second.await.unwrap();
    third.await.unwrap();
    store.assert_nothing_under_way();
}

#[tokio::test]
async fn wrong_content_from_one_caller_does_not_fail_the_others() {
    let (store, gated) = gated(2);
    let wrong = store.put(digest(), Bytes::from_static(b"another").into());
    let right = store.put(digest(), CONTENT.into());
    let (wrong, right) = tokio::join!(wrong, right);
    assert!(matches!(wrong, Err(StoreError::Corrupt { .. })));
    right.unwrap();
    assert_eq!(gated.begun.load(Ordering::Relaxed), 2);
    store.assert_nothing_under_way();
}
