use super::*;
use crate::serve::storage::tests::{Server, code, noise};
use prost::Message as _;
use reapi::{Directory, DirectoryNode, OutputDirectory, OutputFile, OutputSymlink, Tree};
use tonic::Code;

fn output(path: &str, digest: Digest) -> OutputFile {
    OutputFile {
        path: path.to_owned(),
        digest: Some(digest.into()),
        ..OutputFile::default()
    }
}

fn result(output_files: Vec<OutputFile>) -> ActionResult {
    ActionResult {
        output_files,
        ..ActionResult::default()
    }
}

fn asking(instance: &str, action: Digest) -> reapi::GetActionResultRequest {
    reapi::GetActionResultRequest {
        instance_name: instance.to_owned(),
        action_digest: Some(action.into()),
        digest_function: action.function().to_wire() as i32,
        ..Default::default()
    }
}

fn putting(instance: &str, action: Digest, result: ActionResult) -> reapi::UpdateActionResultRequest {
    reapi::UpdateActionResultRequest {
        instance_name: instance.to_owned(),
        action_digest: Some(action.into()),
        action_result: Some(result),
        digest_function: action.function().to_wire() as i32,
        ..Default::default()
    }
}

async fn get(server: &Server, request: reapi::GetActionResultRequest) -> Result<ActionResult, Status> {
    Ok(server.results().get_action_result(request).await?.into_inner())
}

async fn put(server: &Server, action: Digest, result: ActionResult) -> Result<ActionResult, Status> {
    let answer = server
        .results()
        .update_action_result(putting("", action, result))
        .await?;
    Ok(answer.into_inner())
}

#[tokio::test]
async fn results_are_kept_per_instance_and_function() {
    let server = Server::start().await;
    let action = b"action";
    let mut expected = Vec::new();
    for (exit_code, (instance, function)) in (0..).zip([
        ("", Function::Sha256),
        ("a", Function::Sha256),
        ("a/b", Function::Sha256),
        ("", Function::Blake3),
        ("a", Function::Blake3),
    ]) {
        let digest = function.digest(action);
        let result = ActionResult {
            exit_code,
            ..ActionResult::default()
        };
        assert_eq!(code(get(&server, asking(instance, digest)).await), Code::NotFound);
        server
            .results()
            .update_action_result(putting(instance, digest, result.clone()))
            .await
            .unwrap();
        expected.push((instance, digest, result));
    }
    for (instance, digest, result) in expected {
        assert_eq!(get(&server, asking(instance, digest)).await.unwrap(), result);
    }
    let kept = server.storage.store().action_result(Digest::of(action)).unwrap();
    assert_eq!(
        kept,
        Some(ActionResult::default()),
        "without a name it is the store's own"
    );
}

#[tokio::test]
async fn a_result_without_its_blobs_is_not_found() {
    let server = Server::start().await;
    let action = Digest::of(b"action");
    let (here, gone) = (server.put(b"here"), Digest::of(b"gone"));
    let subdirectory = Directory::default().encode_to_vec();
    let root = Directory {
        directories: vec![DirectoryNode {
            name: "sub".to_owned(),
            digest: Some(Digest::of(&subdirectory).into()),
        }],
        ..Directory::default()
    };
    let tree = Tree {
        root: Some(root.clone()),
        children: vec![Directory::default()],
    };
    let tree = server.put(&tree.encode_to_vec());
    let directory = |tree: Digest, root: Option<Digest>| ActionResult {
        output_directories: vec![OutputDirectory {
            path: "out".to_owned(),
            tree_digest: Some(tree.into()),
            root_directory_digest: root.map(Into::into),
            ..OutputDirectory::default()
        }],
        ..ActionResult::default()
    };
    let stdout = |digest: Digest| ActionResult {
        stdout_digest: Some(digest.into()),
        ..ActionResult::default()
    };
    let root = Digest::of(&root.encode_to_vec());
    let many = (0..100).map(|n| output(&n.to_string(), here));
    for (result, is_whole) in [
        (result(vec![output("a.o", here)]), true),
        (result(many.clone().collect()), true),
        (result(vec![output("a.o", here), output("a.d", gone)]), false),
        (result(many.chain([output("last", gone)]).collect()), false),
        (stdout(here), true),
        (stdout(gone), false),
        (directory(tree, None), true),
        (directory(gone, None), false),
        (directory(here, None), false),
        (directory(tree, Some(root)), false),
    ] {
        let answer = put(&server, action, result.clone()).await.unwrap();
        assert_eq!(answer, result);
        let got = get(&server, asking("", action)).await;
        if is_whole {
            assert_eq!(got.unwrap(), result);
        } else {
            assert_eq!(code(got), Code::NotFound, "{result:?}");
        }
    }
}

#[tokio::test]
async fn contents_come_along_as_asked() {
    let server = Server::start().await;
    let action = Digest::of(b"action");
    let (text, large) = (server.put(b"text"), server.put(&noise(200_000)));
    let (out, err) = (server.put(b"out"), server.put(b"err"));
    let whole = ActionResult {
        stdout_digest: Some(out.into()),
        stderr_digest: Some(err.into()),
        ..result(vec![output("a", text), output("b", text), output("large", large)])
    };
    put(&server, action, whole.clone()).await.unwrap();
    let check = async |stdout: bool, stderr: bool, files: &[&str]| {
        let mut request = asking("", action);
        (request.inline_stdout, request.inline_stderr) = (stdout, stderr);
        request.inline_output_files = files.iter().map(|&path| path.to_owned()).collect();
        let mut expected = whole.clone();
        if stdout {
            expected.stdout_raw = b"out".to_vec();
        }
        if stderr {
            expected.stderr_raw = b"err".to_vec();
        }
        for file in &mut expected.output_files {
            if files.contains(&&*file.path) {
                file.contents = if file.path == "large" {
                    noise(200_000)
                } else {
                    b"text".to_vec()
                };
            }
        }
        assert_eq!(
            get(&server, request).await.unwrap(),
            expected,
            "{stdout} {stderr} {files:?}"
        );
    };
    check(false, false, &[]).await;
    check(true, false, &[]).await;
    check(false, true, &["b"]).await;
    check(true, true, &["a", "b", "large", "nowhere"]).await;
}

