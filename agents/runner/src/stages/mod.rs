//! What is done with an instance: it is solved, judged, validated.

mod cells;
mod control;
mod evaluate;
mod judge;
mod models;
mod solve;
mod validate;

pub use cells::{ModelCell, models, name_cells};
pub use evaluate::{Chosen, Evaluation, Job, Judged, choose, is_word};
pub use judge::Judge;
pub(crate) use models::digests_of_prompts;
pub use models::{Models, prompts, tools_of_driver};
pub use solve::{Attempt, Attempted, Cell, Solved, Solving};
pub use validate::{Difference, Differences, VALIDATION, Validated, Validation};
