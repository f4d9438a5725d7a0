//! What servers are known to do otherwise. A check that is listed must fail: a deviation that is gone is an error, too.

use super::check::Check;

/// Why checks fail, and which.
type Known = &'static [(&'static str, &'static [&'static str])];

/// The runner without a sandbox.
const HOST_TOOLS: Known = &[
    (
        "the runner passes its own environment on",
        &["environment::the_environment_is_that_of_the_command"],
    ),
    (
        "the runner has no sandbox: actions see this machine",
        &[
            "environment::a_process_left_behind_is_killed",
            "environment::other_files_are_not_seen",
            "environment::the_network_is_not_seen",
            "environment::other_processes_are_not_seen",
            "environment::what_one_action_leaves_another_does_not_see",
        ],
    ),
];

/// What all of buildbox's runners do.
const RUNNERS: Known = &[
    (
        "only output_paths are captured, not the fields of API 2.0",
        &[
            "outputs::files_of_the_old_field_are_captured",
            "outputs::directories_of_the_old_field_are_captured",
            "outputs::parents_of_old_outputs_exist",
            "outputs::a_link_has_its_old_field_too",
        ],
    ),
    (
        "an output that is a link fails the action with INTERNAL",
        &["outputs::a_link_is_captured", "outputs::a_directory_link_is_captured"],
    ),
    (
        "an empty output path captures nothing",
        &["outputs::the_whole_root_is_captured"],
    ),
    (
        "refused with INTERNAL, by the runner's exception",
        &[
            "execution::no_arguments_are_refused",
            "execution::a_garbled_action_is_refused",
            "inputs::a_name_that_leads_out_is_refused",
            "inputs::a_name_with_a_slash_is_refused",
            "inputs::an_empty_name_is_refused",
            "inputs::a_directory_that_is_none_is_refused",
            "inputs::a_working_directory_that_leads_out_is_refused",
            "outputs::an_absolute_output_is_refused",
        ],
    ),
    (
        "the later one of two entries with one name wins",
        &["inputs::one_name_twice_is_refused"],
    ),
    (
        "an output path that leads out captures nothing, and the action succeeds",
        &["outputs::an_output_that_leads_out_is_refused"],
    ),
    (
        "NOT_FOUND or INTERNAL without details, or details without violations",
        &[
            "execution::a_missing_action_is_named",
            "execution::a_missing_command_is_named",
            "execution::a_missing_root_is_named",
            "execution::a_missing_file_is_named",
            "execution::all_missing_blobs_are_named",
        ],
    ),
];

/// What neither casd nor BuildGrid has.
const BOTH: Known = &[
    ("SHA-256 only", &["capabilities::blake3_is_announced"]),
    ("no compression", &["capabilities::zstd_is_announced"]),
    (
        "malformed names are NOT_FOUND or UNKNOWN",
        &["reads::a_name_of_a_malformed_digest_is_refused"],
    ),
    (
        "QueryWriteStatus is UNIMPLEMENTED, and nothing is kept of an upload that breaks off",
        &[
            "writes::an_interrupted_upload_goes_on",
            "writes::a_finished_upload_is_complete",
            "writes::an_upload_that_never_began_has_nothing",
            "writes::a_beginning_is_not_yet_complete",
        ],
    ),
    (
        "offsets of later messages are not looked at",
        &["writes::a_gap_is_refused"],
    ),
    (
        "requests to inline are ignored",
        &[
            "action_cache::standard_output_is_inlined_when_asked_for",
            "action_cache::files_are_inlined_when_asked_for",
        ],
    ),
    (
        "no result is taken for an empty one",
        &["action_cache::an_update_without_a_result_is_refused"],
    ),
];

/// What both do that have a store of their own to look into.
const STORES: Known = &[(
    "digests are not looked at before they are looked up",
    &[
        "cas::a_short_hash_is_refused",
        "cas::an_upper_case_hash_is_refused",
        "cas::a_negative_size_is_refused",
    ],
)];

/// casd, whoever is behind it.
const CASD_FRONT: Known = &[
    (
        "the lowest version is 2.1",
        &["capabilities::clients_that_know_only_2_0_are_served"],
    ),
    (
        "other instance names are refused",
        &[
            "capabilities::another_instance_is_known",
            "action_cache::results_of_two_instances_are_two",
        ],
    ),
    (
        "blobs are read by their hash alone",
        &["reads::a_name_of_another_size_is_not_found"],
    ),
    (
        "a read_limit beyond the end is an error",
        &["reads::a_limit_beyond_the_end_is_none"],
    ),
];

