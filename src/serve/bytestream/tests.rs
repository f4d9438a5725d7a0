use super::*;
use crate::compression::{compress, decompress};
use crate::digest::{Digest, Function};
use crate::serve::storage::tests::{Server, code, noise, request, requests};
use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

mod resume;

const UUID: &str = "5e0f5e0f-0000-4000-8000-000000000000";

/// `blobs/…` of the blob.
fn plain(digest: Digest) -> String {
    match digest.function() {
        Function::Sha256 => format!("blobs/{digest}"),
        Function::Blake3 => format!("blobs/blake3/{digest}"),
    }
}

/// The same, compressed.
fn zstd(digest: Digest) -> String {
    plain(digest).replacen("blobs/", "compressed-blobs/zstd/", 1)
}

fn upload(name: &str) -> String {
    format!("uploads/{UUID}/{name}")
}

/// A stream that stays open until its sender is dropped.
async fn open_stream(
    server: &Server,
    first: Vec<wire::WriteRequest>,
) -> (
    mpsc::Sender<wire::WriteRequest>,
    tokio::task::JoinHandle<Result<i64, Status>>,
) {
    let (sender, body) = mpsc::channel(first.len().max(1));
    for message in first {
        sender.send(message).await.unwrap();
    }
    let mut client = server.streams();
    let answer = async move {
        Ok(client
            .write(ReceiverStream::new(body))
            .await?
            .into_inner()
            .committed_size)
    };
    (sender, tokio::spawn(answer))
}

