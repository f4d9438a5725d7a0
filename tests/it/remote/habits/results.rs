//! The action cache.

use super::*;

#[tokio::test]
async fn results() {
    let fails = "echo bad >&2; exit 3";
    check([
        row(
            "casd stores failures, even those of a broken sandbox: one counts only after a run of our own",
            Habits {
                caches_failures: true,
                ..Habits::default()
            },
        )
        .gives(Does::ScriptTwice(fails), "/bad exit 3, then /bad exit 3")
        .calls(Rpc::Execute, 3),
        row(
            "and some skip no lookup: a failure that will not be run again is taken for what it is",
            Habits {
                caches_failures: true,
                respects_skip: false,
                ..Habits::default()
            },
        )
        .gives(Does::ScriptTwice(fails), "/bad exit 3, then /bad exit 3")
        .calls(Rpc::Execute, 3),
        row(
            "Buildbarn inlines nothing, whatever is asked for: it is fetched",
            Habits::default(),
        )
        .gives(Does::LookUp, GOOD)
        .calls(Rpc::BatchReadBlobs, 1),
        row(
            "bazel-remote inlines what is asked for: nothing is fetched",
            Habits {
                inlines: true,
                ..Habits::default()
            },
        )
        .gives(Does::LookUp, GOOD)
        .calls(Rpc::BatchReadBlobs, 0),
        row(
            "bazel-remote hides a result whose blobs are gone",
            Habits {
                checks_completeness: true,
                ..Habits::default()
            },
        )
        .gives(Does::LookUpDangling, "a miss"),
        row("Buildbarn serves it, unless it is told not to", Habits::default()).gives(Does::LookUpDangling, "a miss"),
        row(
            "bazel-remote adds the uploader's address: a result is not the bytes that were put",
            Habits {
                signs_results: true,
                ..Habits::default()
            },
        )
        .gives(Does::Publish, GOOD),
        row(
            "Buildbarn can be told to take no results",
            Habits {
                takes_updates: false,
                ..Habits::default()
            },
        )
        .gives(Does::Publish, "its action cache takes no updates")
        .calls(Rpc::UpdateActionResult, 0),
    ])
    .await;
}
