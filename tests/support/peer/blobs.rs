//! Blobs: in batches and as streams.

use super::{Peer, unique};
use bytes::Bytes;
use reapi::batch_update_blobs_request::Request as Update;
use rewrap::digest::Function;
use rewrap::pb::bytestream::{QueryWriteStatusRequest, QueryWriteStatusResponse};
use rewrap::pb::bytestream::{ReadRequest, WriteRequest, WriteResponse};
use rewrap::pb::reapi;
use tonic::{Code, Status};

/// What is put into one batch: every server takes it.
const BATCH: usize = 1 << 20;

/// Bytes in one message of a stream.
const PIECE: usize = 64 << 10;

impl Peer {
    /// Which of these the server lacks, as it answers.
    pub(crate) fn missing(&self, digests: &[reapi::Digest]) -> Result<Vec<reapi::Digest>, Status> {
        let request = reapi::FindMissingBlobsRequest {
            instance_name: self.instance.clone(),
            blob_digests: digests.to_vec(),
            digest_function: self.wire_function(),
        };
        let answer = self.wait(self.cas().find_missing_blobs(request))?;
        Ok(answer.into_inner().missing_blob_digests)
    }

    /// Whether the server has this blob.
    #[track_caller]
    pub(crate) fn has(&self, digest: &reapi::Digest) -> bool {
        self.missing(std::slice::from_ref(digest))
            .expect("FindMissingBlobs")
            .is_empty()
    }

    /// Uploads blobs in one batch, each under the digest that it is said to have; the codes, in the order asked.
    pub(crate) fn update(&self, blobs: &[(reapi::Digest, Bytes)]) -> Result<Vec<Code>, Status> {
        let updates = blobs.iter().map(|(digest, data)| Update {
            digest: Some(digest.clone()),
            data: data.clone(),
            compressor: 0,
        });
        self.update_batch(updates.collect())
    }

    /// The same with requests of one's own.
    pub(crate) fn update_batch(&self, requests: Vec<Update>) -> Result<Vec<Code>, Status> {
        let asked: Vec<_> = requests.iter().map(|request| request.digest.clone()).collect();
        let request = reapi::BatchUpdateBlobsRequest {
            instance_name: self.instance.clone(),
            requests,
            digest_function: self.wire_function(),
        };
        let answer = self.wait(self.cas().batch_update_blobs(request))?.into_inner();
        let code = |digest| {
            let mut answers = answer.responses.iter();
            let response = answers
                .find(|response| response.digest == digest)
                .ok_or_else(|| Status::data_loss("a blob of the batch has no answer"))?;
            Ok(response
                .status
                .as_ref()
                .map_or(Code::Ok, |status| Code::from(status.code)))
        };
        asked.into_iter().map(code).collect()
    }

    /// Downloads blobs in one batch, as the server answers.
    pub(crate) fn read_batch(
        &self,
        digests: &[reapi::Digest],
        compressors: &[reapi::compressor::Value],
    ) -> Result<Vec<reapi::batch_read_blobs_response::Response>, Status> {
        let request = reapi::BatchReadBlobsRequest {
            instance_name: self.instance.clone(),
            digests: digests.to_vec(),
            acceptable_compressors: compressors.iter().map(|compressor| (*compressor).into()).collect(),
            digest_function: self.wire_function(),
        };
        let answer = self.wait(self.cas().batch_read_blobs(request))?;
        Ok(answer.into_inner().responses)
    }

    /// Stores these bytes; their digest.
    #[track_caller]
    pub(crate) fn put(&self, bytes: &[u8]) -> reapi::Digest {
        let digest = self.digest(bytes);
        self.put_all(vec![(digest.clone(), Bytes::copy_from_slice(bytes))]);
        digest
    }

    /// Stores these blobs.
    #[track_caller]
    pub(crate) fn put_all(&self, blobs: Vec<(reapi::Digest, Bytes)>) {
        let (small, large): (Vec<_>, Vec<_>) = blobs.into_iter().partition(|(_, bytes)| bytes.len() < BATCH / 4);
        let mut batch = Vec::new();
        let mut size = 0;
        for blob in small {
            if size + blob.1.len() > BATCH || batch.len() == 1000 {
                self.put_batch(&std::mem::take(&mut batch));
                size = 0;
            }
            size += blob.1.len();
            batch.push(blob);
        }
        if !batch.is_empty() {
            self.put_batch(&batch);
        }
        for (digest, bytes) in large {
            let requests = write_requests(&self.upload_name(&digest), 0, &bytes);
            self.write(requests).expect("Write");
        }
    }

