//! Uploads whose streams broke, hung, or were left for ever.

use super::*;
use crate::serve::storage::Limits;
use std::time::Duration;

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_was() {
    for compressed in [false, true] {
        let server = Server::start().await;
        let content = noise(700_000);
        let digest = Digest::of(&content);
        let name = upload(&if compressed { zstd(digest) } else { plain(digest) });
        assert_eq!(server.written(&name).await.unwrap(), (0, false));

        // The client goes away in the middle: its connection is closed without an end.
        let half = if compressed {
            compress(&content[..400_000]).unwrap()
        } else {
            content[..400_000].to_vec()
        };
        let (sender, answer) = open_stream(&server, vec![request(&name, 0, &half)]).await;
        until_written(&server, &name, 400_000).await;
        answer.abort();
        assert!(answer.await.is_err());
        drop(sender);
        assert_eq!(server.written(&name).await.unwrap(), (400_000, false));

        let wrong = server
            .write(tokio_stream::iter(vec![request(&name, 399_999, b"x")]))
            .await;
        assert_eq!(code(wrong), Code::InvalidArgument);

        // A compressed one goes on with a frame of its own, at the offset of the content.
        let rest = if compressed {
            compress(&content[400_000..]).unwrap()
        } else {
            content[400_000..].to_vec()
        };
        let mut last = request(&name, 400_000, &rest);
        last.finish_write = true;
        let committed = server.write(tokio_stream::iter(vec![last])).await.unwrap();
        assert_eq!(committed, 400_000 + i64::try_from(rest.len()).unwrap());
        assert_eq!(server.read(&plain(digest), 0, 0).await.unwrap(), content);
        assert_eq!(server.written(&name).await.unwrap(), (700_000, true));
        assert_eq!(server.drafts(), 0);
    }
}

#[tokio::test]
async fn a_broken_upload_may_begin_again() {
    let server = Server::start().await;
    let content = noise(1000);
    let name = upload(&plain(Digest::of(&content)));
    let wrong_beginning = server
        .write(tokio_stream::iter(vec![request(&name, 0, &[0; 500])]))
        .await;
    assert_eq!(code(wrong_beginning), Code::InvalidArgument, "no end");
    assert_eq!(server.written(&name).await.unwrap(), (500, false));
    assert_eq!(server.write_all(&name, &content, 300).await.unwrap(), 1000);
}

#[tokio::test]
async fn a_client_that_comes_back_takes_its_upload_over() {
    let server = Server::start().await;
    let content = noise(1000);
    let name = upload(&plain(Digest::of(&content)));
    let (_hanging, old) = open_stream(&server, vec![request(&name, 0, &content[..600])]).await;
    until_written(&server, &name, 600).await;
    let mut rest = request(&name, 600, &content[600..]);
    rest.finish_write = true;
    assert_eq!(server.write(tokio_stream::iter(vec![rest])).await.unwrap(), 1000);
    assert_eq!(code(old.await.unwrap()), Code::Aborted);
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_told_so() {
    let limits = Limits {
        stall: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = Server::limited(limits).await;
    let name = upload(&plain(Digest::of(&noise(1000))));
    for first in [Vec::new(), vec![request(&name, 0, &noise(1000)[..10])]] {
        let (_open, answer) = open_stream(&server, first).await;
        assert_eq!(code(answer.await.unwrap()), Code::DeadlineExceeded);
    }
    assert_eq!(server.written(&name).await.unwrap(), (10, false), "and may go on later");
}

/// Begins an upload and leaves it.
async fn leave(server: &Server, number: u8, size: usize) -> String {
    let digest = Digest::from_parts([number; 32], 1_000_000);
    let name = upload(&plain(digest));
    let answer = server
        .write(tokio_stream::iter(vec![request(&name, 0, &noise(size))]))
        .await;
    assert_eq!(code(answer), Code::InvalidArgument);
    name
}

async fn sizes(server: &Server, names: &[String]) -> Vec<i64> {
    let mut sizes = Vec::new();
    for name in names {
        sizes.push(server.written(name).await.unwrap().0);
    }
    sizes
}

#[tokio::test]
async fn only_some_broken_uploads_are_kept() {
    let limits = Limits {
        broken_uploads: 3,
        broken_bytes: 1000,
        ..Limits::default()
    };
    let server = Server::limited(limits).await;
    let mut names = Vec::new();
    for number in 0..5 {
        names.push(leave(&server, number, 100).await);
    }
    assert_eq!(sizes(&server, &names).await, [0, 0, 100, 100, 100]);
    names.push(leave(&server, 5, 850).await);
    assert_eq!(sizes(&server, &names).await, [0, 0, 0, 0, 100, 850]);
    names.push(leave(&server, 6, 1001).await);
    assert_eq!(
        sizes(&server, &names[4..]).await,
        [0, 0, 0],
        "the newest one alone is too much"
    );
    assert_eq!(server.drafts(), 0);
}

#[tokio::test]
async fn broken_uploads_go_when_they_are_old() {
    let limits = Limits {
        broken_age: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = Server::limited(limits).await;
    for number in 0..3 {
        let name = leave(&server, number, 100).await;
        while server.written(&name).await.unwrap().0 > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.drafts(), 0, "without any other request");
    }
}
