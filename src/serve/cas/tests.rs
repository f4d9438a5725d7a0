use super::*;
use crate::compression::{compress, decompress};
use crate::serve::storage::Limits;
use crate::serve::storage::tests::{Server, code, noise};
use proptest::prelude::*;
use prost::Message as _;
use reapi::batch_update_blobs_request::Request as Blob;
use tonic::Code;

mod trees;

const SHA256: i32 = 1;
const BLAKE3: i32 = 9;

async fn missing(server: &Server, digests: &[Digest]) -> Result<Vec<Digest>, Status> {
    let function = digests.first().map_or(Function::Sha256, Digest::function);
    let request = reapi::FindMissingBlobsRequest {
        blob_digests: digests.iter().copied().map(Into::into).collect(),
        digest_function: function.to_wire() as i32,
        ..Default::default()
    };
    let answer = server.cas().find_missing_blobs(request).await?.into_inner();
    let missing = answer.missing_blob_digests.iter();
    Ok(missing.map(|wire| function.digest_from_wire(wire).unwrap()).collect())
}

/// The code of each blob.
async fn update(server: &Server, function: i32, blobs: Vec<Blob>) -> Result<Vec<Code>, Status> {
    let request = reapi::BatchUpdateBlobsRequest {
        requests: blobs,
        digest_function: function,
        ..Default::default()
    };
    let answer = server.cas().batch_update_blobs(request).await?.into_inner();
    let codes = answer
        .responses
        .into_iter()
        .map(|response| Code::from_i32(response.status.unwrap().code));
    Ok(codes.collect())
}

async fn read(server: &Server, digests: &[Digest], compressors: &[i32]) -> Result<Vec<Read>, Status> {
    let request = reapi::BatchReadBlobsRequest {
        digests: digests.iter().copied().map(Into::into).collect(),
        acceptable_compressors: compressors.to_vec(),
        digest_function: digests.first().map_or(0, |digest| digest.function().to_wire() as i32),
        ..Default::default()
    };
    Ok(server.cas().batch_read_blobs(request).await?.into_inner().responses)
}

fn blob(digest: Digest, data: &[u8], compressor: Compressor) -> Blob {
    Blob {
        digest: Some(digest.into()),
        data: Bytes::copy_from_slice(data),
        compressor: compressor as i32,
    }
}

#[tokio::test]
async fn missing_blobs_are_named_once() {
    let server = Server::start().await;
    let here = server.put(b"here");
    let gone = [Digest::of(b"one"), Digest::of(b"two")];
    let asked = [gone[0], here, gone[1], Digest::empty(), gone[0]];
    assert_eq!(missing(&server, &asked).await.unwrap(), gone);
    assert_eq!(missing(&server, &[]).await.unwrap(), []);
    let blake3 = Function::Blake3.digest(b"here");
    assert_eq!(
        missing(&server, &[blake3, Function::Blake3.digest(b"")]).await.unwrap(),
        [blake3]
    );
    let many: Vec<_> = (0..20_000_u32).map(|n| Digest::of(&n.to_le_bytes())).collect();
    assert_eq!(missing(&server, &many).await.unwrap(), many);
}

#[tokio::test]
async fn each_blob_of_a_batch_has_its_own_status() {
    let server = Server::start().await;
    for function in Function::ALL {
        let content = noise(5000);
        let digest = function.digest(&content);
        let encoded = compress(&content).unwrap();
        let other = function.digest(b"other");
        let blobs = vec![
            blob(function.digest(b"plain"), b"plain", Compressor::Identity),
            blob(digest, &encoded, Compressor::Zstd),
            blob(function.digest(b""), b"", Compressor::Identity),
            blob(other, b"wrong", Compressor::Identity),
            blob(other, b"longer than that", Compressor::Identity),
            blob(other, &encoded, Compressor::Zstd),
            blob(other, &compress(b"wrong").unwrap(), Compressor::Zstd),
            blob(other, b"no zstd", Compressor::Zstd),
            blob(other, b"", Compressor::Zstd),
            blob(other, b"other", Compressor::Deflate),
            blob(function.digest(b"plain"), b"plain", Compressor::Identity),
        ];
        let codes = update(&server, function.to_wire() as i32, blobs).await.unwrap();
        let ok = Code::Ok;
        let bad = Code::InvalidArgument;
        assert_eq!(codes, [ok, ok, ok, bad, bad, bad, bad, bad, bad, bad, ok]);
        assert_eq!(missing(&server, &[digest, other]).await.unwrap(), [other]);

        let read = read(&server, &[digest, other, function.digest(b"")], &[])
            .await
            .unwrap();
        let codes: Vec<_> = read.iter().map(|read| read.status.as_ref().unwrap().code).collect();
        assert_eq!(codes, [Code::Ok as i32, Code::NotFound as i32, Code::Ok as i32]);
        assert_eq!((&read[0].data[..], read[0].compressor), (&content[..], 0));
    }
    assert_eq!(server.drafts(), 0);
}

