//! Batches and streams of plain blobs.

use super::*;
use crate::support::fake_reapi::Committed;
use tonic::Code;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn batches() {
    let limits = |announced_batch, real_batch, too_large| Habits {
        announced_batch,
        real_batch,
        too_large,
        ..Habits::default()
    };
    let overload = Code::ResourceExhausted;
    check([
        row(
            "casd, Buildbarn and bazel-remote announce no limit, and refuse what is larger than a message of gRPC",
            limits(0, 4 * MIB, overload),
        )
        .gives(Does::SendAndFetch, "done"),
        row(
            "BuildGrid announces a message of gRPC, all but a kilobyte",
            limits(4_193_280, 4 * MIB, overload),
        )
        .gives(Does::SendAndFetch, "done"),
        row(
            "another one announces 64 KiB and takes more: what it announces holds",
            limits(65536, 4 * MIB, Code::OutOfRange),
        )
        .gives(Does::SendAndFetch, "done")
        .calls(Rpc::BatchUpdateBlobs, 0),
        row(
            "and calls what is too large OUT_OF_RANGE, which is split",
            limits(0, MIB, Code::OutOfRange),
        )
        .gives(Does::SendAndFetch, "done"),
        row(
            "Buildbarn and bazel-remote answer with more than gRPC's usual limit, so that it is ours to ask for less",
            limits(0, 64 * MIB, overload),
        )
        .gives(Does::SendAndFetch, "done"),
        row(
            "bazel-remote's FindMissing answers a digest as often as it is asked",
            Habits {
                repeats_missing: true,
                ..Habits::default()
            },
        ),
    ])
    .await;
}

#[tokio::test]
async fn writes() {
    let committed = |committed| Habits {
        committed,
        ..Habits::default()
    };
    check([
        row(
            "no server resumes an upload: a broken one begins again",
            Habits::default(),
        )
        .once(Rpc::Write, Fault::BreakAfter(3, Code::Unavailable))
        .gives(Does::SendLargeTwice, "done")
        .calls(Rpc::Write, 3),
        row(
            "servers that had a blob commit other sizes than its own: they are asked whether it is there",
            committed(Committed::Number(-1)),
        )
        .gives(Does::SendLargeTwice, "done")
        .calls(Rpc::Write, 2)
        .calls(Rpc::FindMissingBlobs, 4),
        row(
            "bazel-remote calls its own troubles INTERNAL: it is asked three times",
            Habits::default(),
        )
        .times(9, Rpc::Write, Fault::Status(Code::Internal, "digest"))
        .gives(Does::SendLargeTwice, "INTERNAL: digest")
        .calls(Rpc::Write, 3),
        row("and a short write UNKNOWN", Habits::default())
            .times(2, Rpc::Write, Fault::Status(Code::Unknown, "short write"))
            .gives(Does::SendLargeTwice, "done")
            .calls(Rpc::Write, 4),
        row(
            "and one blob of a batch 13 without a word: that one goes as a stream",
            Habits::default(),
        )
        .once(Rpc::BatchUpdateBlobs, Fault::FirstBlob(Code::Internal))
        .calls(Rpc::Write, 1),
    ])
    .await;
}

#[tokio::test]
async fn reads() {
    let breaks = |after| Fault::BreakAfter(after, Code::Unavailable);
    check([
        row(
            "Buildbarn and bazel-remote read from an offset: a broken stream is resumed",
            Habits::default(),
        )
        .once(Rpc::Read, breaks(10))
        .gives(Does::FetchLarge, "done")
        .calls(Rpc::Read, 2),
        row(
            "one that ignores the offset is read anew, in one go",
            Habits {
                ignores_read_offset: true,
                ..Habits::default()
            },
        )
        .once(Rpc::Read, breaks(10))
        .gives(Does::FetchLarge, "done")
        .calls(Rpc::Read, 3),
        row(
            "bazel-remote refuses an offset at the blob's end: a stream that breaks there is not resumed",
            Habits {
                refuses_offset_at_end: true,
                ..Habits::default()
            },
        )
        .once(Rpc::Read, breaks(77))
        .gives(Does::FetchLarge, "done")
        .calls(Rpc::Read, 1),
        row(
            "Buildbarn has no `read_limit`, nor has the fake: it is never set",
            Habits::default(),
        )
        .gives(Does::FetchLarge, "done"),
    ])
    .await;
}
