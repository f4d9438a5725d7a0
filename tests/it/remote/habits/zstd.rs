//! Compressed blobs. However a server has them, the content arrives; and what does not work is tried once.

use super::*;
use crate::support::fake_reapi::{Committed, Zstd, ZstdBatches, ZstdReads};
use tonic::Code;

fn zstd(zstd: Zstd) -> Habits {
    Habits {
        zstd,
        ..Habits::default()
    }
}

fn reads(reads: ZstdReads) -> Habits {
    zstd(Zstd { reads, ..Zstd::WORKS })
}

fn batches(batches: ZstdBatches) -> Habits {
    zstd(Zstd { batches, ..Zstd::WORKS })
}

#[tokio::test]
async fn compression_is_used_where_both_want_it() {
    let none = [Rpc::Read, Rpc::Write, Rpc::BatchReadBlobs, Rpc::BatchUpdateBlobs];
    let plain = |row: Row| none.into_iter().fold(row, |row, rpc| row.compressed(rpc, 0));
    check([
        row("bazel-remote has zstd for streams and batches", zstd(Zstd::WORKS))
            .compressing()
            .gives(Does::SendAndFetchTwice, "done")
            .compressed(Rpc::Read, 2)
            .compressed(Rpc::Write, 2)
            .compressed(Rpc::BatchReadBlobs, 2)
            .compressed(Rpc::BatchUpdateBlobs, 2),
        plain(row(
            "and is not asked for it by those who do not want it",
            zstd(Zstd::WORKS),
        ))
        .gives(Does::SendAndFetchTwice, "done"),
        plain(row("casd and BuildGrid have none", zstd(Zstd::default())).compressing())
            .gives(Does::SendAndFetchTwice, "done"),
        plain(
            row(
                "Buildbarn has it for streams without saying so: it is not used",
                zstd(Zstd {
                    announces_streams: false,
                    announces_updates: false,
                    batches: ZstdBatches::Ignored,
                    ..Zstd::WORKS
                }),
            )
            .compressing(),
        )
        .gives(Does::SendAndFetchTwice, "done"),
    ])
    .await;
}

#[tokio::test]
async fn reads_of_streams() {
    let fetches = |seen, how| row(seen, reads(how)).compressing().gives(Does::FetchLarge, "done");
    check([
        fetches(
            "bazel-remote sends a frame of nothing first",
            ZstdReads::EmptyFrameFirst,
        )
        .calls(Rpc::Read, 1)
        .compressed(Rpc::Read, 1),
        fetches("or a frame to be skipped", ZstdReads::SkippableFrameFirst)
            .calls(Rpc::Read, 1)
            .compressed(Rpc::Read, 1),
        fetches("or one frame after the other", ZstdReads::ManyFrames)
            .calls(Rpc::Read, 1)
            .compressed(Rpc::Read, 1),
        fetches(
            "Buildbarn ignores the offset of a compressed stream: a broken one is resumed in the plain blob",
            ZstdReads::FromTheBeginning,
        )
        .once(Rpc::Read, Fault::BreakAfter(10, Code::Unavailable))
        .calls(Rpc::Read, 2)
        .compressed(Rpc::Read, 1),
        fetches("a proxy cuts the stream as if all were well", ZstdReads::OneFrame)
            .once(Rpc::Read, Fault::EndAfter(10))
            .calls(Rpc::Read, 2),
        fetches("a server announces zstd and does not know the name", ZstdReads::Refused)
            .calls(Rpc::Read, 2)
            .compressed(Rpc::Read, 1),
        fetches("a server answers the name with the plain blob", ZstdReads::Plain)
            .calls(Rpc::Read, 2)
            .compressed(Rpc::Read, 1),
        fetches(
            "or with more than the blob has: what is wrong is read anew",
            ZstdReads::TooMuch,
        ),
        fetches("or with other bytes", ZstdReads::WrongBytes)
            .calls(Rpc::Read, 2)
            .compressed(Rpc::Read, 1),
        fetches("a blob is broken there, compressed or not", ZstdReads::OneFrame)
            .times(9, Rpc::Read, Fault::WrongBytes)
            .gives(Does::FetchLarge, "has the content of")
            .calls(Rpc::Read, 2),
    ])
    .await;
}

#[tokio::test]
async fn writes_of_streams() {
    let sends = |seen, habits| row(seen, habits).compressing().gives(Does::SendLargeTwice, "done");
    let committed = |committed| Habits {
        committed,
        ..zstd(Zstd::WORKS)
    };
    check([
        sends("by the book the blob's size is committed", zstd(Zstd::WORKS))
            .compressed(Rpc::Write, 2)
            .calls(Rpc::FindMissingBlobs, 2),
        sends("Buildbarn commits the compressed size", committed(Committed::Received))
            .compressed(Rpc::Write, 2)
            .calls(Rpc::FindMissingBlobs, 2),
        sends(
            "bazel-remote commits -1 for a compressed blob that it had: it is asked",
            committed(Committed::Number(-1)),
        )
        .compressed(Rpc::Write, 2)
        .calls(Rpc::FindMissingBlobs, 4),
        sends("a broken upload begins again, still compressed", zstd(Zstd::WORKS))
            .once(Rpc::Write, Fault::BreakAfter(3, Code::Unavailable))
            .compressed(Rpc::Write, 3)
            .calls(Rpc::Write, 3),
        sends(
            "a server announces zstd and does not know the name: later blobs go plain at once",
            zstd(Zstd {
                takes_writes: false,
                ..Zstd::WORKS
            }),
        )
        .compressed(Rpc::Write, 1)
        .calls(Rpc::Write, 3),
        sends(
            "a server fails in decoding, for once: later blobs go compressed again",
            zstd(Zstd::WORKS),
        )
        .once(Rpc::Write, Fault::Status(Code::Internal, "zstd"))
        .compressed(Rpc::Write, 1)
        .calls(Rpc::Write, 3),
    ])
    .await;
}

#[tokio::test]
async fn batches_with_compressors() {
    let both = |seen, how| {
        row(seen, batches(how))
            .compressing()
            .gives(Does::SendAndFetchTwice, "done")
    };
    check([
        both(
            "Buildbarn ignores the compressor, and the size does not fit: batches go plain from then on",
            ZstdBatches::Ignored,
        )
        .compressed(Rpc::BatchUpdateBlobs, 1)
        .compressed(Rpc::BatchReadBlobs, 2),
        both("a server compresses without saying so", ZstdBatches::Unsaid).compressed(Rpc::BatchReadBlobs, 2),
        both("or says so and does not", ZstdBatches::Untrue).compressed(Rpc::BatchReadBlobs, 2),
        both("or wants none of it", ZstdBatches::Refused)
            .compressed(Rpc::BatchUpdateBlobs, 1)
            .compressed(Rpc::Write, 2)
            .compressed(Rpc::Read, 2),
        row(
            "zstd is announced for streams and not for uploads in batches",
            zstd(Zstd {
                announces_updates: false,
                ..Zstd::WORKS
            }),
        )
        .compressing()
        .gives(Does::SendAndFetchTwice, "done")
        .compressed(Rpc::BatchUpdateBlobs, 0)
        .compressed(Rpc::Write, 2),
    ])
    .await;
}
