//! The files of a run: the folders of cells and episodes, and the views of the journal.

mod cell_dir;
mod episode_dir;
mod import;
mod in_flight;
mod last_record;
mod listed;
mod run;
mod summary;

pub use cell_dir::{CellDir, CellLock, Found, VERDICT_FILES};
pub use episode_dir::{EpisodeDir, FileRecorder};
pub use import::{Import, ImportedEpisode};
pub use in_flight::InFlight;
pub use run::{Episode, Run};
pub use summary::{Summary, write_summary};
