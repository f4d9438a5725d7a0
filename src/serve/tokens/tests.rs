use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

/// Of `open sesame`.
const SESAME: &str = "41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb";

fn line(name: &str, token: &str) -> String {
    format!("{name} {}\n", crate::digest::Digest::of(token.as_bytes()).hex())
}

/// A new file each time, as an editor makes it: another inode, so that the clock does not matter.
fn write(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, Permissions::from_mode(0o644)).unwrap();
    fs::rename(new, path).unwrap();
}

#[test]
fn the_digest_is_that_of_sha256sum() {
    assert_eq!(line("ali", "open sesame"), format!("ali {SESAME}\n"));
}

#[test]
fn a_line_is_a_name_and_a_digest() {
    let check = |text: &str, expected: Result<usize, usize>| {
        assert_eq!(parse(text).map(|entries| entries.len()), expected, "{text}");
    };
    check("", Ok(0));
    check(&format!("# who\n\n  ali   {SESAME}  \n"), Ok(1));
    check(&format!("ali {}", SESAME.to_uppercase()), Ok(1));
    check(&format!("ali {SESAME}\nbaba"), Err(2));
    check(&format!("\nali {SESAME} x"), Err(2));
    check(SESAME, Err(1));
    check(&format!("ali {}", &SESAME[1..]), Err(1));
    check(&format!("ali {}é", &SESAME[2..]), Err(1));
    check(
        "ali +1ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb",
        Err(1),
    );
}

#[test]
fn a_token_is_known_by_its_digest_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    write(&path, &[line("ali", "open sesame"), line("baba", "wheat")].concat());
    let tokens = Tokens::open(&path).unwrap();
    let check = |token: &str, name: Option<&str>| assert_eq!(tokens.name_of(token.as_bytes()).as_deref(), name);
    check("open sesame", Some("ali"));
    check("wheat", Some("baba"));
    check("open barley", None);
    check("", None);
    check(SESAME, None);
}

#[test]
fn the_file_is_read_again_when_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    write(&path, &line("ali", "one"));
    let tokens = Tokens::open(&path).unwrap();
    let check = |token: &str, name: Option<&str>| assert_eq!(tokens.name_of(token.as_bytes()).as_deref(), name);
    check("one", Some("ali"));
    write(&path, &line("ali", "two"));
    check("one", None);
    check("two", Some("ali"));
    // What cannot be used admits nobody, and is looked at again.
    write(&path, "nonsense");
    check("two", None);
    write(&path, &line("ali", "three"));
    check("three", Some("ali"));
    fs::remove_file(&path).unwrap();
    check("three", None);
    write(&path, &line("ali", "three"));
    check("three", Some("ali"));
}

#[test]
fn a_file_that_others_may_write_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokens");
    write(&path, &line("ali", "one"));
    let tokens = Tokens::open(&path).unwrap();
    for (mode, trusted) in [
        (0o600, true),
        (0o644, true),
        (0o620, false),
        (0o602, false),
        (0o400, true),
    ] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(tokens.name_of(b"one").is_some(), trusted, "{mode:o}");
        let opened = Tokens::open(&path);
        assert_eq!(
            !matches!(opened, Err(TokensError::Untrusted { .. })),
            trusted,
            "{mode:o}: {opened:?}"
        );
    }
}
