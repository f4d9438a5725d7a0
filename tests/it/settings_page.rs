//! `docs/settings.md` is made from the table of settings and committed; this makes it again and compares.
//! `REWRAP_REGENERATE=1 cargo test --test it settings_page` writes it instead.

use std::path::Path;

#[test]
fn the_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let fresh = rewrap::config::reference::page();
    if std::env::var_os("REWRAP_REGENERATE").is_some() {
        std::fs::write(&path, &fresh).expect("written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "stale: {}; run with REWRAP_REGENERATE=1",
        path.display()
    );
}
