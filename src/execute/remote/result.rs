//! From an ActionResult to an outcome: every path declared, every byte proven, every size bounded.

use super::failure::{BadResult, RemoteFailure};
use crate::digest::Digest;
use crate::execute::outcome::{Outcome, OutputBlob};
use crate::pb::reapi;
use crate::store::{Blob, BlobStore, StoreError};
use bytes::Bytes;
use std::collections::HashSet;
use std::io::Read as _;

/// More than any compiler has to say: bytes of stdout, and of stderr.
const STREAM_LIMIT: u64 = 64 << 20;

/// What an action may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredOutputs {
    /// The Command's `output_paths`, relative to its working directory.
    pub paths: Vec<String>,
    /// Bytes of one output. More is refused before it is downloaded.
    pub max_size: u64,
}

/// A blob of the result, and its content where the server inlined it.
struct Part {
    digest: Digest,
    inlined: Option<Bytes>,
}

/// Checks the result and fetches what it names.
pub(super) async fn fetch(
    blobs: &dyn BlobStore,
    result: reapi::ActionResult,
    declared: &DeclaredOutputs,
    cached: bool,
) -> Result<Outcome, RemoteFailure> {
    let files = outputs(&result, declared)?;
    let stdout = stream("stdout", result.stdout_raw, result.stdout_digest.as_ref())?;
    let stderr = stream("stderr", result.stderr_raw, result.stderr_digest.as_ref())?;
    let parts: Vec<&Part> = files.iter().map(|(_, part)| part).chain([&stdout, &stderr]).collect();
    let wanted: Vec<Digest> = parts
        .iter()
        .filter(|part| part.inlined.is_none())
        .map(|part| part.digest)
        .collect();
    let mut fetched = blobs
        .get_all(&wanted)
        .await
        .map_err(RemoteFailure::of_download)?
        .into_iter();
    let mut blobs = parts.into_iter().map(|part| match &part.inlined {
        Some(content) => Blob::Bytes(content.clone()),
        None => fetched.next().expect("one blob for each that was wanted"),
    });
    let outputs = files
        .iter()
        .zip(&mut blobs)
        .map(|((path, part), content)| OutputBlob {
            path: path.clone(),
            digest: part.digest,
            content,
        })
        .collect();
    let mut text = || in_memory(blobs.next().expect("stdout and stderr follow the outputs"));
    Ok(Outcome {
        exit: result.exit_code,
        stdout: text()?,
        stderr: text()?,
        outputs,
        worker: result
            .execution_metadata
            .map(|metadata| metadata.worker)
            .unwrap_or_default(),
        cached,
    })
}

fn outputs(result: &reapi::ActionResult, declared: &DeclaredOutputs) -> Result<Vec<(String, Part)>, BadResult> {
    #[expect(deprecated, reason = "older servers fill in the older fields")]
    let links = [
        &result.output_symlinks,
        &result.output_file_symlinks,
        &result.output_directory_symlinks,
    ];
    let links = links.into_iter().flatten().map(|link| &link.path);
    let directories = result.output_directories.iter().map(|directory| &directory.path);
    if let Some(path) = links.chain(directories).next() {
        return Err(BadResult::NoFile(path.clone()));
    }
    let mut allowed: HashSet<&str> = declared.paths.iter().map(String::as_str).collect();
    result
        .output_files
        .iter()
        .map(|file| {
            if !allowed.remove(file.path.as_str()) {
                return Err(BadResult::Undeclared(file.path.clone()));
            }
            let digest = digest_of(&file.path, file.digest.as_ref())?;
            if digest.size() > declared.max_size {
                return Err(BadResult::TooLarge {
                    path: file.path.clone(),
                    size: digest.size(),
                });
            }
            Ok((file.path.clone(), part(digest, file.contents.clone())))
        })
        .collect()
}

/// stdout or stderr: inlined, or named, or both, or neither.
fn stream(name: &str, raw: Vec<u8>, named: Option<&reapi::Digest>) -> Result<Part, BadResult> {
    let named = named.map(|digest| digest_of(name, Some(digest))).transpose()?;
    let part = match named {
        Some(digest) => part(digest, raw),
        None => Part {
            digest: Digest::of(&raw),
            inlined: Some(raw.into()),
        },
    };
    if part.digest.size() > STREAM_LIMIT {
        return Err(BadResult::TooLarge {
            path: name.to_owned(),
            size: part.digest.size(),
        });
    }
    Ok(part)
}

