use super::*;
use proptest::prelude::*;

fn path(text: &str) -> ExecPath {
    ExecPath::new(text).expect("exec path")
}

fn file(content: &str) -> Entry {
    Entry::File {
        digest: Digest::of(content.as_bytes()),
        host: PathBuf::from(format!("/host/{content}")),
    }
}

fn link(target: &str) -> Entry {
    Entry::Symlink {
        target: target.to_owned(),
    }
}

fn build(entries: &[(&str, Entry)]) -> Result<Tree, TreeError> {
    let owned: Vec<_> = entries.iter().map(|(at, entry)| (path(at), entry.clone())).collect();
    Tree::build(owned.iter().map(|(at, entry)| (at, entry)))
}

#[test]
fn no_entries_make_the_empty_directory() {
    let tree = build(&[]).expect("tree");
    assert_eq!(tree.root, Digest::empty());
    assert_eq!(tree.directories, [(Digest::empty(), Bytes::new())]);
    assert_eq!(tree.total_bytes, 0);
}

#[test]
fn names_are_sorted_by_bytes_and_kinds_kept_apart() {
    let tree = build(&[
        ("b", file("2")),
        ("a/x", file("1")),
        ("a-b", link("b")),
        ("B", file("2")),
        ("é", Entry::Directory),
    ])
    .expect("tree");
    let (_, root) = tree
        .directories
        .iter()
        .find(|(digest, _)| *digest == tree.root)
        .expect("root");
    let root = reapi::Directory::decode(root.as_ref()).expect("message");
    let names: Vec<_> = root.files.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["B", "b"]);
    let names: Vec<_> = root.directories.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["a", "é"]);
    assert_eq!(root.symlinks[0].target, "b");
    assert!(root.files.iter().all(|node| !node.is_executable));
    assert_eq!(tree.files.len(), 2, "equal contents once");
}

#[test]
fn equal_directories_are_one_message() {
    let tree = build(&[("a/x", file("1")), ("b/x", file("1")), ("c", Entry::Directory)]).expect("tree");
    // The root, the directory of `x`, and the empty one.
    assert_eq!(tree.directories.len(), 3);
}

#[test]
fn a_directory_may_be_named_before_and_after_its_content() {
    let named = build(&[("a", Entry::Directory), ("a/x", file("1")), ("a", Entry::Directory)]).expect("tree");
    assert_eq!(named, build(&[("a/x", file("1"))]).expect("tree"));
}

#[test]
fn two_entries_of_one_name_are_refused() {
    let cases: &[&[(&str, Entry)]] = &[
        &[("a", file("1")), ("a", file("1"))],
        &[("a", file("1")), ("a", link("b"))],
        &[("a", file("1")), ("a/b", file("2"))],
        &[("a/b", file("2")), ("a", file("1"))],
        &[("a", link("c")), ("a/b", file("2"))],
        &[("a", Entry::Directory), ("a", link("c"))],
        &[("a", file("1")), ("a", Entry::Directory)],
    ];
    for case in cases {
        assert!(matches!(build(case), Err(TreeError::Twice(_))), "{case:?}");
    }
    assert_eq!(build(&[("", file("1"))]), Err(TreeError::RootIsNoDirectory));
}

proptest! {
    #[test]
    fn the_tree_does_not_depend_on_the_order_of_insertion(
        names in proptest::collection::btree_set("[a-c]{1,2}(/[a-c]{1,2}){0,3}", 0..12),
        order in any::<proptest::sample::Index>(),
    ) {
        let entries: Vec<(ExecPath, Entry)> =
            names.iter().enumerate().map(|(at, name)| (path(name), file(&(at % 3).to_string()))).collect();
        let straight = Tree::build(entries.iter().map(|(at, entry)| (at, entry)));
        let mut turned = entries.clone();
        turned.reverse();
        if !turned.is_empty() {
            let by = order.index(turned.len());
            turned.rotate_left(by);
        }
        let turned = Tree::build(turned.iter().map(|(at, entry)| (at, entry)));
        // Which of two conflicting paths is named depends on the order; that there is a conflict does not.
        prop_assert_eq!(straight.is_err(), turned.is_err());
        if let (Ok(straight), Ok(turned)) = (straight, turned) {
            prop_assert_eq!(straight, turned);
        }
    }

    #[test]
    fn every_file_is_found_again_by_walking_from_the_root(
        names in proptest::collection::btree_set("[a-b]/[c-d]/[e-z]{1,3}", 1..10),
    ) {
        let entries: Vec<(ExecPath, Entry)> = names.iter().map(|name| (path(name), file(name))).collect();
        let tree = Tree::build(entries.iter().map(|(at, entry)| (at, entry))).expect("no conflicts");
        let messages: BTreeMap<_, _> = tree.directories.iter().cloned().collect();
        for (at, name) in entries.iter().zip(&names) {
            let mut digest = tree.root;
            for part in at.0.parent().expect("two levels").components() {
                let directory = reapi::Directory::decode(messages[&digest].as_ref()).expect("message");
                let node = directory.directories.iter().find(|node| node.name == part).expect("directory");
                digest = Digest::try_from(node.digest.as_ref().expect("digest")).expect("digest");
            }
            let directory = reapi::Directory::decode(messages[&digest].as_ref()).expect("message");
            let last = at.0.components().last().expect("a name");
            let node = directory.files.iter().find(|node| node.name == last).expect("file");
            prop_assert_eq!(&node.digest, &Some(Digest::of(name.as_bytes()).into()));
        }
    }
}
