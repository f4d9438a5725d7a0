use super::*;
use proptest::prelude::*;

/// Frames whose content is to be skipped begin with one of 16 magic numbers, then comes their length (RFC 8878, 3.1.2).
fn skippable(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("short").to_le_bytes();
    [&[0x50, 0x2a, 0x4d, 0x18][..], &length, content].concat()
}

fn encoded(content: &[u8]) -> Vec<u8> {
    compress(content).expect("memory")
}

/// The content, or which error.
fn outcome(encoded: &[u8], limit: u64) -> Result<Vec<u8>, &'static str> {
    decompress(encoded, limit).map_err(|error| match error {
        CompressionError::TooLarge { .. } => "too large",
        CompressionError::TooLong(_) => "too long",
        CompressionError::Truncated => "truncated",
        CompressionError::Malformed(_) => "malformed",
    })
}

#[test]
fn the_content_is_what_all_frames_hold_together() {
    let check = |frames: &[Vec<u8>], expected: &str| {
        let content = outcome(&frames.concat(), 100).expect("an encoding");
        assert_eq!(content, expected.as_bytes(), "{frames:?}");
    };
    let text = || encoded(b"text");
    check(&[], "");
    check(&[encoded(b"")], "");
    check(&[text()], "text");
    check(&[encoded(b""), text()], "text");
    check(&[skippable(b""), text()], "text");
    check(&[skippable(b"not content"), encoded(b""), text()], "text");
    check(&[text(), skippable(b"x"), text(), encoded(b"")], "texttext");
    check(&[skippable(b"only")], "");
}

#[test]
fn what_is_no_whole_encoding_is_an_error() {
    let check = |bytes: &[u8], expected| assert_eq!(outcome(bytes, 100), Err(expected), "{bytes:?}");
    check(b"plain text", "malformed");
    check(&[encoded(b"text"), b"plain text".to_vec()].concat(), "malformed");
    let whole = encoded(b"text");
    for length in 1..whole.len() {
        check(&whole[..length], "truncated");
        check(&[encoded(b"before"), whole[..length].to_vec()].concat(), "truncated");
    }
    check(&skippable(b"x")[..8], "truncated");
}

#[test]
fn a_bomb_goes_off_at_the_limit() {
    let zeros = vec![0; 100 << 20];
    let bomb = encoded(&zeros);
    assert!(bomb.len() < zeros.len() / 1000);
    assert_eq!(outcome(&bomb, 1000), Err("too large"));
    assert_eq!(outcome(&bomb, 100 << 20).expect("its size").len(), 100 << 20);
    assert_eq!(outcome(&bomb, (100 << 20) - 1), Err("too large"));
    let mut decompressor = Decompressor::new(u64::MAX).expect("memory");
    let most = decompressor.pull(&mut &*bomb).expect("a piece").len();
    assert_eq!(most, PIECE, "no call gives more");
}

#[test]
fn frames_of_nothing_end_at_the_limit_too() {
    let endless = encoded(b"").repeat(200_000);
    assert_eq!(outcome(&endless, 10), Err("too long"));
    assert_eq!(outcome(&skippable(&vec![0; 2 << 20]), 10), Err("too long"));
}

#[test]
fn a_content_has_the_size_that_it_was_said_to_have() {
    let push = |size, content: &[u8]| {
        let mut compressor = Compressor::new(size).expect("memory");
        compressor.push(content).and_then(|_| compressor.finish()).is_ok()
    };
    assert!(push(3, b"abc"));
    assert!(!push(3, b"ab"));
    assert!(!push(3, b"abcd"));
}

/// Content as programs have it: runs, repetitions and noise.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2000),
        (any::<u8>(), 0..400_000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    proptest::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

/// The content of pieces that arrive one by one.
fn arrive(encoded: &[u8], length: usize, limit: u64) -> Vec<u8> {
    let mut decompressor = Decompressor::new(limit).expect("memory");
    let mut content = Vec::new();
    for mut piece in encoded.chunks(length) {
        loop {
            let some = decompressor.pull(&mut piece).expect("an encoding");
            if some.is_empty() {
                break;
            }
            assert!(some.len() <= PIECE);
            content.extend(some);
        }
        assert!(piece.is_empty(), "all of it is taken");
    }
    decompressor.finish().expect("whole");
    content
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_content_comes_back_however_it_is_cut(
        contents in proptest::collection::vec(content(), 0..3),
        pushed in 1..100_000_usize,
        pulled in 1..100_000_usize,
    ) {
        let mut frames = Vec::new();
        for content in &contents {
            let mut compressor = Compressor::new(content.len() as u64).expect("memory");
            for piece in content.chunks(pushed) {
                frames.extend(compressor.push(piece).expect("within its size"));
            }
            frames.extend(compressor.finish().expect("its size"));
        }
        let whole = contents.concat();
        let size = whole.len() as u64;
        prop_assert_eq!(&arrive(&frames, pulled, size), &whole);
        prop_assert_eq!(outcome(&frames, size), Ok(whole));
        if size > 0 {
            prop_assert_eq!(outcome(&frames, size - 1), Err("too large"));
        }
    }

    #[test]
    fn a_cut_encoding_is_never_taken_for_a_whole_one(content in content(), cut in any::<prop::sample::Index>()) {
        let whole = encoded(&content);
        let end = cut.index(whole.len() - 1) + 1;
        prop_assert_eq!(outcome(&whole[..end], content.len() as u64), Err("truncated"));
    }

    #[test]
    fn noise_is_refused_or_stays_within_the_limit(noise in proptest::collection::vec(any::<u8>(), 0..2000)) {
        for bytes in [noise.clone(), [&[0x28, 0xb5, 0x2f, 0xfd][..], &noise].concat()] {
            if let Ok(content) = outcome(&bytes, 5000) {
                prop_assert!(content.len() <= 5000);
            }
        }
    }
}