/// Inlined content counts only if it is what the digest says; otherwise it is fetched.
fn part(digest: Digest, content: Vec<u8>) -> Part {
    let inlined = (digest.size() == content.len() as u64 && Digest::of(&content) == digest).then(|| content.into());
    Part { digest, inlined }
}

fn digest_of(path: &str, digest: Option<&reapi::Digest>) -> Result<Digest, BadResult> {
    digest
        .and_then(|digest| Digest::try_from(digest).ok())
        .ok_or_else(|| BadResult::NoDigest { path: path.to_owned() })
}

fn in_memory(blob: Blob) -> Result<Bytes, RemoteFailure> {
    let file = match blob {
        Blob::Bytes(bytes) => return Ok(bytes),
        Blob::File(file) => file,
    };
    let mut content = Vec::new();
    // The offset of a fresh download belongs to us alone.
    std::io::Seek::rewind(&mut &*file)
        .and_then(|()| (&*file).read_to_end(&mut content))
        .map_err(|source| {
            RemoteFailure::Host(StoreError::Io {
                what: "read a download back".to_owned(),
                source,
            })
        })?;
    Ok(content.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, content: &[u8]) -> reapi::OutputFile {
        reapi::OutputFile {
            path: path.to_owned(),
            digest: Some(Digest::of(content).into()),
            ..Default::default()
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut reapi::ActionResult), expected: &str) {
        let declared = DeclaredOutputs {
            paths: vec!["a.o".to_owned(), "a.d".to_owned()],
            max_size: 4,
        };
        let mut result = reapi::ActionResult {
            output_files: vec![file("a.o", b"obj")],
            ..Default::default()
        };
        change(&mut result);
        let shown = outputs(&result, &declared).map_or_else(
            |bad| bad.to_string(),
            |files| files.into_iter().map(|(path, _)| path).collect::<Vec<_>>().join(" "),
        );
        assert_eq!(shown, expected);
    }

    #[test]
    fn only_declared_files_of_bounded_size_are_outputs() {
        check(|_| {}, "a.o");
        check(|result| result.output_files.push(file("a.d", b"")), "a.o a.d");
        check(|result| result.output_files.clear(), "");
        let text = "it has the output `../x`, which was not asked for";
        check(|result| result.output_files.push(file("../x", b"")), text);
        let text = "it has the output `a.o`, which was not asked for";
        check(|result| result.output_files.push(file("a.o", b"")), text);
        let text = "its output `a.d` has 5 bytes";
        check(|result| result.output_files.push(file("a.d", b"large")), text);
        let text = "its output `a.o` has no valid digest";
        check(|result| result.output_files[0].digest = None, text);
    }

    #[test]
    fn links_and_directories_are_no_outputs() {
        let link = || reapi::OutputSymlink {
            path: "a.d".to_owned(),
            target: "/etc/passwd".to_owned(),
            node_properties: None,
        };
        let text = "its output `a.d` is a symbolic link or a directory";
        check(|result| result.output_symlinks.push(link()), text);
        #[expect(deprecated, reason = "older servers fill in the older fields")]
        check(|result| result.output_file_symlinks.push(link()), text);
        #[expect(deprecated, reason = "older servers fill in the older fields")]
        check(|result| result.output_directory_symlinks.push(link()), text);
        let directory = reapi::OutputDirectory {
            path: "a.d".to_owned(),
            ..Default::default()
        };
        check(|result| result.output_directories.push(directory), text);
    }

    #[test]
    fn streams_are_taken_inline_only_if_they_are_what_they_are_named() {
        let check = |raw: &[u8], named: Option<&[u8]>, inlined: bool| {
            let digest = named.map(|content| reapi::Digest::from(Digest::of(content)));
            let part = stream("stdout", raw.to_vec(), digest.as_ref()).expect("valid");
            assert_eq!(part.inlined.is_some(), inlined, "{raw:?} {named:?}");
        };
        check(b"", None, true);
        check(b"text", None, true);
        check(b"text", Some(b"text"), true);
        check(b"", Some(b"text"), false);
        check(b"te", Some(b"text"), false);
        check(b"", Some(b""), true);
    }
}
