//! What servers are known to do otherwise. A check that is listed must fail: a deviation that is gone is an error, too.

use super::check::Check;

/// Of one server: the check, and why it fails.
type Known = &'static [(&'static str, &'static str)];

const REWRAP: Known = &[];

const CASD: Known = &[];

const CASD_PROXY: Known = &[];

const BUILDGRID: Known = &[];

const BUILDGRID_BUBBLEWRAP: Known = &[];

/// The tables that hold for each server; unknown servers have none.
const SERVERS: &[(&str, &[Known])] = &[
    ("rewrap", &[REWRAP]),
    ("casd", &[CASD]),
    ("casd-proxy", &[CASD_PROXY]),
    ("buildgrid", &[BUILDGRID]),
    ("buildgrid-bubblewrap", &[BUILDGRID, BUILDGRID_BUBBLEWRAP]),
];

fn of(server: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let tables = SERVERS.iter().filter(move |(name, _)| *name == server);
    tables.flat_map(|(_, tables)| *tables).copied().flatten()
}

/// Why this check is known to fail against this server.
pub(crate) fn reason(server: &str, check: &str) -> Option<&'static str> {
    of(server).find(|(name, _)| *name == check).map(|(_, reason)| *reason)
}

/// Names in the tables that no check has.
pub(crate) fn unknown_names(checks: &[Check]) -> Vec<String> {
    let exists = |name: &str| checks.iter().any(|check| check.name() == name);
    let listed = SERVERS.iter().flat_map(|(server, _)| of(server));
    let unknown = listed.filter(|(name, _)| !exists(name));
    unknown.map(|(name, _)| (*name).to_owned()).collect()
}
