//! The arguments of a call: what a model is told of them, and what becomes of those it sends.

pub(crate) mod coerce;
pub(crate) mod schema;