    #[track_caller]
    fn put_batch(&self, batch: &[(reapi::Digest, Bytes)]) {
        let codes = self.update(batch).expect("BatchUpdateBlobs");
        assert!(codes.iter().all(|code| *code == Code::Ok), "not all stored: {codes:?}");
    }

    /// The bytes of a blob that must be there, and must be what its digest says.
    #[track_caller]
    pub(crate) fn get(&self, digest: &reapi::Digest) -> Vec<u8> {
        let bytes = self.read(&self.blob_name(digest), 0, 0).expect("Read");
        assert_eq!(self.digest(&bytes), *digest, "other bytes than asked for");
        bytes
    }

    /// Reads a stream to its end.
    pub(crate) fn read(&self, name: &str, read_offset: i64, read_limit: i64) -> Result<Vec<u8>, Status> {
        let request = ReadRequest {
            resource_name: name.to_owned(),
            read_offset,
            read_limit,
        };
        self.wait(async {
            let mut stream = self.bytestream().read(request).await?.into_inner();
            let mut bytes = Vec::new();
            while let Some(message) = stream.message().await? {
                bytes.extend_from_slice(&message.data);
            }
            Ok(bytes)
        })
    }

    /// Sends these messages as one upload.
    pub(crate) fn write(&self, requests: Vec<WriteRequest>) -> Result<WriteResponse, Status> {
        self.wait(self.bytestream().write(tokio_stream::iter(requests)))
            .map(tonic::Response::into_inner)
    }

    /// How far an upload is.
    pub(crate) fn write_status(&self, name: &str) -> Result<QueryWriteStatusResponse, Status> {
        let request = QueryWriteStatusRequest {
            resource_name: name.to_owned(),
        };
        self.wait(self.bytestream().query_write_status(request))
            .map(tonic::Response::into_inner)
    }

    /// `INSTANCE/blobs/…`: what a read asks for.
    pub(crate) fn blob_name(&self, digest: &reapi::Digest) -> String {
        self.below_instance(&format!("blobs/{}", names_of(self.function, digest)))
    }

    /// `INSTANCE/compressed-blobs/zstd/…`.
    pub(crate) fn zstd_name(&self, digest: &reapi::Digest) -> String {
        self.below_instance(&format!("compressed-blobs/zstd/{}", names_of(self.function, digest)))
    }

    /// `INSTANCE/uploads/UUID/blobs/…`, another one each time.
    pub(crate) fn upload_name(&self, digest: &reapi::Digest) -> String {
        let blob = names_of(self.function, digest);
        self.below_instance(&format!("uploads/{}/blobs/{blob}", uuid()))
    }

    /// `INSTANCE/uploads/UUID/compressed-blobs/zstd/…`, another one each time.
    pub(crate) fn zstd_upload_name(&self, digest: &reapi::Digest) -> String {
        let blob = names_of(self.function, digest);
        self.below_instance(&format!("uploads/{}/compressed-blobs/zstd/{blob}", uuid()))
    }

    fn below_instance(&self, name: &str) -> String {
        match self.instance.as_str() {
            "" => name.to_owned(),
            instance => format!("{instance}/{name}"),
        }
    }
}

/// The end of a resource name: `HASH/SIZE`, and before it the digest function where the protocol wants it said.
pub(crate) fn names_of(function: Function, digest: &reapi::Digest) -> String {
    let prefix = match function {
        Function::Sha256 => "",
        Function::Blake3 => "blake3/",
    };
    format!("{prefix}{}/{}", digest.hash, digest.size_bytes)
}

/// An upload from this offset to the end; the name is in the first message only.
pub(crate) fn write_requests(name: &str, offset: usize, bytes: &[u8]) -> Vec<WriteRequest> {
    let mut requests: Vec<_> = bytes
        .chunks(PIECE)
        .scan(offset, |at, piece| {
            let write_offset = i64::try_from(*at).expect("an offset");
            *at += piece.len();
            Some(WriteRequest {
                resource_name: String::new(),
                write_offset,
                finish_write: false,
                data: Bytes::copy_from_slice(piece),
            })
        })
        .collect();
    if requests.is_empty() {
        requests.push(WriteRequest {
            write_offset: i64::try_from(offset).expect("an offset"),
            ..Default::default()
        });
    }
    name.clone_into(&mut requests[0].resource_name);
    requests.last_mut().expect("at least one").finish_write = true;
    requests
}

/// A version 4 UUID.
fn uuid() -> String {
    let digits = unique();
    let variant = ["8", "9", "a", "b"][fastrand::usize(..4)];
    format!(
        "{}-{}-4{}-{variant}{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..]
    )
}
