//! The run folder: append-only journals, leases, views, and the API that reads a run.
//!
//! A [`Journal`] is the only truth of a run. Each process appends to a file of its own; [`CellDir`] writes through it
//! and keeps the views (`preds.jsonl`, `report.json`, `summary.json`) that people and other programs read. [`Run`]
//! reads a run for exports and viewers. Nothing here runs or judges anything.

mod journal;

mod folder;

mod files;
mod lines;
mod owner;
mod predictions;
mod subject;
mod tally;
mod verdict;

pub use files::{file_name, hide, read_text, sweep, write_stream, write_stream_with, write_whole};
pub use folder::{
    CellDir, CellLock, Episode, EpisodeDir, FileRecorder, Found, Import, ImportedEpisode, InFlight, Run, Summary,
    VERDICT_FILES, write_summary,
};
pub use journal::{Ended, Entry, Failed, Imported, Journal, Judged, Lease, Line, VERSION};
pub use lines::{Lines, read_lines};
pub use predictions::{Prediction, Predictions, read_predictions};
pub use subject::Subject;
pub use tally::{Ending, Rate, Tally, pass_at_k, wilson};
pub use verdict::{TEST_OUTPUT, counts, exit_status, verdict_line, word};
