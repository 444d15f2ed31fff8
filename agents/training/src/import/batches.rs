//! The records of a file, read, understood and written side by side.

use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};

use dataset::{DatasetError, Record, each_record};

use crate::side_by_side::{BATCH, WAITING, side_by_side};

type Batch = Vec<(usize, Record)>;

/// Reads the records of a file on one thread, makes something of each on all processors, and hands it to `take` in the
/// order of the records. What comes before a place that cannot be read is handed on; the inner error tells of it.
///
/// # Errors
/// The first of `take`, after which nothing more is read.
pub(super) fn records_side_by_side<T: Send, E>(
    file: &Path,
    make: impl Fn(usize, Record) -> T + Sync,
    take: impl FnMut(T) -> Result<(), E>,
) -> Result<Result<(), DatasetError>, E> {
    let (records, to_make) = sync_channel::<Batch>(WAITING);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || read(file, &records));
        let taken = side_by_side(to_make, |(number, record)| make(number, record), take);
        let read = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        taken.map(|()| read)
    })
}

/// Why no more of a file is read.
enum Stopped {
    /// Nobody takes what is read.
    Unwanted,
    /// It cannot be read on.
    File(DatasetError),
}

impl From<DatasetError> for Stopped {
    fn from(err: DatasetError) -> Self {
        Self::File(err)
    }
}

fn read(file: &Path, records: &SyncSender<Batch>) -> Result<(), DatasetError> {
    let mut batch = Vec::with_capacity(BATCH);
    let ended = each_record(file, |number, record| {
        batch.push((number, record));
        if batch.len() < BATCH {
            return Ok(());
        }
        records.send(std::mem::take(&mut batch)).map_err(|_| Stopped::Unwanted)
    });
    let rest = records.send(batch).map_err(|_| Stopped::Unwanted);
    match ended.and(rest) {
        Ok(()) | Err(Stopped::Unwanted) => Ok(()),
        Err(Stopped::File(err)) => Err(err),
    }
}
