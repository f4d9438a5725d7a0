//! GetTree, of trees as nobody would build them.

use super::*;
use reapi::{Directory, DirectoryNode, FileNode};

fn put(server: &Server, directory: &Directory) -> Digest {
    server.put(&directory.encode_to_vec())
}

fn node(name: &str, digest: Digest) -> DirectoryNode {
    DirectoryNode {
        name: name.to_owned(),
        digest: Some(digest.into()),
    }
}

fn of(directories: Vec<DirectoryNode>) -> Directory {
    Directory {
        directories,
        ..Directory::default()
    }
}

fn file(name: &str) -> Directory {
    let files = vec![FileNode {
        name: name.to_owned(),
        digest: Some(Digest::of(name.as_bytes()).into()),
        ..FileNode::default()
    }];
    Directory {
        files,
        ..Directory::default()
    }
}

fn request(root: Digest, page_size: i32, page_token: &str) -> reapi::GetTreeRequest {
    reapi::GetTreeRequest {
        root_digest: Some(root.into()),
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    }
}

/// The pages of a tree.
async fn pages(server: &Server, request: reapi::GetTreeRequest) -> Result<Vec<reapi::GetTreeResponse>, Status> {
    let mut stream = server.cas().get_tree(request).await?.into_inner();
    let mut pages = Vec::new();
    while let Some(page) = stream.message().await? {
        pages.push(page);
    }
    Ok(pages)
}

async fn tree(server: &Server, root: Digest) -> Result<Vec<Directory>, Status> {
    let pages = pages(server, request(root, 0, "")).await?;
    assert_eq!(pages.last().unwrap().next_page_token, "");
    Ok(pages.into_iter().flat_map(|page| page.directories).collect())
}

#[tokio::test]
async fn a_tree_is_given_from_its_root_on() {
    let server = Server::start().await;
    let (one, two) = (file("one"), file("two"));
    let middle = of(vec![node("a", put(&server, &one)), node("b", put(&server, &two))]);
    let root = of(vec![node("m", put(&server, &middle)), node("one", put(&server, &one))]);
    let digest = put(&server, &root);
    assert_eq!(
        tree(&server, digest).await.unwrap(),
        [root.clone(), middle, one, two.clone()]
    );

    let absent = of(vec![node("gone", Digest::of(b"gone")), node("two", put(&server, &two))]);
    assert_eq!(
        tree(&server, put(&server, &absent)).await.unwrap(),
        [absent, two],
        "what is not here is left out"
    );
    assert_eq!(code(tree(&server, Digest::of(b"gone")).await), Code::NotFound);
    assert_eq!(tree(&server, Digest::empty()).await.unwrap(), [Directory::default()]);

    let blake3 = Function::Blake3.digest(&Directory::default().encode_to_vec());
    let mut request = request(blake3, 0, "");
    request.digest_function = BLAKE3;
    assert_eq!(pages(&server, request).await.unwrap().len(), 1);
}

#[tokio::test]
async fn pages_are_as_small_as_asked_and_begin_anywhere() {
    let server = Server::start().await;
    let leaves: Vec<_> = (0..7).map(|n| file(&n.to_string())).collect();
    let nodes = leaves
        .iter()
        .enumerate()
        .map(|(n, leaf)| node(&n.to_string(), put(&server, leaf)));
    let root = of(nodes.collect());
    let digest = put(&server, &root);
    let all = tree(&server, digest).await.unwrap();
    assert_eq!(all.len(), 8);
    for size in 1..10 {
        let pages = pages(&server, request(digest, size, "")).await.unwrap();
        let number = usize::try_from(size).unwrap();
        assert_eq!(pages.len(), 8_usize.div_ceil(number));
        let mut seen = 0;
        for page in pages {
            assert!(page.directories.len() <= number);
            assert_eq!(page.directories, all[seen..seen + page.directories.len()]);
            seen += page.directories.len();
            if !page.next_page_token.is_empty() {
                let again = super::trees::pages(&server, request(digest, size, &page.next_page_token))
                    .await
                    .unwrap();
                let rest: Vec<_> = again.into_iter().flat_map(|page| page.directories).collect();
                assert_eq!(rest, all[seen..]);
            }
        }
        assert_eq!(seen, 8);
    }
    for (size, token) in [
        (-1, ""),
        (0, "?"),
        (0, "a/b"),
        (2, &*Digest::of(b"elsewhere").to_string()),
    ] {
        let answer = pages(&server, request(digest, size, token)).await;
        assert_eq!(code(answer), Code::InvalidArgument, "{size} {token}");
    }
}

