//! Length-prefixed protobuf frames between wrapper and daemon.
