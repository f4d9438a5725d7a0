use super::*;
use crate::digest::Digest;
use crate::store::laws;
use crate::store::memory::MemoryStore;
use bytes::Bytes;
use std::time::Instant;

fn stack() -> (ServerStores, Arc<MemoryStore>) {
    let memory = Arc::new(MemoryStore::new());
    (server(memory.clone(), memory.clone(), Arc::new(Instant::now)), memory)
}

#[tokio::test]
async fn every_stack_keeps_the_laws() {
    let dir = tempfile::tempdir().unwrap();
    let disk = DiskStore::open(dir.path(), 0).unwrap();
    let (server, _) = stack();
    laws::blob_store(&*server.blobs).await.unwrap();
    laws::action_cache(&*server.results).await.unwrap();
    for disk in [None, Some(&disk)] {
        let reading = reading(disk, &server);
        laws::blob_store(&*reading.blobs).await.unwrap();
        laws::action_cache(&*reading.results).await.unwrap();
    }
}

#[tokio::test]
async fn what_many_steps_need_crosses_the_wire_once() {
    let dir = tempfile::tempdir().unwrap();
    let disk = DiskStore::open(dir.path(), 0).unwrap();
    let (server, memory) = stack();
    let content = Bytes::from_static(b"#pragma once");
    let digest = Digest::of(&content);

    let upload = async || {
        server.blobs.find_missing(&[digest]).await.unwrap();
        server.blobs.put(digest, content.clone().into()).await.unwrap();
    };
    tokio::join!(upload(), upload(), upload());
    upload().await;
    assert_eq!(server.meter.read().blobs_put, 1);

    let reading = reading(Some(&disk), &server);
    for _ in 0..3 {
        reading.blobs.get(digest).await.unwrap();
    }
    assert_eq!(server.meter.read().blobs_got, 1);
    assert!(memory.evict(digest));
    assert_eq!(reading.blobs.get(digest).await.unwrap().to_bytes().unwrap(), content);
}
