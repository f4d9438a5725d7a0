//! The `RequestMetadata` header: which tool asks, for which action, in which build. Servers use it for their logs.

use crate::digest::Digest;
use crate::pb::reapi;
use prost::Message;
use tonic::metadata::{BinaryMetadataValue, MetadataMap};

/// The header's name, which the Remote Execution API fixes.
const HEADER: &str = "build.bazel.remote.execution.v2.requestmetadata-bin";

/// What each call says about its reason. Holds nothing about the user or the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestMetadata {
    /// The action, if the call is for one.
    pub action: Option<Digest>,
    /// One run of a build: `tool_invocation_id`.
    pub invocation: String,
    /// Runs that belong together: `correlated_invocations_id`.
    pub correlated_invocations: String,
    /// Kind of step: `compile`, `link`, …: `action_mnemonic`.
    pub mnemonic: String,
}

impl RequestMetadata {
    /// The same for one action.
    #[must_use]
    pub fn for_action(mut self, action: Digest) -> Self {
        self.action = Some(action);
        self
    }

    pub(super) fn insert_into(&self, headers: &mut MetadataMap) {
        let message = reapi::RequestMetadata {
            tool_details: Some(reapi::ToolDetails {
                tool_name: env!("CARGO_PKG_NAME").to_owned(),
                tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            // The hash alone, as Bazel sends it.
            action_id: self.action.map(|digest| digest.hex()).unwrap_or_default(),
            tool_invocation_id: self.invocation.clone(),
            correlated_invocations_id: self.correlated_invocations.clone(),
            action_mnemonic: self.mnemonic.clone(),
            ..Default::default()
        };
        headers.insert_bin(HEADER, BinaryMetadataValue::from_bytes(&message.encode_to_vec()));
    }
}
