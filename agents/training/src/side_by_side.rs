//! Work on all processors.

use std::sync::mpsc::sync_channel;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// How many parts are held at a time, for all threads together.
pub(crate) const BATCH: usize = 64;

/// How many batches wait between two stages.
pub(crate) const WAITING: usize = 1;

/// Makes something of each part of each batch on all processors, and hands it to `take` in their order, on the thread that
/// calls. A batch is made while the one before it is taken.
///
/// # Errors
/// The first of `take`, after which no more is made.
pub(crate) fn side_by_side<P: Send, T: Send, E>(
    batches: impl IntoIterator<Item = Vec<P>> + Send,
    make: impl Fn(P) -> T + Sync,
    take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let (made, to_take) = sync_channel::<Vec<T>>(WAITING);
    std::thread::scope(|scope| {
        let make = &make;
        scope.spawn(move || {
            for batch in batches {
                let one: Vec<T> = batch.into_par_iter().map(make).collect();
                // Nobody takes any more.
                if made.send(one).is_err() {
                    return;
                }
            }
        });
        to_take.into_iter().flatten().try_for_each(take)
    })
}
