//! Packs blobs into messages.

/// What a blob costs in a message besides its content: digest, status and tags, generously.
pub(super) const OVERHEAD: usize = 200;

/// Which blobs go together, and which are too large for any message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packed<T> {
    /// Each fits into one message.
    pub(super) batches: Vec<Vec<T>>,
    /// To be streamed one by one.
    pub(super) large: Vec<T>,
}

/// Packs in the given order, so that what belongs together stays together.
pub(super) fn pack<T>(blobs: impl IntoIterator<Item = T>, size: impl Fn(&T) -> u64, limit: usize) -> Packed<T> {
    let mut packed = Packed {
        batches: Vec::new(),
        large: Vec::new(),
    };
    let mut room = 0;
    for blob in blobs {
        let cost = usize::try_from(size(&blob))
            .unwrap_or(usize::MAX)
            .saturating_add(OVERHEAD);
        if cost > limit {
            packed.large.push(blob);
            continue;
        }
        if cost > room {
            packed.batches.push(Vec::new());
            room = limit;
        }
        room -= cost;
        packed.batches.last_mut().expect("there is room in it").push(blob);
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blobs_that_fit_together_go_together() {
        let limit = 3 * OVERHEAD + 100;
        let packed = pack([50, 50, 1000, 60, 50], |&size| size, limit);
        assert_eq!(packed.batches, [[50, 50], [60, 50]]);
        assert_eq!(packed.large, [1000]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_batch_is_too_large(
            sizes in proptest::collection::vec(0_usize..5000, 0..50),
            limit in 0_usize..4000,
        ) {
            let packed = pack(sizes.iter().copied().enumerate(), |(_, size)| *size as u64, limit);
            for batch in &packed.batches {
                let total: usize = batch.iter().map(|&(_, size)| size + OVERHEAD).sum();
                prop_assert!(!batch.is_empty() && total <= limit);
            }
            let mut all: Vec<_> = packed.batches.concat();
            all.extend(packed.large);
            all.sort_unstable();
            prop_assert_eq!(all, sizes.into_iter().enumerate().collect::<Vec<_>>());
        }
    }
}
