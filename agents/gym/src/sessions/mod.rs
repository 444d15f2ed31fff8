//! Episodes whose calls come from outside.

mod answers;
mod kept;
mod places;
mod session;
mod table;

pub(crate) use kept::{Kept, KeptFile, Kind};
pub(crate) use places::{Place, Places};
pub(crate) use session::{Answer, Ended, Session, State};
pub(crate) use table::{Missing, Table};
