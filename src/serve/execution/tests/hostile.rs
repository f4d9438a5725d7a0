//! Messages that somebody has damaged: the client's fault, whatever comes out.

use super::*;
use proptest::prelude::*;
use tonic::Code;

/// A message and a way to damage it: bytes that are replaced, and where it is cut off.
fn damaged(message: &[u8], changes: &[(usize, u8)], cut: usize) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for (at, byte) in changes {
        if let Some(place) = bytes.get_mut(at % message.len().max(1)) {
            *place = *byte;
        }
    }
    bytes.truncate(message.len().saturating_sub(cut));
    bytes
}

/// Executes an action of which one message is damaged.
fn execute(which: usize, damage: impl Fn(&[u8]) -> Vec<u8>) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let fixture = Fixture::new(1);
    let put = |place: usize, message: Vec<u8>| {
        let message = if place == which { damage(&message) } else { message };
        fixture.store.put_bytes(&message).expect("a store")
    };
    let content = fixture.store.put_bytes(b"content").expect("a store");
    let directory = reapi::Directory {
        files: vec![reapi::FileNode {
            name: "file".to_owned(),
            digest: Some(content.into()),
            ..Default::default()
        }],
        symlinks: vec![reapi::SymlinkNode {
            name: "link".to_owned(),
            target: "file".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let root = put(0, directory.encode_to_vec());
    let top = reapi::Directory {
        directories: vec![reapi::DirectoryNode {
            name: "directory".to_owned(),
            digest: Some(root.into()),
        }],
        ..Default::default()
    };
    let top = put(1, top.encode_to_vec());
    let command = reapi::Command {
        arguments: vec!["/bin/true".to_owned()],
        output_paths: vec!["directory/out".to_owned()],
        working_directory: "directory".to_owned(),
        ..Default::default()
    };
    let command = put(2, command.encode_to_vec());
    let action = reapi::Action {
        command_digest: Some(command.into()),
        input_root_digest: Some(top.into()),
        timeout: Some(prost_types::Duration { seconds: 5, nanos: 5 }),
        ..Default::default()
    };
    let action = put(3, action.encode_to_vec());
    runtime.block_on(fixture.execute(request(action)))
}

#[test]
fn undamaged_it_is_executed() {
    let response = execute(4, <[u8]>::to_vec).expect("an operation");
    assert_eq!(code(&response), Code::Ok);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_damaged_message_is_never_the_fault_of_the_server(
        which in 0..4_usize,
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        cut in 0..8_usize,
    ) {
        let code = match execute(which, |message| damaged(message, &changes, cut)) {
            Ok(response) => code(&response),
            Err(status) => status.code(),
        };
        // Some damage only makes another action, and some a program that the script does not know.
        let expected = [Code::Ok, Code::InvalidArgument, Code::FailedPrecondition];
        prop_assert!(expected.contains(&code), "{code:?}");
    }
}
