//! Episodes read with all processors.

use journal::Episode;

use crate::side_by_side::{BATCH, side_by_side};

/// Makes something of each episode, on all processors, and hands it out in the order of the episodes.
///
/// # Errors
/// The first error of either.
pub(crate) fn in_batches<T: Send>(
    episodes: &[Episode],
    make: impl Fn(&Episode) -> anyhow::Result<T> + Sync,
    mut take: impl FnMut(&Episode, T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let batches = episodes.chunks(BATCH).map(|batch| batch.iter().collect());
    side_by_side(batches, |episode: &Episode| (episode, make(episode)), |(episode, made)| take(episode, made?))
}