#[tokio::test]
async fn what_comes_along_is_bounded() {
    let limits = crate::serve::storage::Limits {
        batch: 10,
        ..Default::default()
    };
    let server = Server::limited(limits).await;
    let action = Digest::of(b"action");
    let (long, six, five) = (server.put(&[1; 11]), server.put(&[2; 6]), server.put(&[3; 5]));
    let outputs = [long, six, five, five]
        .into_iter()
        .enumerate()
        .map(|(n, digest)| output(&n.to_string(), digest));
    put(&server, action, result(outputs.collect())).await.unwrap();
    let mut request = asking("", action);
    request.inline_output_files = (0..4).map(|n| n.to_string()).collect();
    let got = get(&server, request).await.unwrap();
    let sizes: Vec<_> = got.output_files.iter().map(|file| file.contents.len()).collect();
    assert_eq!(sizes, [0, 6, 0, 0]);
}

#[tokio::test]
async fn contents_that_are_sent_along_become_blobs() {
    let server = Server::start().await;
    let action = Digest::of(b"action");
    let long = vec![b'x'; 100_000];
    let mut file = output("a", Digest::of(b"content"));
    file.contents = b"content".to_vec();
    let sent = ActionResult {
        stdout_raw: b"short".to_vec(),
        stderr_raw: long.clone(),
        ..result(vec![file])
    };
    put(&server, action, sent).await.unwrap();
    let kept = get(&server, asking("", action)).await.unwrap();
    let expected = ActionResult {
        stdout_raw: b"short".to_vec(),
        stderr_digest: Some(Digest::of(&long).into()),
        ..result(vec![output("a", Digest::of(b"content"))])
    };
    assert_eq!(kept, expected);
    assert_eq!(
        server.storage.store().read(Digest::of(b"content")).unwrap().unwrap(),
        &b"content"[..]
    );
}

#[tokio::test]
async fn malformed_results_are_refused() {
    let server = Server::start().await;
    let action = Digest::of(b"action");
    let here = server.put(b"here");
    let bad = |change: fn(&mut OutputFile)| {
        let mut file = output("a", Digest::of(b"here"));
        change(&mut file);
        result(vec![file])
    };
    let directory = |path: &str, tree: Option<Digest>| ActionResult {
        output_directories: vec![OutputDirectory {
            path: path.to_owned(),
            tree_digest: tree.map(Into::into),
            ..OutputDirectory::default()
        }],
        ..ActionResult::default()
    };
    let symlink = |path: &str| ActionResult {
        output_symlinks: vec![OutputSymlink {
            path: path.to_owned(),
            target: "/anywhere".to_owned(),
            ..OutputSymlink::default()
        }],
        ..ActionResult::default()
    };
    let table = [
        ("no path", bad(|file| file.path.clear())),
        ("absolute path", bad(|file| file.path = "/etc/passwd".to_owned())),
        ("NUL in path", bad(|file| file.path.push('\0'))),
        ("no digest", bad(|file| file.digest = None)),
        ("bad digest", bad(|file| file.digest.as_mut().unwrap().hash.push('a'))),
        (
            "negative size",
            bad(|file| file.digest.as_mut().unwrap().size_bytes = -1),
        ),
        ("other contents", bad(|file| file.contents = b"there".to_vec())),
        ("directory without tree", directory("out", None)),
        ("absolute directory", directory("/out", Some(here))),
        ("absolute symlink", symlink("/link")),
        (
            "other stdout",
            ActionResult {
                stdout_raw: b"there".to_vec(),
                stdout_digest: Some(here.into()),
                ..ActionResult::default()
            },
        ),
    ];
    for (what, result) in table {
        assert_eq!(
            code(put(&server, action, result).await),
            Code::InvalidArgument,
            "{what}"
        );
    }
    assert_eq!(
        code(get(&server, asking("", action)).await),
        Code::NotFound,
        "nothing was kept"
    );
    for good in [
        result(vec![output("../a", here)]),
        directory("", Some(here)),
        symlink("link"),
    ] {
        put(&server, action, good).await.unwrap();
    }
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let server = Server::start().await;
    let action = Digest::of(b"action");
    let requests: [fn(&mut reapi::GetActionResultRequest); 5] = [
        |request| request.action_digest = None,
        |request| request.action_digest.as_mut().unwrap().hash = "abc".to_owned(),
        |request| request.digest_function = 2,
        |request| request.instance_name = "actionResults".to_owned(),
        |request| request.instance_name = "a//b".to_owned(),
    ];
    for change in requests {
        let mut request = asking("", action);
        change(&mut request);
        let update = reapi::UpdateActionResultRequest {
            instance_name: request.instance_name.clone(),
            action_digest: request.action_digest.clone(),
            digest_function: request.digest_function,
            action_result: Some(ActionResult::default()),
            ..Default::default()
        };
        assert_eq!(
            code(server.results().get_action_result(request).await),
            Code::InvalidArgument
        );
        assert_eq!(
            code(server.results().update_action_result(update).await),
            Code::InvalidArgument
        );
    }
    let mut no_result = putting("", action, ActionResult::default());
    no_result.action_result = None;
    assert_eq!(
        code(server.results().update_action_result(no_result).await),
        Code::InvalidArgument
    );
}
