//! What servers say of themselves, and what is true of it.

use super::*;
use crate::support::fake_reapi::OutputFields;
use reapi::digest_function::Value as Function;
use tonic::Code;

#[tokio::test]
async fn api_versions() {
    check([
        row(
            "casd speaks 2.1 to 2.12",
            Habits {
                low_api_version: (2, 1),
                high_api_version: (2, 12),
                ..Habits::default()
            },
        ),
        row(
            "BuildGrid speaks 2.0 to 2.2",
            Habits {
                high_api_version: (2, 2),
                ..Habits::default()
            },
        ),
        row(
            "Buildbarn speaks 2.3 to 2.12, and reads no output but `output_paths`: nothing is left of a Command with the older fields alone",
            Habits {
                low_api_version: (2, 3),
                output_fields: OutputFields::Paths,
                ..Habits::default()
            },
        ),
        row(
            "a cache that has never heard of Capabilities",
            Habits::default(),
        )
        .once(Rpc::GetCapabilities, Fault::Status(Code::Unimplemented, "unknown service"))
        .gives(Does::LookUp, GOOD),
    ])
    .await;
}

#[tokio::test]
async fn digest_functions() {
    let with = |functions: &[Function]| Habits {
        digest_functions: functions.to_vec(),
        ..Habits::default()
    };
    check([
        row(
            "casd, BuildGrid and bazel-remote have SHA256 alone",
            with(&[Function::Sha256]),
        ),
        row(
            "Buildbarn has many functions on one port",
            with(&[
                Function::Blake3,
                Function::Md5,
                Function::Sha1,
                Function::Sha256,
                Function::Sha256tree,
                Function::Sha384,
                Function::Sha512,
            ]),
        ),
        row("casd can be told to have SHA512 alone", with(&[Function::Sha512])).gives(
            Does::Execute,
            "its digest functions are SHA512, and SHA256 is not among them → remote_unusable",
        ),
    ])
    .await;
}

#[tokio::test]
async fn services() {
    let cache = || Habits {
        executes: false,
        ..Habits::default()
    };
    check([
        row("bazel-remote executes nothing, and says so", cache())
            .gives(Does::Execute, "it does not execute actions → remote_unusable")
            .calls(Rpc::Execute, 0)
            .calls(Rpc::BatchUpdateBlobs, 0),
        row("and is a cache all the same", cache()).gives(Does::LookUp, GOOD),
        row("a proxy announces execution that is not behind it", Habits::default())
            .times(9, Rpc::Execute, Fault::Status(Code::Unimplemented, "unknown service"))
            .gives(Does::Execute, "UNIMPLEMENTED: unknown service → remote_error")
            .calls(Rpc::Execute, 1),
        row(
            "Buildbarn refuses an instance name with a reserved word",
            Habits::default(),
        )
        .times(9, Rpc::FindMissingBlobs, Fault::Status(Code::InvalidArgument, "blobs"))
        .gives(Does::Execute, "INVALID_ARGUMENT: blobs → remote_error")
        .calls(Rpc::FindMissingBlobs, 1),
    ])
    .await;
}
