//! The one place that knows the order in which the stores stand.
//!
//! ```text
//! reading    read-through ──▶ disk
//!                 └──▶ server's stack:
//!                      existence-caching ──▶ deduplicating ──▶ verifying ──▶ metered ──▶ the server's client
//! ```

use super::deduplicating::Deduplicating;
use super::disk::DiskStore;
use super::existence_caching::{Clock, ExistenceCaching, Memory};
use super::metered::{Meter, Metered};
use super::read_through::ReadThrough;
use super::verifying::Verifying;
use super::{ActionCache, BlobStore};
use std::sync::Arc;
use std::time::Duration;

/// What a server said about its blobs is believed for this time. Servers keep what was asked about or used for hours;
/// one that evicts earlier answers the execution with what it misses, and that is forgotten and sent again.
const EXISTENCE: Memory = Memory {
    time: Duration::from_mins(10),
    count: 400_000,
};

/// One server's CAS and action cache with everything that belongs in front of them. Uploads go here.
#[derive(Clone)]
pub struct ServerStores {
    /// The CAS. Also where to [`forget`](ExistenceCaching::forget) blobs that the server turns out to have lost.
    pub blobs: Arc<ExistenceCaching>,
    /// The action cache.
    pub results: Arc<dyn ActionCache>,
    /// What really went to the server and came from it.
    pub meter: Arc<Meter>,
}

/// Where results and outputs are looked for: here first, then on the server.
#[derive(Clone)]
pub struct ReadingStores {
    /// Blobs, wherever they are. Not for deciding what to upload.
    pub blobs: Arc<dyn BlobStore>,
    /// Results, wherever they are.
    pub results: Arc<dyn ActionCache>,
}

/// The stack in front of a server's client. One per server and instance, shared by all steps that use it.
pub fn server(blobs: Arc<dyn BlobStore>, results: Arc<dyn ActionCache>, clock: Clock) -> ServerStores {
    let meter = Arc::new(Meter::default());
    let metered: Arc<dyn BlobStore> = Arc::new(Metered::new(blobs, Arc::clone(&meter)));
    // Verified behind deduplication: once per transfer, however many wait for it.
    let verified = Arc::new(Verifying::new(metered));
    let deduplicated = Arc::new(Deduplicating::new(verified));
    let results: Arc<dyn ActionCache> = Arc::new(Metered::new(results, Arc::clone(&meter)));
    ServerStores {
        blobs: Arc::new(ExistenceCaching::new(deduplicated, EXISTENCE, clock)),
        results,
        meter,
    }
}

/// The store on disk in front of a server. Where there is no writable disk, the server alone.
pub fn reading(disk: Option<&DiskStore>, server: &ServerStores) -> ReadingStores {
    let blobs: Arc<dyn BlobStore> = Arc::clone(&server.blobs) as _;
    let results = Arc::clone(&server.results);
    let Some(disk) = disk else {
        return ReadingStores { blobs, results };
    };
    let fast_blobs: Arc<dyn BlobStore> = Arc::new(disk.clone());
    let fast_results: Arc<dyn ActionCache> = Arc::new(disk.clone());
    ReadingStores {
        blobs: Arc::new(ReadThrough::new(fast_blobs, blobs)),
        results: Arc::new(ReadThrough::new(fast_results, results)),
    }
}

#[cfg(test)]
mod tests;
