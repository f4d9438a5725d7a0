//! Executions. Infrastructure that fails is told from a tool that does; the first has a code, by which a step runs here.

use super::*;
use crate::support::fake_reapi::{OutputFields, Violations};
use rewrap::pb::rpc;
use tonic::Code;

fn verdict(code: Code, message: &str) -> Fault {
    Fault::Verdict(rpc::Status {
        code: code as i32,
        message: message.to_owned(),
        ..Default::default()
    })
}

#[tokio::test]
async fn what_is_missing() {
    let names = |violations| Habits {
        violations,
        ..Habits::default()
    };
    let lost = |seen, violations| row(seen, names(violations)).once(Rpc::Execute, Fault::LoseInputs);
    let lost_without_details = |seen, missing_code| {
        let habits = Habits {
            missing_code,
            ..names(Violations::None)
        };
        row(seen, habits).once(Rpc::Execute, Fault::LoseInputs)
    };
    check([
        lost("the protocol wants all missing blobs named at once", Violations::All).calls(Rpc::Execute, 2),
        lost(
            "Buildbarn names one at a time: upload, ask again, until all are there",
            Violations::One,
        )
        .calls(Rpc::Execute, 3),
        lost(
            "some servers say status 9 without details: they are asked what they lack",
            Violations::None,
        )
        .calls(Rpc::Execute, 2),
        lost_without_details("the runners of buildbox say NOT_FOUND, as of a program", Code::NotFound)
            .calls(Rpc::Execute, 2),
        lost_without_details(
            "or INTERNAL, which is first taken for a trouble that passes",
            Code::Internal,
        )
        .calls(Rpc::Execute, 4),
        row("a missing compiler is status 5 on some", Habits::default())
            .once(Rpc::Execute, verdict(Code::NotFound, "gcc"))
            .gives(Does::Execute, "NOT_FOUND: gcc → remote_error")
            .calls(Rpc::FindMissingBlobs, 2)
            .calls(Rpc::Execute, 1),
        row(
            "and status 3 on Buildbarn, which blames a program that is there if the working directory is not",
            Habits::default(),
        )
        .once(
            Rpc::Execute,
            verdict(Code::InvalidArgument, "fork/exec /bin/pwd: no such file or directory"),
        )
        .gives(Does::Execute, "no such file or directory → remote_error")
        .calls(Rpc::Execute, 1),
        row(
            "outputs that are not there are left out without a word: exit 0 is no success then",
            Habits::default(),
        )
        .gives(Does::Script("true"), "left no `out` → remote_killed"),
        row(
            "a symlink as an output is reported wherever it points",
            Habits::default(),
        )
        .gives(
            Does::Script("ln -s /etc/passwd out"),
            "symbolic link or a directory → remote_bad_result",
        ),
        row(
            "Buildbarn does not read `output_files`",
            Habits {
                output_fields: OutputFields::Paths,
                ..Habits::default()
            },
        ),
    ])
    .await;
}

#[tokio::test]
async fn time_and_death() {
    let dies = "echo text >&2; kill -KILL $$";
    let exit = |killed_exit| Habits {
        killed_exit,
        ..Habits::default()
    };
    check([
        row(
            "a timeout is DEADLINE_EXCEEDED: it is not waited for twice",
            Habits::default(),
        )
        .once(
            Rpc::Execute,
            verdict(Code::DeadlineExceeded, "context deadline exceeded"),
        )
        .gives(Does::Execute, "context deadline exceeded → remote_timeout")
        .calls(Rpc::Execute, 1),
        row(
            "and once in forty times on Buildbarn status 0 with exit code -1",
            exit(-1),
        )
        .gives(Does::Script(dies), "(exit code -1) → remote_killed"),
        row(
            "a timeout above the server's highest is INVALID_ARGUMENT",
            Habits::default(),
        )
        .times(9, Rpc::Execute, Fault::Status(Code::InvalidArgument, "timeout"))
        .gives(Does::Execute, "INVALID_ARGUMENT: timeout → remote_error")
        .calls(Rpc::Execute, 1),
        row("a tool that was killed has exit code 137 on some", exit(137))
            .gives(Does::Script(dies), "(exit code 137) → remote_killed"),
        row("and 9 on others, which is a kill if it had nothing to say", exit(9))
            .gives(Does::Script("kill -KILL $$"), "(exit code 9) → remote_killed"),
        row("and 9 is its own if it had", exit(9)).gives(Does::Script(dies), "/text exit 9"),
        row(
            "a worker whose sandbox fails reports strange negative codes",
            exit(-127),
        )
        .gives(Does::Script(dies), "(exit code -127) → remote_killed"),
    ])
    .await;
}

#[tokio::test]
async fn workers_and_caches() {
    let no_workers = Fault::Status(
        Code::Unavailable,
        "No workers exist for instance name prefix \"\" platform {}",
    );
    check([
        row(
            "Buildbarn calls a platform that no worker has an outage: it is asked twice",
            Habits::default(),
        )
        .times(9, Rpc::Execute, no_workers.clone())
        .gives(Does::Execute, "→ remote_no_worker")
        .calls(Rpc::Execute, 2),
        row("BuildGrid has FAILED_PRECONDITION for a property that it does not know: nothing is missing, and that is said", Habits::default())
            .times(9, Rpc::Execute, Fault::Status(Code::FailedPrecondition, "property ISA"))
            .gives(Does::Execute, "FAILED_PRECONDITION: property ISA → remote_error")
            .calls(Rpc::Execute, 2),
        row(
            "casd says nothing of an execution's stage, and names no worker",
            Habits {
                tells_stage: false,
                worker: "",
                ..Habits::default()
            },
        )
        .calls(Rpc::Execute, 1),
        row("BuildGrid calls an operation that it has forgotten INVALID_ARGUMENT: the action is started again", Habits::default())
            .once(Rpc::Execute, Fault::BreakAfter(1, Code::Unavailable))
            .once(Rpc::WaitExecution, Fault::Status(Code::InvalidArgument, "no such operation"))
            .calls(Rpc::Execute, 2),
        row("and so it calls one whose workers are just starting", Habits::default())
            .once(Rpc::Execute, no_workers)
            .calls(Rpc::Execute, 2),
        row(
            "others let such an action wait for ever",
            Habits {
                gated: true,
                ..Habits::default()
            },
        )
        .gives(Does::ExecuteWithin(Duration::from_millis(300)), "→ remote_timeout"),
        row(
            "Buildbarn's Execute never looks into the action cache",
            Habits {
                serves_cached: false,
                ..Habits::default()
            },
        )
        .gives(Does::ScriptTwice("echo 1 >out"), "out=1 / exit 0, then out=1 / exit 0")
        .calls(Rpc::Execute, 2),
        row(
            "cancelling does not stop an action on some: nobody waits for it",
            Habits {
                gated: true,
                ignores_cancel: true,
                ..Habits::default()
            },
        )
        .gives(Does::Cancel, "cancelled → cancelled")
        .calls(Rpc::CancelOperation, 1),
    ])
    .await;
}
