//! Executions and operations: who shares what, who ends what, what is left.

use super::*;
use crate::pb::reapi::execution_stage::Value as Stage;
use tonic::Code;

#[tokio::test(start_paused = true)]
async fn stages_are_told_in_order() {
    let fixture = Fixture::new(1);
    let mut first = fixture
        .start(request(fixture.action(&["gated", "1"])))
        .await
        .expect("an operation");
    until(&mut first, Stage::Executing).await;
    let mut second = fixture
        .start(request(fixture.action(&["gated", "2"])))
        .await
        .expect("an operation");
    assert_eq!(stage(&next(&mut second).await), Stage::Queued);
    fixture.let_end(2);
    assert_eq!(code(&end(first).await), Code::Ok);
    until(&mut second, Stage::Executing).await;
    assert_eq!(code(&end(second).await), Code::Ok);
}

#[tokio::test(start_paused = true)]
async fn equal_actions_in_flight_are_one_unless_they_may_not_be() {
    struct Case {
        do_not_cache: bool,
        instances: [&'static str; 2],
        skip: bool,
        runs: usize,
    }
    let check = async |case: Case| {
        let fixture = Fixture::new(2);
        let action = fixture.action_with(&["gated"], |action, _| action.do_not_cache = case.do_not_cache);
        let of = |instance: &str| reapi::ExecuteRequest {
            instance_name: instance.to_owned(),
            skip_cache_lookup: case.skip,
            ..request(action)
        };
        let mut first = fixture.start(of(case.instances[0])).await.expect("an operation");
        let one = until(&mut first, Stage::Executing).await.name;
        let mut second = fixture.start(of(case.instances[1])).await.expect("an operation");
        let two = until(&mut second, Stage::Executing).await.name;
        assert_ne!(one, two, "each has an operation of its own");
        fixture.let_end(2);
        assert_eq!([code(&end(first).await), code(&end(second).await)], [Code::Ok; 2]);
        assert_eq!(fixture.runs(), case.runs);
        assert!(fixture.service.table.is_at_rest().await);
    };
    for (do_not_cache, instances, skip, runs) in [
        (false, ["", ""], false, 1),
        (false, ["", ""], true, 1),
        (false, ["a", "b"], false, 2),
        (true, ["", ""], false, 2),
    ] {
        check(Case {
            do_not_cache,
            instances,
            skip,
            runs,
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn cancelling_one_operation_leaves_the_others_their_execution() {
    let fixture = Fixture::new(1);
    let action = fixture.action(&["gated"]);
    let mut streams = Vec::new();
    let mut names = Vec::new();
    for _ in 0..3 {
        let mut updates = fixture.start(request(action)).await.expect("an operation");
        names.push(until(&mut updates, Stage::Executing).await.name);
        streams.push(updates);
    }
    fixture.cancel(&names[0]).await.expect("it runs");
    assert_eq!(code(&end(streams.remove(0)).await), Code::Cancelled);
    drop(streams.remove(0));
    tokio::time::sleep(2 * ABANDONED_AFTER).await;
    assert_eq!(
        fixture.script.now.load(Ordering::SeqCst),
        1,
        "the third one still wants it"
    );
    fixture.let_end(1);
    assert_eq!(code(&end(streams.remove(0)).await), Code::Ok);
    for (name, expected) in names.iter().zip([Code::Cancelled, Code::Cancelled, Code::Ok]) {
        assert_eq!(code(&response(fixture.get(name).await.expect("remembered"))), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_cancel_ends_the_execution_at_once() {
    let fixture = Fixture::new(1);
    let mut updates = fixture
        .start(request(fixture.action(&["gated"])))
        .await
        .expect("an operation");
    let name = until(&mut updates, Stage::Executing).await.name;
    let mut queued = fixture
        .start(request(fixture.action(&["gated", "2"])))
        .await
        .expect("an operation");
    let waiting = next(&mut queued).await.name;
    fixture.cancel(&waiting).await.expect("it waits");
    assert_eq!(code(&end(queued).await), Code::Cancelled);
    while fixture.service.crew.queue.waiting() > 0 {
        tokio::task::yield_now().await;
    }
    fixture.cancel(&name).await.expect("it runs");
    fixture.cancel(&name).await.expect("again does no harm");
    assert_eq!(code(&end(updates).await), Code::Cancelled);
    fixture.service.tasks.close();
    fixture.service.tasks.wait().await;
    assert_eq!(fixture.script.cancelled.load(Ordering::SeqCst), 1);
    assert_eq!(fixture.runs(), 1, "what waited never ran");
    let unknown = fixture.cancel("operations/x").await.expect_err("unknown");
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn an_execution_goes_on_without_its_stream_and_can_be_found_again() {
    let fixture = Fixture::new(1);
    let mut updates = fixture
        .start(request(fixture.action(&["gated"])))
        .await
        .expect("an operation");
    let name = until(&mut updates, Stage::Executing).await.name;
    drop(updates);
    tokio::time::sleep(ABANDONED_AFTER * 9 / 10).await;
    let mut updates = fixture.wait(&name).await.expect("it goes on");
    assert_eq!(stage(&next(&mut updates).await), Stage::Executing);
    tokio::time::sleep(10 * ABANDONED_AFTER).await;
    fixture.let_end(1);
    assert_eq!(code(&end(updates).await), Code::Ok);
    assert_eq!(
        code(&end(fixture.wait(&name).await.expect("remembered")).await),
        Code::Ok
    );
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(fixture.wait(&name).await.expect_err("forgotten").code(), Code::NotFound);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_follows_is_called_off_after_a_while() {
    let fixture = Fixture::new(1);
    let mut updates = fixture
        .start(request(fixture.action(&["gated"])))
        .await
        .expect("an operation");
    let name = until(&mut updates, Stage::Executing).await.name;
    drop(updates);
    fixture.service.tasks.close();
    fixture.service.tasks.wait().await;
    assert_eq!(fixture.script.cancelled.load(Ordering::SeqCst), 1);
    assert_eq!(
        code(&response(fixture.get(&name).await.expect("remembered"))),
        Code::Cancelled
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_before_it_has_a_stream_leaves_nothing() {
    let fixture = Fixture::new(1);
    let action = fixture.action(&["gated"]);
    for _ in 0..20 {
        let starting = fixture.start(request(action));
        tokio::select! {
            biased;
            _ = starting => {}
            () = tokio::task::yield_now() => {}
        }
    }
    fixture.service.tasks.close();
    fixture.service.tasks.wait().await;
    assert_eq!(fixture.script.now.load(Ordering::SeqCst), 0);
    assert!(fixture.service.table.is_at_rest().await);
}

#[tokio::test(start_paused = true)]
async fn urgent_actions_run_first_and_lend_their_urgency_to_equal_ones() {
    let fixture = Fixture::new(1);
    let mut streams = Vec::new();
    for (label, priority) in [
        ("first", 0),
        ("b", 0),
        ("c", 5),
        ("d", -1),
        ("e", 0),
        ("f", 9),
        ("f", -2),
    ] {
        let action = fixture.action(&["gated", label]);
        let mut updates = fixture.start(urgent(action, priority)).await.expect("an operation");
        next(&mut updates).await;
        streams.push(updates);
        if label == "first" {
            fixture.begun(1).await;
        }
    }
    fixture.let_end(10);
    for updates in streams {
        assert_eq!(code(&end(updates).await), Code::Ok);
    }
    assert_eq!(fixture.begun(6).await, ["first", "f", "d", "b", "e", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_stream_says_that_it_lives() {
    let fixture = Fixture::new(1);
    let mut updates = fixture
        .start(request(fixture.action(&["gated"])))
        .await
        .expect("an operation");
    until(&mut updates, Stage::Executing).await;
    for _ in 0..3 {
        let before = tokio::time::Instant::now();
        assert_eq!(stage(&next(&mut updates).await), Stage::Executing);
        assert_eq!(before.elapsed(), operation::KEEP_ALIVE);
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_end_what_runs_and_takes_nothing_new() {
    let fixture = Fixture::new(1);
    let running = fixture.action(&["gated", "1"]);
    let mut first = fixture.start(request(running)).await.expect("an operation");
    let name = until(&mut first, Stage::Executing).await.name;
    let second = fixture
        .start(request(fixture.action(&["gated", "2"])))
        .await
        .expect("an operation");
    let draining = tokio::spawn({
        let service = fixture.service.clone();
        async move { service.drain(Duration::from_mins(5)).await }
    });
    assert_eq!(
        code(&end(second).await),
        Code::Unavailable,
        "what waits is told at once"
    );
    for action in [running, fixture.action(&["/bin/true"])] {
        assert_eq!(
            fixture.start(request(action)).await.expect_err("closed").code(),
            Code::Unavailable
        );
    }
    let waiting = fixture.wait(&name).await.expect("it still runs");
    assert!(!draining.is_finished());
    fixture.let_end(1);
    assert_eq!(code(&end(first).await), Code::Ok);
    assert_eq!(code(&end(waiting).await), Code::Ok);
    draining.await.expect("no panic");
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_what_takes_too_long() {
    let fixture = Fixture::new(1);
    let mut updates = fixture
        .start(request(fixture.action(&["gated"])))
        .await
        .expect("an operation");
    until(&mut updates, Stage::Executing).await;
    let before = tokio::time::Instant::now();
    fixture.service.drain(Duration::from_mins(5)).await;
    assert_eq!(before.elapsed(), Duration::from_mins(5));
    assert_eq!(code(&end(updates).await), Code::Unavailable);
    assert_eq!(fixture.script.cancelled.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn deleting_an_operation_forgets_its_name_and_ends_nothing() {
    let fixture = Fixture::new(1);
    let mut updates = fixture
        .start(request(fixture.action(&["gated"])))
        .await
        .expect("an operation");
    let name = until(&mut updates, Stage::Executing).await.name;
    let deletion = DeleteOperationRequest { name: name.clone() };
    fixture
        .service
        .delete_operation(Request::new(deletion))
        .await
        .expect("it is there");
    assert_eq!(fixture.get(&name).await.expect_err("forgotten").code(), Code::NotFound);
    fixture.let_end(1);
    assert_eq!(code(&end(updates).await), Code::Ok);
}

#[tokio::test(start_paused = true)]
async fn what_an_action_needs_is_not_evicted_while_it_waits_and_runs() {
    let fixture = Fixture::bounded(1, 1 << 20);
    let input = fixture.store.put_bytes(b"an input").expect("a store");
    let root = fixture.put(&reapi::Directory {
        files: vec![reapi::FileNode {
            name: "input".to_owned(),
            digest: Some(input.into()),
            ..Default::default()
        }],
        ..Default::default()
    });
    let of = |label: &str| {
        let action = fixture.action_with(&["gated", label], |action, _| {
            action.input_root_digest = Some(root.into());
        });
        fixture.start(request(action))
    };
    let mut running = of("1").await.expect("an operation");
    until(&mut running, Stage::Executing).await;
    let mut waiting = of("2").await.expect("an operation");
    next(&mut waiting).await;
    let is_there = || fixture.store.contains(input).expect("a store");
    let fill = |round: u8| {
        for at in 0..32_u8 {
            fixture.store.put_bytes(&[round, at].repeat(32 << 10)).expect("a store");
        }
    };
    fill(0);
    assert!(is_there());
    fixture.let_end(2);
    assert_eq!(code(&end(running).await), Code::Ok);
    assert_eq!(code(&end(waiting).await), Code::Ok);
    fixture.service.tasks.close();
    fixture.service.tasks.wait().await;
    fill(1);
    assert!(!is_there(), "and then it goes the way of all blobs");
}
