//! GetCapabilities.

use crate::check::checks;
use crate::peer::Peer;
use rewrap::digest::Function;
use rewrap::pb::reapi;

checks! {
    Nothing: sha256_is_announced, blake3_is_announced, zstd_is_announced, updates_are_announced,
        the_api_versions_are_a_range_of_v2, clients_that_know_only_2_0_are_served, output_paths_are_in_the_range,
        the_batch_limit_fits_into_a_message, absolute_links_are_allowed_or_not, another_instance_is_known;
    Execution: execution_uses_a_function_of_the_cache;
}

#[track_caller]
fn said(peer: &Peer) -> reapi::ServerCapabilities {
    peer.capabilities().expect("GetCapabilities")
}

#[track_caller]
fn cache(peer: &Peer) -> reapi::CacheCapabilities {
    said(peer).cache_capabilities.expect("a cache")
}

fn announces(peer: &Peer, function: Function) -> bool {
    cache(peer).digest_functions.contains(&function.to_wire().into())
}

fn sha256_is_announced(peer: &Peer) {
    assert!(announces(peer, Function::Sha256));
}

fn blake3_is_announced(peer: &Peer) {
    assert!(announces(peer, Function::Blake3));
}

fn zstd_is_announced(peer: &Peer) {
    let zstd = i32::from(reapi::compressor::Value::Zstd);
    let cache = cache(peer);
    assert!(cache.supported_compressors.contains(&zstd));
    assert!(cache.supported_batch_update_compressors.contains(&zstd));
}

fn updates_are_announced(peer: &Peer) {
    let updates = cache(peer).action_cache_update_capabilities;
    assert!(updates.expect("a statement").update_enabled);
}

fn the_api_versions_are_a_range_of_v2(peer: &Peer) {
    let said = said(peer);
    let (low, high) = (said.low_api_version.unwrap(), said.high_api_version.unwrap());
    assert_eq!((low.major, high.major), (2, 2));
    assert!(low.minor <= high.minor, "{low:?} to {high:?}");
}

fn clients_that_know_only_2_0_are_served(peer: &Peer) {
    let low = said(peer).low_api_version.unwrap();
    assert_eq!((low.major, low.minor), (2, 0));
}

fn output_paths_are_in_the_range(peer: &Peer) {
    let high = said(peer).high_api_version.unwrap();
    assert!((high.major, high.minor) >= (2, 1), "{high:?}");
}

fn the_batch_limit_fits_into_a_message(peer: &Peer) {
    let limit = cache(peer).max_batch_total_size_bytes;
    assert!((0..=4 << 20).contains(&limit), "{limit}");
}

fn absolute_links_are_allowed_or_not(peer: &Peer) {
    use reapi::symlink_absolute_path_strategy::Value;
    let strategy = cache(peer).symlink_absolute_path_strategy();
    assert_ne!(strategy, Value::Unknown);
}

fn another_instance_is_known(peer: &Peer) {
    let said = peer.of_instance("second").capabilities().expect("GetCapabilities");
    assert!(said.cache_capabilities.is_some());
}

fn execution_uses_a_function_of_the_cache(peer: &Peer) {
    let said = said(peer);
    let execution = said.execution_capabilities.unwrap();
    let cache = said.cache_capabilities.unwrap();
    let mut functions = execution.digest_functions.clone();
    functions.push(execution.digest_function);
    let known = |function: &i32| cache.digest_functions.contains(function);
    assert!(functions.iter().all(known), "{functions:?}");
    assert!(functions.contains(&peer.wire_function()), "{functions:?}");
}
