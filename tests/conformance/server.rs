//! The servers that can be checked, by name.

use super::buildgrid::{BuildGrid, Runner};
use super::casd::Casd;
use super::serve::Serve;
use std::any::Any;
use tempfile::TempDir;

/// A server that answers.
pub(crate) struct Server {
    /// As it was asked for.
    pub(crate) name: String,
    /// `grpc://HOST:PORT`.
    pub(crate) address: String,
    /// Stopped before its files go.
    _processes: Vec<Box<dyn Any>>,
    _files: Option<TempDir>,
}

impl Server {
    /// Starts a server by name, or takes one that runs at an address.
    pub(crate) fn start(name: &str) -> Self {
        let files = tempfile::tempdir().expect("temporary directory");
        let dir = files.path();
        let (address, processes): (String, Vec<Box<dyn Any>>) = match name {
            "rewrap" => {
                let serve = Serve::start(dir, &[]);
                (serve.address.clone(), vec![Box::new(serve)])
            }
            "casd" => {
                let casd = Casd::start(dir);
                (casd.address.clone(), vec![Box::new(casd)])
            }
            "casd-proxy" => {
                let serve = Serve::start(&dir.join("behind"), &[]);
                let casd = Casd::proxy(dir, &serve.address);
                (casd.address.clone(), vec![Box::new(casd), Box::new(serve)])
            }
            "buildgrid" | "buildgrid-bubblewrap" => {
                let runner = if name == "buildgrid" {
                    Runner::HostTools
                } else {
                    Runner::Bubblewrap
                };
                let buildgrid = BuildGrid::start(dir, runner);
                (buildgrid.address.clone(), vec![Box::new(buildgrid)])
            }
            address if address.starts_with("grpc://") => (address.to_owned(), Vec::new()),
            _ => panic!("no server is called {name}"),
        };
        Self {
            name: name.to_owned(),
            address,
            _processes: processes,
            _files: Some(files),
        }
    }
}
