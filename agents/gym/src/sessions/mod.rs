//! Episodes whose calls come from outside.

mod answers;
mod kept;
mod session;
mod slots;
mod table;

pub(crate) use kept::{Kept, KeptFile, Kind};
pub(crate) use session::{Answer, Ended, Session, State};
pub(crate) use slots::{Slot, Slots};
pub(crate) use table::{Missing, Table};
