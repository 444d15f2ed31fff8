//! Episodes read with all processors.

use journal::Episode;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

/// How many episodes are held at a time, for all threads together.
const BATCH: usize = 64;

/// Makes something of each episode, on all processors, and hands it out in the order of the episodes.
///
/// # Errors
/// The first error of either.
pub(crate) fn in_batches<T: Send>(
    episodes: &[Episode],
    make: impl Fn(&Episode) -> anyhow::Result<T> + Sync,
    mut take: impl FnMut(&Episode, T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for batch in episodes.chunks(BATCH) {
        let made: Vec<anyhow::Result<T>> = batch.par_iter().map(&make).collect();
        for (episode, made) in batch.iter().zip(made) {
            take(episode, made?)?;
        }
    }
    Ok(())
}
