//! Our protocol definitions against the published ones, which the Python package `buildgrid` carries: every message,
//! field, enum and method that we have must be there with the same name, number, type and label.

use crate::tools::python;
use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    ServiceDescriptorProto,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Our files, and whether we have all of what is published in them.
const FILES: &[(&str, bool)] = &[
    ("build/bazel/remote/execution/v2/remote_execution", true),
    ("build/bazel/semver/semver", true),
    ("google/bytestream/bytestream", true),
    ("google/longrunning/operations", true),
    ("google/rpc/error_details", false),
    ("google/rpc/status", true),
];

#[test]
fn our_definitions_are_the_published_ones() {
    let Some(published) = published() else { return };
    for ((name, complete), published) in FILES.iter().zip(&published) {
        let ours = facts(&ours(name));
        let published = facts(published);
        let invented: Vec<_> = ours.difference(&published).collect();
        assert!(invented.is_empty(), "{name}: not published: {invented:#?}");
        if *complete {
            let lacking: Vec<_> = published.difference(&ours).collect();
            assert!(lacking.is_empty(), "{name}: only published: {lacking:#?}");
        }
        assert!(ours.len() > 3, "{name}: nothing was compared");
    }
}

/// The published files; `None`, said aloud, if the package is not installed and need not be.
fn published() -> Option<Vec<FileDescriptorProto>> {
    let output = Command::new(python()?)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/descriptors.py"))
        .args(FILES.iter().map(|(name, _)| name))
        .output()
        .expect("Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("hex");
    Some(text.lines().map(decoded).collect())
}

fn decoded(hex: &str) -> FileDescriptorProto {
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
        .collect();
    FileDescriptorProto::decode(&*bytes).expect("a file descriptor")
}

fn ours(name: &str) -> FileDescriptorProto {
    let file = format!("{name}.proto");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let set: FileDescriptorSet = protox::compile([&file], [root]).expect("our files compile");
    let found = set.file.into_iter().find(|descriptor| descriptor.name() == file);
    found.expect("the file itself")
}

/// Everything that matters on the wire or in generated code, a line each.
fn facts(file: &FileDescriptorProto) -> BTreeSet<String> {
    let mut facts = BTreeSet::from([format!("package {}", file.package())]);
    for message in &file.message_type {
        message_facts("", message, &mut facts);
    }
    for kind in &file.enum_type {
        enum_facts("", kind, &mut facts);
    }
    for service in &file.service {
        service_facts(service, &mut facts);
    }
    facts
}

fn message_facts(outer: &str, message: &DescriptorProto, facts: &mut BTreeSet<String>) {
    let name = format!("{outer}{}", message.name());
    facts.insert(format!("message {name}"));
    for field in &message.field {
        facts.insert(format!("{name}: {}", field_fact(field, message)));
    }
    let inner = format!("{name}.");
    for below in &message.nested_type {
        message_facts(&inner, below, facts);
    }
    for kind in &message.enum_type {
        enum_facts(&inner, kind, facts);
    }
}

fn field_fact(field: &FieldDescriptorProto, message: &DescriptorProto) -> String {
    let oneof = field.oneof_index.and_then(|at| {
        let declared = message.oneof_decl.get(usize::try_from(at).ok()?)?;
        Some(format!(" in {}", declared.name()))
    });
    format!(
        "{:?} {:?} {} {} = {}{}{}",
        field.label(),
        field.r#type(),
        field.type_name(),
        field.name(),
        field.number(),
        oneof.unwrap_or_default(),
        if field
            .options
            .as_ref()
            .is_some_and(prost_types::FieldOptions::deprecated)
        {
            " deprecated"
        } else {
            ""
        },
    )
}

fn enum_facts(outer: &str, kind: &EnumDescriptorProto, facts: &mut BTreeSet<String>) {
    let name = format!("{outer}{}", kind.name());
    facts.insert(format!("enum {name}"));
    for value in &kind.value {
        facts.insert(format!("{name}: {} = {}", value.name(), value.number()));
    }
}

fn service_facts(service: &ServiceDescriptorProto, facts: &mut BTreeSet<String>) {
    for method in &service.method {
        facts.insert(format!(
            "rpc {}.{}({}{}) returns ({}{})",
            service.name(),
            method.name(),
            if method.client_streaming() { "stream " } else { "" },
            method.input_type(),
            if method.server_streaming() { "stream " } else { "" },
            method.output_type(),
        ));
    }
}