/// Waits until the server has written so much of the upload.
async fn until_written(server: &Server, name: &str, size: i64) {
    while server.written(name).await.unwrap() != (size, false) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn blobs_of_all_sizes_go_in_and_out_in_every_way() {
    let server = Server::start().await;
    for size in [0, 1, 1000, 65_536, 65_537, 262_144, 262_145, 3_000_000] {
        for function in Function::ALL {
            for compressed in [false, true] {
                let mut content = noise(size);
                content.extend_from_slice(function.name().as_bytes());
                content.push(u8::from(compressed));
                let digest = function.digest(&content);
                let what = format!("{digest} compressed: {compressed}");
                if compressed {
                    let encoded = compress(&content).unwrap();
                    let committed = server.write_all(&upload(&zstd(digest)), &encoded, 100_000).await;
                    assert_eq!(committed.unwrap(), i64::try_from(encoded.len()).unwrap(), "{what}");
                } else {
                    let committed = server.write_all(&upload(&plain(digest)), &content, 100_000).await;
                    assert_eq!(committed.unwrap(), i64::try_from(content.len()).unwrap(), "{what}");
                }
                assert_eq!(server.read(&plain(digest), 0, 0).await.unwrap(), content, "{what}");
                let encoded = server.read(&zstd(digest), 0, 0).await.unwrap();
                assert_eq!(decompress(&encoded, digest.size()).unwrap(), content, "{what}");
            }
        }
    }
    assert_eq!(server.drafts(), 0);
}

#[tokio::test]
async fn a_part_of_a_blob_is_read() {
    let server = Server::start().await;
    for size in [10, 600_000] {
        let content = noise(size);
        let digest = server.put(&content);
        let end = i64::try_from(size).unwrap();
        for (offset, limit, from, to) in [
            (0, 0, 0, size),
            (3, 0, 3, size),
            (3, 4, 3, 7),
            (0, 1, 0, 1),
            (end - 1, 0, size - 1, size),
            (end, 0, size, size),
            (end - 1, 99, size - 1, size),
            (1, i64::MAX, 1, size),
        ] {
            let what = format!("{size}: {offset} {limit}");
            let got = server.read(&plain(digest), offset, limit).await.unwrap();
            assert_eq!(got, content[from..to], "{what}");
            if limit == 0 {
                let encoded = server.read(&zstd(digest), offset, 0).await.unwrap();
                assert_eq!(
                    decompress(&encoded, digest.size()).unwrap(),
                    content[from..to],
                    "{what}"
                );
            }
        }
        for (name, offset, limit, expected) in [
            (plain(digest), -1, 0, Code::OutOfRange),
            (plain(digest), end + 1, 0, Code::OutOfRange),
            (plain(digest), 0, -1, Code::InvalidArgument),
            (zstd(digest), end + 1, 0, Code::OutOfRange),
            (zstd(digest), 0, 1, Code::InvalidArgument),
        ] {
            assert_eq!(
                code(server.read(&name, offset, limit).await),
                expected,
                "{name} {offset} {limit}"
            );
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_has_its_code() {
    let server = Server::start().await;
    for size in [6, 100_000] {
        let absent = Digest::from_parts([7; 32], size);
        for name in [plain(absent), zstd(absent), format!("main/{}", plain(absent))] {
            assert_eq!(code(server.read(&name, 0, 0).await), Code::NotFound, "{name}");
        }
    }
    for name in [
        "",
        "blobs",
        "blobs/x/1",
        "compressed-blobs/deflate/x/1",
        "operations/blobs/x/1",
    ] {
        assert_eq!(code(server.read(name, 0, 0).await), Code::InvalidArgument, "{name}");
    }
}

#[tokio::test]
async fn a_corrupt_blob_is_not_there() {
    let server = Server::start().await;
    let digest = server.put(&noise(100_000));
    let hex = digest.hex();
    let path = server
        .storage
        .store()
        .dir()
        .join(format!("cas/{}/{hex}-100000", &hex[..2]));
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, vec![0; 100_000]).unwrap();
    assert_eq!(code(server.read(&plain(digest), 0, 0).await), Code::NotFound);
    server
        .write_all(&upload(&plain(digest)), &noise(100_000), 50_000)
        .await
        .unwrap();
    assert_eq!(server.read(&plain(digest), 0, 0).await.unwrap(), noise(100_000));
}

#[tokio::test]
async fn what_is_not_the_blob_is_refused_and_leaves_nothing() {
    let server = Server::start().await;
    let content = noise(1000);
    let digest = Digest::of(&content);
    let (name, compressed) = (upload(&plain(digest)), upload(&zstd(digest)));
    let with = |change: &dyn Fn(&mut Vec<wire::WriteRequest>)| {
        let mut requests = requests(&name, &content, 100);
        change(&mut requests);
        requests
    };
    let encoded = compress(&content).unwrap();
    let larger = compress(&noise(1001)).unwrap();
    let table: Vec<(&str, Vec<wire::WriteRequest>)> = vec![
        ("nothing", Vec::new()),
        ("other content", requests(&name, &noise(999), 100)),
        ("other content of the size", requests(&name, &[0; 1000], 100)),
        ("other content at once", requests(&name, &[0; 1000], 1000)),
        ("too short", requests(&name, &content[..900], 100)),
        ("too long", requests(&name, &[&*content, b"!"].concat(), 100)),
        ("far too long", requests(&name, &vec![0; 3_000_000], 100_000)),
        ("no name", with(&|requests| requests[0].resource_name.clear())),
        ("a name to read", requests(&plain(digest), &content, 100)),
        ("no blob's name", requests("uploads/a/b", &content, 100)),
        ("a negative offset", with(&|requests| requests[0].write_offset = -1)),
        ("a first offset", with(&|requests| requests[0].write_offset = 1)),
        ("a gap", with(&|requests| requests[3].write_offset += 1)),
        ("an overlap", with(&|requests| requests[3].write_offset -= 1)),
        (
            "another name",
            with(&|requests| requests[3].resource_name = upload(&plain(Digest::of(b"x")))),
        ),
        ("not finished", with(&|requests| drop(requests.pop()))),
        ("no zstd", requests(&compressed, &content, 100)),
        ("half a zstd", requests(&compressed, &encoded[..encoded.len() / 2], 100)),
        (
            "zstd and more",
            requests(&compressed, &[&*encoded, b"more"].concat(), 100),
        ),
        ("zstd of more", requests(&compressed, &larger, 100)),
        (
            "zstd of another",
            requests(&compressed, &compress(&[0; 1000]).unwrap(), 100),
        ),
        ("zstd of nothing", requests(&compressed, b"", 100)),
    ];
    for (what, requests) in table {
        let answer = server.write(tokio_stream::iter(requests)).await;
        assert_eq!(code(answer), Code::InvalidArgument, "{what}");
        let kept = server.storage.store().usage().unwrap().blobs;
        assert_eq!(kept, 0, "{what}");
    }
    let empty = Digest::from_parts([1; 32], 0);
    assert_eq!(
        code(server.write_all(&upload(&plain(empty)), b"", 1).await),
        Code::InvalidArgument
    );
    let huge = Function::Sha256.digest_from_hex(&digest.hex(), 1 << 62).unwrap();
    assert_eq!(
        code(server.write_all(&upload(&plain(huge)), b"short", 9).await),
        Code::InvalidArgument
    );
    assert_eq!(server.write_all(&name, &content, 100).await.unwrap(), 1000);
    assert_eq!(server.drafts(), 0);
}

#[tokio::test]
async fn a_bomb_is_refused_when_it_has_grown_too_large() {
    let server = Server::start().await;
    let bomb = compress(&vec![0; 50 << 20]).unwrap();
    let digest = Digest::of(b"small");
    assert_eq!(
        code(server.write_all(&upload(&zstd(digest)), &bomb, 1000).await),
        Code::InvalidArgument
    );
    assert_eq!(server.drafts(), 0);
}

#[tokio::test]
async fn all_bytes_are_enough_without_finish_write() {
    let server = Server::start().await;
    let content = noise(1000);
    let digest = Digest::of(&content);
    let mut requests = requests(&upload(&plain(digest)), &content, 300);
    requests.last_mut().unwrap().finish_write = false;
    assert_eq!(server.write(tokio_stream::iter(requests)).await.unwrap(), 1000);
    assert_eq!(server.read(&plain(digest), 0, 0).await.unwrap(), content);
}

#[tokio::test]
async fn a_blob_that_is_there_is_not_waited_for() {
    let server = Server::start().await;
    let content = noise(1000);
    let digest = server.put(&content);
    for (name, expected) in [(plain(digest), 1000), (zstd(digest), -1)] {
        let (_open, answer) = open_stream(&server, vec![request(&upload(&name), 0, b"any")]).await;
        assert_eq!(answer.await.unwrap().unwrap(), expected, "{name}");
        assert_eq!(server.written(&upload(&name)).await.unwrap(), (1000, true));
    }
}

#[tokio::test]
async fn a_blob_that_somebody_else_brings_is_not_waited_for() {
    let server = Server::start().await;
    let content = noise(1000);
    let digest = Digest::of(&content);
    let name = upload(&plain(digest));
    let (first, answer) = open_stream(&server, vec![request(&name, 0, &content[..500])]).await;
    until_written(&server, &name, 500).await;
    server.put(&content);
    first.send(request("", 500, &content[500..501])).await.unwrap();
    assert_eq!(answer.await.unwrap().unwrap(), 1000);
    assert_eq!(server.drafts(), 0);
}

#[tokio::test]
async fn many_write_one_blob_at_a_time() {
    let server = Arc::new(Server::start().await);
    let content = Arc::new(noise(700_000));
    let digest = Digest::of(&content);
    let writers = (0..20).map(|n| {
        let (server, content) = (server.clone(), content.clone());
        tokio::spawn(async move {
            let name = format!("uploads/{n}/{}", plain(digest));
            server.write_all(&name, &content, 10_000).await
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert_eq!(writer.await.unwrap().unwrap(), 700_000);
    }
    assert_eq!(server.read(&plain(digest), 0, 0).await.unwrap(), *content);
    assert_eq!(server.drafts(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_messages_are_answered(
        messages in prop::collection::vec(
            (any::<bool>(), prop::sample::select(vec![0_i64, 1, 5, 10, -1, i64::MAX]), prop::collection::vec(any::<u8>(), 0..12), any::<bool>()),
            0..5,
        ),
        compressed: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::start().await;
            let digest = Digest::of(&[0; 10]);
            let name = upload(&if compressed { zstd(digest) } else { plain(digest) });
            let requests = messages.into_iter().map(|(named, offset, data, finish_write)| wire::WriteRequest {
                finish_write,
                ..request(if named { &name } else { "" }, offset, &data)
            });
            let answer = server.write(tokio_stream::iter(requests.collect::<Vec<_>>())).await;
            let kept = server.storage.store().contains(digest).unwrap();
            assert_eq!(answer.is_ok(), kept, "{answer:?}");
            if let Err(status) = answer {
                assert_eq!(status.code(), Code::InvalidArgument, "{status}");
            }
        });
    }
}
