//! The arguments of a call: their schema for the model, and the coercion of those that it sends.

pub(crate) mod coerce;
pub(crate) mod schema;
