//! The namespaces of an action, and the privileges in them that its init needs and its program does not get.

use super::failed;
use crate::serve::sandbox::spec::NotStarted;
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};
use std::io;

/// The user and the group that an action sees itself as: no tool takes it for root, whoever started the server.
const IDENTITY: u32 = 1000;

/// Mounting and changing the root, the host's name, the loopback interface.
const PRIVILEGES: CapabilitySet = CapabilitySet::SYS_ADMIN.union(CapabilitySet::NET_ADMIN);

/// Leaves the machine's namespaces; that of processes with the next child. The child keeps [`PRIVILEGES`].
pub(super) fn make() -> Result<(), NotStarted> {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    let all = UnshareFlags::NEWUSER
        | UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS;
    #[expect(unsafe_code, reason = "there is no safe call for it")]
    // SAFETY: unsafe is only `UnshareFlags::FILES`, which is not among the flags.
    let left = unsafe { rustix::thread::unshare_unsafe(all) };
    left.map_err(|error| failed("make namespaces")(error.into()))?;
    let map = |file: &str, text: String| std::fs::write(file, text).map_err(failed(format!("write `{file}`")));
    map("/proc/self/setgroups", "deny".to_owned())?;
    map("/proc/self/uid_map", format!("{IDENTITY} {} 1", user.as_raw()))?;
    map("/proc/self/gid_map", format!("{IDENTITY} {} 1", group.as_raw()))?;
    keep_over_exec().map_err(|error| failed("keep privileges for the init")(error.into()))
}

/// Who is not root loses its capabilities with each new program, except the ambient ones (capabilities(7)).
fn keep_over_exec() -> rustix::io::Result<()> {
    let sets = CapabilitySets {
        effective: PRIVILEGES,
        permitted: PRIVILEGES,
        inheritable: PRIVILEGES,
    };
    rustix::thread::set_capabilities(None, sets)?;
    for one in PRIVILEGES.iter() {
        rustix::thread::configure_capability_in_ambient_set(one, true)?;
    }
    Ok(())
}

/// Gives up every capability, and getting any by a program that is set-uid.
pub(super) fn drop_privileges() -> Result<(), NotStarted> {
    let drop = || {
        match rustix::thread::clear_ambient_capability_set() {
            // A kernel older than 4.3 has none.
            Err(Errno::INVAL) => {}
            cleared => cleared?,
        }
        rustix::thread::set_no_new_privs(true)
    };
    drop().map_err(|error| failed("drop privileges")(io::Error::from(error)))
}
