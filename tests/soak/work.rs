//! What one client does at a time: an action, or a blob there and back.

use super::peer::blobs::write_requests;
use super::peer::{Peer, Task};
use bytes::Bytes;

/// The largest blobs, and one in how many is one of them.
const LARGEST: usize = 64 << 20;
const ONE_IN: usize = 300;

/// Blobs up to here go in batches.
const BATCHED: usize = 1 << 20;

/// A piece of work.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// `/bin/true`, as an action of its own.
    Action,
    /// A blob of this size.
    Blob { size: usize, seed: u64 },
}

/// So much work in random order. Sizes are log-uniform up to what makes them `total` bytes together, with a few of the
/// largest among them.
pub(crate) fn all(actions: usize, blobs: usize, total: usize) -> Vec<Work> {
    let mut random = fastrand::Rng::with_seed(7);
    let large = blobs / ONE_IN;
    let small = blobs - large;
    let most = upper_end(total.saturating_sub(large * LARGEST) / small.max(1));
    let mut work = vec![Work::Action; actions];
    for number in 0..blobs {
        let size = match number {
            0 => 0,
            number if number <= large => LARGEST,
            // From one byte on: each octave is as likely as any other.
            _ => truncated((random.f64() * f64::from(most).ln()).exp()),
        };
        let seed = random.u64(..);
        work.push(Work::Blob { size, seed });
    }
    random.shuffle(&mut work);
    work
}

/// Where log-uniform sizes from one byte on must end to have this mean: (end - 1) / ln end.
fn upper_end(mean: usize) -> u32 {
    let mean = f64::from(u32::try_from(mean).expect("less than 4 GiB"));
    let largest = u32::try_from(LARGEST).expect("less than 4 GiB");
    let mean_to = |end: u32| f64::from(end - 1) / f64::from(end).ln();
    let (mut low, mut high) = (2, largest);
    while low < high {
        let middle = u32::midpoint(low, high);
        if mean_to(middle) < mean {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a size below 64 MB"
)]
fn truncated(size: f64) -> usize {
    size as usize
}

impl Work {
    /// The bytes that it is about.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Action => 0,
            Self::Blob { size, .. } => *size,
        }
    }

    /// Does it, and checks what came of it.
    pub(crate) fn run(&self, peer: &Peer) -> Result<(), String> {
        match *self {
            Self::Action => action(peer),
            Self::Blob { size, seed } => blob(peer, size, seed),
        }
    }
}

fn action(peer: &Peer) -> Result<(), String> {
    let action = peer.stage(&Task::new(&["/bin/true"]));
    let response = peer.execute(&action).map_err(|status| format!("{status:?}"))?;
    match (response.status, response.result) {
        (Some(status), _) if status.code != 0 => Err(format!("{status:?}")),
        (_, Some(result)) if result.exit_code == 0 => Ok(()),
        (_, result) => Err(format!("{result:?}")),
    }
}

/// There by one of the ways and back by another.
fn blob(peer: &Peer, size: usize, seed: u64) -> Result<(), String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; size];
    // Every other block is compressible.
    for (number, block) in bytes.chunks_mut(64 << 10).enumerate() {
        if number % 2 == 0 {
            random.fill(block);
        }
    }
    let digest = peer.digest(&bytes);
    let compressed = seed.is_multiple_of(3);
    let failed = |status: tonic::Status| format!("{status:?}");
    if size <= BATCHED && seed.is_multiple_of(2) {
        let codes = peer.update(&[(digest.clone(), Bytes::from(bytes))]).map_err(failed)?;
        if codes != [tonic::Code::Ok] {
            return Err(format!("not stored: {codes:?}"));
        }
    } else if compressed {
        let packed = zstd::bulk::compress(&bytes, 1).map_err(|error| error.to_string())?;
        peer.write(write_requests(&peer.zstd_upload_name(&digest), 0, &packed))
            .map_err(failed)?;
    } else {
        peer.write(write_requests(&peer.upload_name(&digest), 0, &bytes))
            .map_err(failed)?;
    }
    let missing = peer.missing(std::slice::from_ref(&digest)).map_err(failed)?;
    if !missing.is_empty() {
        return Err("missing after it was stored".to_owned());
    }
    let back = if compressed {
        let stream = peer.read(&peer.zstd_name(&digest), 0, 0).map_err(failed)?;
        zstd::stream::decode_all(stream.as_slice()).map_err(|error| error.to_string())?
    } else {
        peer.read(&peer.blob_name(&digest), 0, 0).map_err(failed)?
    };
    if peer.digest(&back) == digest {
        Ok(())
    } else {
        Err("other bytes came back".to_owned())
    }
}
