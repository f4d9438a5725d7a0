//! WaitExecution and CancelOperation.

use super::refused;
use crate::check::checks;
use crate::peer::execution::{Running, response_of};
use crate::peer::{Peer, Task, unique};
use std::time::{Duration, Instant};
use tonic::Code;

checks! {
    Execution: an_operation_can_be_followed_by_another, an_operation_goes_on_without_its_client,
        an_operation_that_is_done_can_be_asked, an_unknown_operation_is_not_found, an_operation_can_be_cancelled,
        a_cancelled_action_is_killed, what_was_cancelled_can_run_again, cancelling_the_unknown_is_not_found,
        one_of_two_clients_may_leave;
}

fn an_operation_can_be_followed_by_another(peer: &Peer) {
    let action = peer.stage(&Task::sh("sleep 0.5; echo out"));
    let mut first = peer.start(&action, false).unwrap();
    let name = first.next().unwrap().expect("a first state").name;
    let followed = peer.follow(&name).unwrap().finish().unwrap();
    assert_eq!(peer.stdout(&followed.result.unwrap()), "out\n");
    let own = first.finish().unwrap();
    assert_eq!(peer.stdout(&own.result.unwrap()), "out\n");
}

fn an_operation_goes_on_without_its_client(peer: &Peer) {
    let action = peer.stage(&Task::sh("sleep 0.5; echo out"));
    let mut running = peer.start(&action, false).unwrap();
    let name = running.next().unwrap().expect("a first state").name;
    drop(running);
    let followed = peer.follow(&name).unwrap().finish().unwrap();
    assert_eq!(peer.stdout(&followed.result.unwrap()), "out\n");
}

fn an_operation_that_is_done_can_be_asked(peer: &Peer) {
    let action = peer.stage(&Task::sh("echo out"));
    let states = peer.start(&action, false).unwrap().states().unwrap();
    let last = states.last().expect("states");
    let followed = peer.follow(&last.name).unwrap().finish().unwrap();
    assert_eq!(
        Some(followed.result),
        response_of(last).ok().map(|response| response.result)
    );
}

fn an_unknown_operation_is_not_found(peer: &Peer) {
    let answer = peer.follow(&unique()).and_then(Running::finish);
    refused(answer, Code::NotFound);
}

/// Starts an action that would sleep for long, and cancels it once it runs.
fn cancelled(peer: &Peer, script: &str) -> Result<rewrap::pb::reapi::ExecuteResponse, tonic::Status> {
    let mut running = peer.start(&peer.stage(&Task::sh(script)), false).unwrap();
    let name = running.next().unwrap().expect("a first state").name;
    // That it runs is not always told.
    std::thread::sleep(Duration::from_millis(700));
    peer.cancel(&name).expect("CancelOperation");
    running.finish()
}

fn an_operation_can_be_cancelled(peer: &Peer) {
    let started = Instant::now();
    match cancelled(peer, "sleep 20") {
        Err(status) => assert_eq!(status.code(), Code::Cancelled, "{status:?}"),
        Ok(response) => assert_eq!(
            response.status.map(|status| Code::from(status.code)),
            Some(Code::Cancelled)
        ),
    }
    let time = started.elapsed();
    assert!(time < Duration::from_secs(10), "{time:?}");
}

fn a_cancelled_action_is_killed(peer: &Peer) {
    // Without a sandbox it writes here, and what is written shows that it lived.
    let place = tempfile::tempdir().expect("temporary directory");
    let mark = place.path().join("mark");
    cancelled(peer, &format!("sleep 5; echo alive >{}", mark.display())).ok();
    std::thread::sleep(Duration::from_millis(5500));
    assert!(!mark.exists());
}

fn what_was_cancelled_can_run_again(peer: &Peer) {
    let action = peer.stage(&Task::sh("sleep 1; echo out"));
    let mut running = peer.start(&action, false).unwrap();
    let name = running.next().unwrap().expect("a first state").name;
    peer.cancel(&name).expect("CancelOperation");
    running.finish().ok();
    let again = peer.execute(&action).unwrap();
    assert_eq!(peer.stdout(&again.result.expect("a result")), "out\n");
}

fn cancelling_the_unknown_is_not_found(peer: &Peer) {
    refused(peer.cancel(&unique()), Code::NotFound);
}

fn one_of_two_clients_may_leave(peer: &Peer) {
    let action = peer.stage(&Task::sh("sleep 1; echo out"));
    let mut leaving = peer.start(&action, false).unwrap();
    leaving.next().unwrap();
    let staying = peer.start(&action, false).unwrap();
    drop(leaving);
    let response = staying.finish().unwrap();
    assert_eq!(peer.stdout(&response.result.expect("a result")), "out\n");
}
