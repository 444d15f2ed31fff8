//! How much may be asked of a server, and spent: limits that hold in one process, and over many through a folder.
//!
//! An [`account::Account`] keeps two amounts, such as requests and tokens of a minute, or money and tokens of a run. What a
//! request may take is taken before it is sent, and put right when it is known what it took. A [`lane::Lane`] is the way
//! to one endpoint, and its queue.

pub(crate) mod account;
pub(crate) mod amounts;
pub(crate) mod breaker;
pub(crate) mod budget;
pub(crate) mod chain;
pub(crate) mod concurrency;
pub(crate) mod estimate;
pub(crate) mod exchange;
pub(crate) mod lane;
pub(crate) mod ledger;
pub(crate) mod pause;
pub(crate) mod share;
pub(crate) mod ticket;
