//! The models of one process, or of many, behind one set of limits.
//!
//! [`gateways::Gateways`] holds a lane for each endpoint that is asked and the budget of the run; a [`gateways::Gateway`]
//! is one configuration of a model over its endpoints, and [`routed::Routed`] the model of one episode, which keeps to one
//! endpoint as long as that answers.

pub(crate) mod gateways;
pub(crate) mod order;
pub(crate) mod routed;