/// casd by itself.
const CASD: Known = &[
    (
        "blobs are found by their hash alone",
        &["cas::another_size_is_another_blob"],
    ),
    ("identical actions all run", &["execution::identical_actions_run_once"]),
    ("the worker has no name", &["execution::metadata_tell_of_the_run"]),
    (
        "operations have no metadata",
        &["execution::the_last_state_is_the_result"],
    ),
    (
        "properties are not looked at",
        &["execution::another_value_of_it_is_refused_at_once"],
    ),
];

const BUILDGRID: Known = &[
    (
        "the digest function of a request is not looked at",
        &[
            "cas::an_unknown_function_is_refused",
            "cas::the_two_functions_are_two_name_spaces",
        ],
    ),
    (
        "the announced limit is not enforced on writes",
        &["batches::a_larger_batch_is_not_written"],
    ),
    (
        "INTERNAL for what is no directory",
        &["trees::a_root_that_is_no_directory_is_an_error"],
    ),
    (
        "a read with a limit sends the whole and ends with DATA_LOSS",
        &["reads::a_read_ends_at_its_limit"],
    ),
    (
        "INTERNAL for an offset out of range",
        &[
            "reads::a_read_beyond_the_end_is_out_of_range",
            "reads::a_negative_offset_is_refused",
        ],
    ),
    (
        "names of later messages are not looked at",
        &["writes::another_name_within_a_stream_is_refused"],
    ),
    (
        "UNIMPLEMENTED for a stream of another length than its name says",
        &[
            "writes::too_few_bytes_are_refused",
            "writes::too_many_bytes_are_refused",
            "writes::nothing_after_the_end_is_wanted",
        ],
    ),
    (
        "a malformed action is NOT_FOUND, or taken",
        &[
            "action_cache::a_malformed_action_is_refused",
            "action_cache::an_update_without_an_action_is_refused",
        ],
    ),
    (
        "properties that its settings do not name are FAILED_PRECONDITION",
        &["execution::an_unknown_property_is_ignored"],
    ),
    (
        "waits for a worker with such a property",
        &["execution::another_value_of_it_is_refused_at_once"],
    ),
    (
        "INVALID_ARGUMENT for an operation that it does not know",
        &["operations::cancelling_the_unknown_is_not_found"],
    ),
];

const BUILDGRID_BUBBLEWRAP: Known = &[
    (
        "the runner adds PWD",
        &["environment::the_environment_is_that_of_the_command"],
    ),
    (
        "the input root is the action's root directory, and what is bound into it is in there",
        &[
            "environment::without_a_working_directory_it_runs_in_the_root",
            "inputs::the_tree_can_be_empty",
        ],
    ),
];

const REWRAP: Known = &[];

/// The tables that hold for each server; unknown servers have none.
const SERVERS: &[(&str, &[Known])] = &[
    ("rewrap", &[REWRAP]),
    ("casd", &[BOTH, STORES, RUNNERS, HOST_TOOLS, CASD_FRONT, CASD]),
    ("casd-proxy", &[BOTH, CASD_FRONT]),
    ("buildgrid", &[BOTH, STORES, RUNNERS, HOST_TOOLS, BUILDGRID]),
    (
        "buildgrid-bubblewrap",
        &[BOTH, STORES, RUNNERS, BUILDGRID, BUILDGRID_BUBBLEWRAP],
    ),
];

/// Each check that is known to fail against this server, and why.
fn of(server: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let tables = SERVERS.iter().filter(move |(name, _)| *name == server);
    let reasons = tables.flat_map(|(_, tables)| *tables).copied().flatten();
    reasons.flat_map(|(reason, checks)| checks.iter().map(|check| (*check, *reason)))
}

/// Why this check is known to fail against this server.
pub(crate) fn reason(server: &str, check: &str) -> Option<&'static str> {
    of(server).find(|(name, _)| *name == check).map(|(_, reason)| reason)
}

/// Names in the tables that no check has.
pub(crate) fn unknown_names(checks: &[Check]) -> Vec<String> {
    let exists = |name: &str| checks.iter().any(|check| check.name() == name);
    let listed = SERVERS.iter().flat_map(|(server, _)| of(server));
    let unknown = listed.filter(|(name, _)| !exists(name));
    unknown.map(|(name, _)| name.to_owned()).collect()
}
