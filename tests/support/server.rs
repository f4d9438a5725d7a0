//! Remote Execution servers by name: ours, and those that we did not write.

use super::buildgrid::{BuildGrid, Runner};
use super::casd::Casd;
use super::serve::Serve;
use std::any::Any;
use std::path::Path;

/// All that can be started.
pub(crate) const NAMES: [&str; 5] = ["rewrap", "casd", "casd-proxy", "buildgrid", "buildgrid-bubblewrap"];

/// A server that answers.
pub(crate) struct Server {
    /// As it was asked for.
    pub(crate) name: String,
    /// `grpc://HOST:PORT`.
    pub(crate) address: String,
    /// Stopped in this order.
    _processes: Vec<Box<dyn Any>>,
}

impl Server {
    /// Starts a server, with its files below `dir`; or takes the one that runs at an address. Where actions have a
    /// sandbox, they can read `roots`.
    pub(crate) fn start(name: &str, dir: &Path, roots: &[&Path]) -> Self {
        let (address, processes): (String, Vec<Box<dyn Any>>) = match name {
            "rewrap" => {
                let serve = Self::rewrap(dir, roots);
                (serve.address.clone(), vec![Box::new(serve)])
            }
            "casd" => {
                let casd = Casd::start(dir);
                (casd.address.clone(), vec![Box::new(casd)])
            }
            // In front of ours.
            "casd-proxy" => {
                let serve = Self::rewrap(&dir.join("behind"), roots);
                let casd = Casd::proxy(dir, &serve.address);
                (casd.address.clone(), vec![Box::new(casd), Box::new(serve)])
            }
            "buildgrid" => {
                let buildgrid = BuildGrid::start(dir, Runner::HostTools, roots);
                (buildgrid.address.clone(), vec![Box::new(buildgrid)])
            }
            "buildgrid-bubblewrap" => {
                let buildgrid = BuildGrid::start(dir, Runner::Bubblewrap, roots);
                (buildgrid.address.clone(), vec![Box::new(buildgrid)])
            }
            address if address.starts_with("grpc://") => (address.to_owned(), Vec::new()),
            _ => panic!("no server is called {name}; there are {NAMES:?} and grpc://HOST:PORT"),
        };
        Self {
            name: name.to_owned(),
            address,
            _processes: processes,
        }
    }

    fn rewrap(dir: &Path, roots: &[&Path]) -> Serve {
        let roots = roots.iter().map(|root| root.to_str().expect("UTF-8"));
        let options: Vec<_> = roots.flat_map(|root| ["--root", root]).collect();
        Serve::start(dir, &options)
    }
}
