use super::*;
use crate::pb::wire::{Ping, PublishOutcome, ToDaemon, ToWrapper, to_daemon, to_wrapper};
use proptest::prelude::*;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::AsRawFd as _;

fn failed(failure: String) -> ToDaemon {
    ToDaemon {
        message: Some(to_daemon::Message::Published(PublishOutcome { ok: false, failure })),
    }
}

fn ping() -> ToWrapper {
    ToWrapper {
        message: Some(to_wrapper::Message::Ping(Ping {})),
    }
}

/// Sends from a second thread, since a socket holds less than a long frame.
fn through(message: &ToDaemon, descriptors: &[BorrowedFd<'_>]) -> (ToDaemon, Vec<OwnedFd>) {
    let (near, far) = UnixStream::pair().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| send(&near, message, descriptors).unwrap());
        receive(&far, Patience::default()).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn frames_come_as_they_went(length in 0_usize..600_000) {
        let message = failed("x".repeat(length));
        prop_assert_eq!(through(&message, &[]).0, message);
    }
}

#[test]
fn descriptors_come_in_order_however_many() {
    let check = |count: usize| {
        let files: Vec<File> = (0..count)
            .map(|number| {
                let mut file = tempfile::tempfile().unwrap();
                write!(file, "{number}").unwrap();
                file
            })
            .collect();
        let sent: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
        let (_, arrived) = through(&failed("y".repeat(400_000)), &sent);
        assert_eq!(arrived.len(), count);
        for (number, descriptor) in arrived.into_iter().enumerate() {
            let mut file = File::from(descriptor);
            let mut text = String::new();
            file.rewind().unwrap();
            file.read_to_string(&mut text).unwrap();
            assert_eq!(text, number.to_string());
        }
    };
    check(0);
    check(1);
    check(MAX_DESCRIPTORS);
    check(MAX_DESCRIPTORS + 1);
    check(600);
}

#[test]
fn descriptors_that_arrive_are_not_inherited() {
    let (_, arrived) = through(&failed(String::new()), &[std::io::stdin().as_fd()]);
    let flags = rustix::io::fcntl_getfd(&arrived[0]).unwrap();
    assert!(
        flags.contains(rustix::io::FdFlags::CLOEXEC),
        "descriptor {}",
        arrived[0].as_raw_fd()
    );
}

#[test]
fn two_frames_are_taken_one_by_one() {
    let (near, far) = UnixStream::pair().unwrap();
    send(&near, &ping(), &[]).unwrap();
    send(&near, &ping(), &[std::io::stdin().as_fd()]).unwrap();
    let counts = [0, 1].map(|_| receive::<ToWrapper>(&far, Patience::default()).unwrap().1.len());
    assert_eq!(counts, [0, 1]);
}

#[test]
fn what_is_no_frame_is_refused() {
    let check = |bytes: &[u8], expected: &str| {
        let (mut near, far) = UnixStream::pair().unwrap();
        near.write_all(bytes).unwrap();
        drop(near);
        let error = receive::<ToDaemon>(&far, Patience::default()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{bytes:?}");
    };
    check(b"", "the connection was closed");
    check(b"\x01\0", "the connection was closed");
    check(b"\x09\0\0\0abc", "the connection was closed");
    check(b"\xff\xff\xff\xff", "a frame of 4294967295 bytes is too long");
    check(b"\x03\0\0\0\xff\xff\xff", "a frame that cannot be decoded");
}

#[test]
fn a_frame_too_long_is_not_sent() {
    let (near, far) = UnixStream::pair().unwrap();
    let error = send(&near, &failed("z".repeat(MAX_FRAME as usize)), &[]).unwrap_err();
    assert!(matches!(error, WireError::TooLong(_)), "{error}");
    drop(near);
    assert!(matches!(
        receive::<ToDaemon>(&far, Patience::default()),
        Err(WireError::Closed)
    ));
}

#[test]
fn waiting_ends_at_the_deadline_or_when_woken() {
    let (_near, far) = UnixStream::pair().unwrap();
    let short = Patience::lasting(Duration::from_millis(1));
    assert!(matches!(receive::<ToDaemon>(&far, short), Err(WireError::TimedOut)));

    let (ring, wake) = UnixStream::pair().unwrap();
    (&ring).write_all(b"!").unwrap();
    let woken = Patience {
        until: None,
        wake: Some(wake.as_fd()),
    };
    assert!(matches!(receive::<ToDaemon>(&far, woken), Err(WireError::Woken)));
}

#[test]
fn a_ping_is_dropped_where_nobody_reads() {
    let (near, far) = UnixStream::pair().unwrap();
    let mut sent = 0;
    while send_at_once(&near, &ping()).unwrap() {
        sent += 1;
    }
    for _ in 0..sent {
        receive::<ToWrapper>(&far, Patience::default()).unwrap();
    }
    assert!(send_at_once(&near, &ping()).unwrap());
}
