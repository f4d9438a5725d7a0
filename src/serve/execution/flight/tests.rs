use super::*;
use crate::serve::execution::answer;
use crate::serve::execution::queue::Queue;
use crate::serve::execution::refusal::Refusal;

fn flight(skips_lookup: bool) -> Flight {
    let key = Key {
        instance: Instance::default(),
        action: Digest::empty(),
    };
    let ticket = Queue::new(1, Arc::default()).ticket(0);
    Flight::new(
        key,
        reapi::Action::default(),
        skips_lookup,
        ticket,
        CancellationToken::new(),
    )
}

#[test]
fn who_asks_for_a_new_result_does_not_join_what_may_find_an_old_one() {
    let ended = || Progress::Ended(Arc::new(answer::without_result(Refusal::Cancelled)));
    let executing = || Progress::Executing {
        since: SystemTime::UNIX_EPOCH,
    };
    let check = |skips_lookup: bool, progress: Progress, skip_lookup: bool, expected: bool| {
        let flight = flight(skips_lookup);
        flight.advance(progress.clone());
        assert_eq!(
            flight.join(skip_lookup, 0),
            expected,
            "{skips_lookup} {progress:?} {skip_lookup}"
        );
        assert_eq!(*flight.wanted.borrow(), 1 + usize::from(expected));
    };
    check(false, Progress::Preparing, false, true);
    check(false, Progress::Preparing, true, false);
    check(false, Progress::Queued, true, true);
    check(false, executing(), true, true);
    check(false, ended(), true, false);
    check(true, Progress::Preparing, true, true);
    check(true, Progress::Preparing, false, true);
}

#[test]
fn what_nobody_wants_any_more_is_not_joined() {
    let flight = flight(false);
    assert!(flight.join(false, 0));
    flight.leave();
    assert!(flight.join(false, 0), "one is left");
    flight.leave();
    flight.leave();
    assert!(!flight.join(false, 0));
}
