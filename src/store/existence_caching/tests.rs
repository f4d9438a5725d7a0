use super::*;
use crate::store::laws;
use crate::store::memory::MemoryStore;
use crate::store::metered::{Meter, Metered};
use bytes::Bytes;

const TIME: Duration = Duration::from_mins(10);

/// A cache in front of a server in memory, with everything that can be turned and read.
struct Scene {
    cache: ExistenceCaching,
    server: Arc<MemoryStore>,
    meter: Arc<Meter>,
    now: Arc<Mutex<Instant>>,
}

fn scene(count: usize) -> Scene {
    let (server, meter) = (Arc::new(MemoryStore::new()), Arc::new(Meter::default()));
    let metered: Arc<dyn BlobStore> = Arc::new(Metered::new(server.clone() as Arc<dyn BlobStore>, meter.clone()));
    let now = Arc::new(Mutex::new(Instant::now()));
    let clock = now.clone();
    let clock: Clock = Arc::new(move || *clock.lock().unwrap());
    Scene {
        cache: ExistenceCaching::new(metered, Memory { time: TIME, count }, clock),
        server,
        meter,
        now,
    }
}

impl Scene {
    /// How many digests the server was asked about while `digests` were looked for; all of them are there.
    async fn asked_for(&self, digests: &[Digest]) -> u64 {
        let before = self.meter.read().digests_asked;
        assert_eq!(self.cache.find_missing(digests).await.unwrap(), []);
        self.meter.read().digests_asked - before
    }

    /// Blobs that are on the server without the cache knowing.
    async fn on_server(&self, count: u8) -> Vec<Digest> {
        let mut digests = Vec::new();
        for n in 0..count {
            let digest = Digest::of(&[n]);
            self.server
                .put(digest, Bytes::copy_from_slice(&[n]).into())
                .await
                .unwrap();
            digests.push(digest);
        }
        digests
    }

    fn wait(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }
}

#[tokio::test]
async fn keeps_the_laws() {
    laws::blob_store(&scene(10_000).cache).await.unwrap();
    laws::blob_store(&scene(2).cache).await.unwrap();
}

#[tokio::test]
async fn what_is_there_is_asked_for_once_in_its_time() {
    let scene = scene(100);
    let digests = scene.on_server(3).await;
    assert_eq!(scene.asked_for(&digests[..2]).await, 2);
    assert_eq!(scene.asked_for(&digests).await, 1);
    scene.wait(TIME.checked_sub(Duration::from_nanos(1)).unwrap());
    assert_eq!(scene.asked_for(&digests).await, 0);
    scene.wait(Duration::from_nanos(1));
    assert_eq!(scene.asked_for(&digests).await, 3);
}

#[tokio::test]
async fn what_is_missing_is_asked_for_each_time() {
    let scene = scene(100);
    let digest = Digest::of(b"absent");
    for _ in 0..2 {
        assert_eq!(scene.cache.find_missing(&[digest, digest]).await.unwrap(), [digest]);
    }
    assert_eq!(scene.meter.read().digests_asked, 2);
}

#[tokio::test]
async fn what_was_put_is_neither_asked_for_nor_sent_again() {
    let scene = scene(100);
    let content = Bytes::from_static(b"content");
    let digest = Digest::of(&content);
    scene.cache.put(digest, content.clone().into()).await.unwrap();
    scene.cache.put(digest, content.into()).await.unwrap();
    assert_eq!(scene.asked_for(&[digest]).await, 0);
    assert_eq!(scene.meter.read().blobs_put, 1);
}

#[tokio::test]
async fn what_the_server_has_lost_is_sent_again() {
    let content = Bytes::from_static(b"content");
    let digest = Digest::of(&content);
    for told_by_get in [false, true] {
        let scene = scene(100);
        scene.cache.put(digest, content.clone().into()).await.unwrap();
        assert!(scene.server.evict(digest));
        if told_by_get {
            assert!(scene.cache.get(digest).await.unwrap_err().is_not_found());
        } else {
            scene.cache.forget(&[digest]);
        }
        assert_eq!(scene.cache.find_missing(&[digest]).await.unwrap(), [digest]);
        scene.cache.put(digest, content.clone().into()).await.unwrap();
        scene.server.get(digest).await.unwrap();
    }
}

#[tokio::test]
async fn no_more_is_remembered_than_allowed_and_the_oldest_goes_first() {
    let scene = scene(10);
    let digests = scene.on_server(30).await;
    for digest in &digests {
        assert_eq!(scene.asked_for(&[*digest]).await, 1);
    }
    let known = scene.cache.with_known(|known| known.young.len() + known.old.len());
    assert!((5..=10).contains(&known), "{known}");
    assert_eq!(scene.asked_for(&digests[25..]).await, 0);
    assert_eq!(scene.asked_for(&digests[..5]).await, 5);
}
