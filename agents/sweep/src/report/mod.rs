//! Reports on runs: figures with their denominators, by cell, repository, instance or sample, and comparisons of pairs
//! of cells.
//!
//! [`CellFacts`] is what a journal says of a cell's episodes, read once; all else is worked out from that without
//! looking at any file. What each figure means and is of stands in the crate's README.

mod facts;
mod statistics;

mod comparison;
mod figures;
mod samples;
mod summary;

mod columns;
mod csv;
mod table;
mod written;

pub use comparison::{Comparison, Method};
pub use facts::{CellFacts, Fact};
pub use figures::{Cost, Figures, Mean, Resolved, Share};
pub use samples::{PassAtK, SampleMean, Samples};
pub use statistics::{half_sample_deviation, mcnemar};
pub use summary::{By, Report, Row};
pub(crate) use table::MISSING;
pub use table::Table;
pub use written::Format;
