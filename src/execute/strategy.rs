//! Decides where a step may run and whose results it may take. Pure: settings and facts in, plan out.

use crate::command::ToolKind;
use crate::config::{Config, Strategy};

/// What a plan depends on besides the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The action cannot be run on a worker: it is placed locally, reads files that workers do not have, or would
    /// print what only this machine prints.
    pub stays_here: bool,
    /// What it does; `None` for a compile.
    pub tool: Option<ToolKind>,
}

/// What to do about a step that the embedded store has no result for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Ask the remote action cache.
    pub look_up_remotely: bool,
    /// Have the executor run it.
    pub execute: bool,
    /// What follows when the servers cannot be used.
    pub without_servers: WithoutServers,
    /// Put a result that was made here into the remote cache.
    pub upload_local_result: bool,
}

/// What follows when the servers cannot be used, or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithoutServers {
    /// The compiler runs here.
    RunHere,
    /// The step fails: the user asked for remote execution and nothing else.
    Fail,
}

/// The plan for a step under these settings.
pub fn plan(config: &Config, step: Step) -> Plan {
    let strategy = match step.tool {
        None => config.strategy,
        Some(ToolKind::Link) => config.link_strategy,
        Some(ToolKind::Archive | ToolKind::Object) => config.archive_strategy,
    };
    let uses_servers = strategy != Strategy::Local;
    let execute = matches!(strategy, Strategy::Remote | Strategy::RemoteLocalFallback)
        && config.remote_executor.is_some()
        && !step.stays_here;
    Plan {
        look_up_remotely: uses_servers && config.remote_cache.is_some() && config.remote_accept_cached,
        execute,
        // A step that cannot be sent runs here under every strategy: nothing else could ever build it.
        without_servers: if strategy == Strategy::Remote && execute {
            WithoutServers::Fail
        } else {
            WithoutServers::RunHere
        },
        upload_local_result: uses_servers && config.remote_cache.is_some() && config.remote_upload_local_results,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Resolver;
    use std::path::Path;

    #[test]
    fn each_kind_of_step_has_a_strategy_of_its_own() {
        #[track_caller]
        fn check(settings: &[(&str, &str)], tool: Option<ToolKind>, expected: (bool, bool)) {
            let variables = settings.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            let resolved = Resolver::new()
                .for_request(Path::new("/"), variables)
                .expect("settings");
            let step = Step {
                stays_here: false,
                tool,
            };
            let plan = plan(&resolved.config, step);
            assert_eq!((plan.look_up_remotely, plan.execute), expected, "{tool:?} {settings:?}");
        }
        let executor = ("REWRAP_REMOTE_EXECUTOR", "grpc://localhost:1");
        let links_here = [executor, ("REWRAP_LINK_STRATEGY", "local")];
        let archives_there = [executor, ("REWRAP_ARCHIVE_STRATEGY", "remote")];
        let (link, archive, object) = (Some(ToolKind::Link), Some(ToolKind::Archive), Some(ToolKind::Object));
        check(&[executor], None, (true, true));
        check(&[executor], link, (true, true));
        check(&[executor], archive, (false, false));
        check(&[executor], object, (false, false));
        check(&links_here, None, (true, true));
        check(&links_here, link, (false, false));
        check(&archives_there, archive, (true, true));
    }
}