#[tokio::test]
async fn blobs_come_compressed_to_those_who_can_read_that() {
    let server = Server::start().await;
    let long = b"again and ".repeat(500);
    let digests = [server.put(&long), server.put(b"short"), server.put(&noise(5000))];
    let zstd = Compressor::Zstd as i32;
    for (compressors, expected) in [
        (vec![], [0, 0, 0]),
        (vec![2, 3], [0, 0, 0]),
        (vec![0, zstd], [zstd, 0, 0]),
    ] {
        let read = read(&server, &digests, &compressors).await.unwrap();
        let used: Vec<_> = read.iter().map(|read| read.compressor).collect();
        assert_eq!(used, expected, "{compressors:?}");
        for (read, content) in read.iter().zip([&long[..], b"short", &noise(5000)]) {
            let got = match read.compressor {
                0 => read.data.to_vec(),
                _ => decompress(&read.data, 1 << 20).unwrap(),
            };
            assert_eq!(got, content);
        }
    }
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_refused_as_a_whole() {
    let limits = Limits {
        batch: 1000,
        ..Limits::default()
    };
    let server = Server::limited(limits).await;
    let (first, second) = (server.put(&[1; 600]), server.put(&[2; 400]));
    assert_eq!(read(&server, &[first, second], &[]).await.unwrap().len(), 2);
    assert_eq!(code(read(&server, &[first, first], &[]).await), Code::InvalidArgument);
    let (large, other) = (vec![3; 601], vec![4; 400]);
    let blobs = |large: Digest| {
        vec![
            blob(large, &vec![3; 601], Compressor::Identity),
            blob(Digest::of(&other), &other, Compressor::Identity),
        ]
    };
    assert_eq!(
        code(update(&server, SHA256, blobs(Digest::of(&large))).await),
        Code::InvalidArgument
    );
    let understated = Digest::from_parts(*Digest::of(&large).hash(), 1);
    assert_eq!(
        code(update(&server, SHA256, blobs(understated)).await),
        Code::InvalidArgument
    );
    let bomb = compress(&vec![0; 10 << 20]).unwrap();
    let bombs = vec![blob(
        Digest::of(b"small"),
        &bomb[..bomb.len().min(900)],
        Compressor::Zstd,
    )];
    assert_eq!(update(&server, SHA256, bombs).await.unwrap(), [Code::InvalidArgument]);
    let huge = vec![
        Digest::from_parts([0; 32], i64::MAX as u64),
        Digest::from_parts([1; 32], i64::MAX as u64),
    ];
    assert_eq!(code(read(&server, &huge, &[]).await), Code::InvalidArgument);
    assert_eq!(
        missing(&server, &[Digest::of(&other)]).await.unwrap().len(),
        1,
        "nothing was kept"
    );
}

#[tokio::test]
async fn what_does_not_fit_into_the_message_is_asked_for_again() {
    let server = Server::start().await;
    let digests: Vec<_> = (0..40_000_u32)
        .map(|n| if n == 0 { server.put(b"x") } else { server.put(b"y") })
        .collect();
    let read = read(&server, &digests, &[]).await.unwrap();
    let size = reapi::BatchReadBlobsResponse {
        responses: read.clone(),
    }
    .encoded_len();
    assert!(size <= 8 << 20, "{size}");
    let full = Code::ResourceExhausted as i32;
    let first_full = read
        .iter()
        .position(|read| read.status.as_ref().unwrap().code == full)
        .unwrap();
    assert!(first_full > 20_000);
    assert!(
        read[first_full..]
            .iter()
            .all(|read| read.status.as_ref().unwrap().code == full)
    );
}

#[tokio::test]
async fn malformed_requests_are_invalid_arguments() {
    let server = Server::start().await;
    let wire = |hash: &str, size| reapi::Digest {
        hash: hash.to_owned(),
        size_bytes: size,
    };
    let good = wire(&"a".repeat(64), 1);
    let bad = [
        wire("", 0),
        wire("abc", 1),
        wire(&"A".repeat(64), 1),
        wire(&"g".repeat(64), 1),
        wire(&"a".repeat(64), -1),
        wire(&"a".repeat(40), 1),
        wire("../../../../../../../../../../../../../../../../../../etc/passwd", 1),
    ];
    let mut table: Vec<(String, i32, reapi::Digest)> = Vec::new();
    table.extend(bad.into_iter().map(|digest| (String::new(), SHA256, digest)));
    table.extend([2, 3, 8, 99, -1].map(|function| (String::new(), function, good.clone())));
    table.extend(["blobs", "a/uploads", "a//b", "/"].map(|name| (name.to_owned(), BLAKE3, good.clone())));
    for (instance_name, digest_function, digest) in table {
        let what = format!("{instance_name} {digest_function} {digest:?}");
        let find = reapi::FindMissingBlobsRequest {
            instance_name: instance_name.clone(),
            blob_digests: vec![digest.clone()],
            digest_function,
        };
        let update = reapi::BatchUpdateBlobsRequest {
            instance_name: instance_name.clone(),
            requests: vec![Blob {
                digest: Some(digest.clone()),
                ..Blob::default()
            }],
            digest_function,
        };
        let read = reapi::BatchReadBlobsRequest {
            instance_name: instance_name.clone(),
            digests: vec![digest.clone()],
            digest_function,
            ..Default::default()
        };
        let tree = reapi::GetTreeRequest {
            instance_name,
            root_digest: Some(digest),
            digest_function,
            ..Default::default()
        };
        assert_eq!(
            code(server.cas().find_missing_blobs(find).await),
            Code::InvalidArgument,
            "{what}"
        );
        assert_eq!(
            code(server.cas().batch_update_blobs(update).await),
            Code::InvalidArgument,
            "{what}"
        );
        assert_eq!(
            code(server.cas().batch_read_blobs(read).await),
            Code::InvalidArgument,
            "{what}"
        );
        assert_eq!(code(server.cas().get_tree(tree).await), Code::InvalidArgument, "{what}");
    }
    let nameless = vec![Blob::default()];
    assert_eq!(code(update(&server, SHA256, nameless).await), Code::InvalidArgument);
    let rootless = reapi::GetTreeRequest::default();
    assert_eq!(code(server.cas().get_tree(rootless).await), Code::InvalidArgument);
}

#[tokio::test]
async fn capabilities_are_what_is_announced() {
    let server = Server::start().await;
    let request = |name: &str| reapi::GetCapabilitiesRequest {
        instance_name: name.to_owned(),
    };
    let answer = server
        .capabilities()
        .get_capabilities(request("any/name"))
        .await
        .unwrap()
        .into_inner();
    let cache = answer.cache_capabilities.unwrap();
    assert_eq!(cache.digest_functions, [SHA256, BLAKE3]);
    assert_eq!(cache.supported_compressors, [Compressor::Zstd as i32]);
    assert_eq!(cache.supported_batch_update_compressors, [Compressor::Zstd as i32]);
    assert!(cache.action_cache_update_capabilities.unwrap().update_enabled);
    assert_eq!(cache.max_batch_total_size_bytes, (4 << 20) - (64 << 10));
    let execution = answer.execution_capabilities.unwrap();
    assert!(execution.exec_enabled);
    assert_eq!(
        (execution.digest_function, execution.digest_functions),
        (SHA256, vec![SHA256, BLAKE3])
    );
    let version = |version: Option<crate::pb::semver::SemVer>| version.map(|version| (version.major, version.minor));
    assert_eq!(version(answer.low_api_version), Some((2, 0)));
    assert_eq!(version(answer.high_api_version), Some((2, 11)));
    assert_eq!(
        code(server.capabilities().get_capabilities(request("blobs")).await),
        Code::InvalidArgument
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_blob_of_a_batch_is_kept_only_if_it_is_right(
        named: Vec<u8>,
        data: Vec<u8>,
        compressor in -1..5_i32,
        same: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = DiskStore::open(dir.path(), 0).unwrap();
        let digest = Digest::of(if same { &data } else { &named });
        let kept = put(&store, digest, compressor, &data).is_ok();
        prop_assert_eq!(kept, store.read(digest).unwrap().is_some() && (kept || !digest.is_empty()));
        if kept && compressor == 0 {
            prop_assert_eq!(digest, Digest::of(&data));
        }
    }
}
