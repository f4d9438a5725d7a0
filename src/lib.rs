//! rewrap makes builds that are not Bazel builds run on Bazel's infrastructure.
//!
//! In reading order, which is the order of the data: argv → [`command`] → [`scan`] → [`inputs`] → [`action`] →
//! [`execute`] → [`outputs`] → [`report`]. [`pipeline`] composes them; read it first. A module uses only what stands
//! above it here; `ARCHITECTURE.md` has the layers and the rules.

pub mod digest;
pub mod exec_path;
pub mod failure;
pub mod observation;
pub mod pb;

pub mod command;
pub mod compression;
pub mod depfile;

pub mod config;
pub mod host;

pub mod inputs;
pub mod link;
pub mod manifest;
pub mod object_tools;
pub mod scan;
pub mod toolchain;

pub mod action;
pub mod merkle;

pub mod remote;
pub mod store;

pub mod execute;
pub mod outputs;
pub mod report;

pub mod daemon;
pub mod pipeline;
pub mod serve;
pub mod wire;
pub mod wrapper;

pub mod cli;
pub mod render;