#[tokio::test]
async fn what_is_no_directory_is_an_invalid_argument() {
    let server = Server::start().await;
    let garbage = server.put(&[0xff; 20]);
    let mut no_digest = of(vec![node("x", garbage)]);
    no_digest.directories[0].digest = None;
    let mut bad_digest = of(vec![node("x", garbage)]);
    bad_digest.directories[0].digest.as_mut().unwrap().hash = "..".to_owned();
    for root in [
        garbage,
        put(&server, &of(vec![node("x", garbage)])),
        put(&server, &no_digest),
        put(&server, &bad_digest),
    ] {
        assert_eq!(code(tree(&server, root).await), Code::InvalidArgument, "{root}");
    }
}

#[tokio::test]
async fn references_that_multiply_are_followed_once() {
    let server = Server::start().await;
    let mut digest = put(&server, &Directory::default());
    for _ in 0..60 {
        digest = put(&server, &of(vec![node("a", digest), node("b", digest)]));
    }
    assert_eq!(
        tree(&server, digest).await.unwrap().len(),
        61,
        "not two to the sixtieth"
    );
}

#[tokio::test]
async fn a_thousand_levels_are_no_trouble() {
    let server = Server::start().await;
    let mut digest = put(&server, &file("bottom"));
    for _ in 0..1000 {
        digest = put(&server, &of(vec![node("d", digest)]));
    }
    let directories = tree(&server, digest).await.unwrap();
    assert_eq!(directories.len(), 1001);
    assert_eq!(directories[1000], file("bottom"));
}

#[tokio::test]
async fn a_hundred_thousand_entries_are_no_trouble() {
    let server = Server::start().await;
    let empty = put(&server, &Directory::default());
    let nodes = (0..100_000).map(|n| node(&format!("{n:06}"), empty));
    let root = of(nodes.collect());
    let directories = tree(&server, put(&server, &root)).await.unwrap();
    assert_eq!(directories, [root, Directory::default()]);
}

#[tokio::test]
async fn a_tree_without_end_has_one() {
    let limits = Limits {
        directories: 50,
        ..Limits::default()
    };
    let server = Server::limited(limits).await;
    let leaves = |count: usize| {
        let nodes = (0..count).map(|n| node(&n.to_string(), put(&server, &file(&n.to_string()))));
        put(&server, &of(nodes.collect()))
    };
    assert_eq!(tree(&server, leaves(49)).await.unwrap().len(), 50);
    assert_eq!(code(tree(&server, leaves(50)).await), Code::ResourceExhausted);
}

#[tokio::test]
async fn pages_fit_into_messages() {
    let server = Server::start().await;
    let nodes = (0..40).map(|n| {
        let files = vec![FileNode {
            name: n.to_string() + &"x".repeat(300_000),
            ..FileNode::default()
        }];
        let large = Directory {
            files,
            ..Directory::default()
        };
        node(&n.to_string(), put(&server, &large))
    });
    let root = put(&server, &of(nodes.collect()));
    let pages = pages(&server, request(root, 0, "")).await.unwrap();
    assert!(pages.iter().all(|page| page.encoded_len() < 4 << 20));
    assert_eq!(pages.iter().map(|page| page.directories.len()).sum::<usize>(), 41);
}
