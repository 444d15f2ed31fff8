//! What is asked for, what is found, and in which order.

pub(crate) mod query;
pub(crate) mod ranking;
pub(crate) mod recall;
pub(crate) mod request;
pub(crate) mod rerank;
pub(crate) mod search;
pub(crate) mod snippet;
pub(crate) mod symbols;
pub(crate) mod unparsed;
pub(crate) mod weights;
