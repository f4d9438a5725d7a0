//! `src/pb` is generated from `proto/` and committed; this regenerates it and compares.
//! `REWRAP_REGENERATE=1 cargo test --test it generated` writes it instead.

use std::path::Path;

const PROTOS: &[&str] = &[
    "build/bazel/remote/execution/v2/remote_execution.proto",
    "build/bazel/semver/semver.proto",
    "google/bytestream/bytestream.proto",
    "google/longrunning/operations.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
    "rewrap/index.proto",
    "rewrap/record.proto",
    "rewrap/salt.proto",
    "rewrap/wire.proto",
];

#[test]
fn generated_code_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().expect("temporary directory");
    let descriptors = protox::compile(PROTOS, [root.join("proto")]).expect("the proto files compile");
    tonic_prost_build::configure()
        .out_dir(out.path())
        .emit_rerun_if_changed(false)
        .bytes(".build.bazel.remote.execution.v2.BatchUpdateBlobsRequest")
        .bytes(".build.bazel.remote.execution.v2.BatchReadBlobsResponse")
        .bytes(".google.bytestream")
        .bytes(".rewrap.index")
        .compile_fds(descriptors)
        .expect("code generation");
    let mut differing = Vec::new();
    for entry in std::fs::read_dir(out.path()).expect("generated files") {
        let fresh = entry.expect("generated file").path();
        let committed = root.join("src/pb").join(fresh.file_name().expect("file name"));
        let text = std::fs::read_to_string(&fresh).expect("generated text");
        if std::env::var_os("REWRAP_REGENERATE").is_some() {
            std::fs::write(&committed, &text).expect("write src/pb");
        } else if std::fs::read_to_string(&committed).ok().as_deref() != Some(&text) {
            differing.push(committed);
        }
    }
    assert!(
        differing.is_empty(),
        "stale: {differing:?}; run with REWRAP_REGENERATE=1"
    );
}
