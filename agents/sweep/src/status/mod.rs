//! How far a run has got, for observers: from the journal, the leases and the records of
//! episodes in flight. Nothing is written, and no process that works on the run is asked.

mod broken;
mod cells;
mod lines;
mod live;
mod spent;

pub use broken::Broken;
pub use cells::{CellStatus, EpisodeInFlight, Status, Worker};
pub use live::{Live, Progress};
pub use spent::Spent;
