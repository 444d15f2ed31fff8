//! A server: its requests, and the meaning of its answers.

pub(crate) mod adaptation;
pub(crate) mod client;
pub(crate) mod detail;
pub(crate) mod endpoint;
pub(crate) mod extras;
pub(crate) mod failure;
pub(crate) mod http;
pub(crate) mod kinds;
pub(crate) mod prices;
pub(crate) mod request_body;
pub(crate) mod response;
pub(crate) mod secret;
pub(crate) mod stray_calls;
pub(crate) mod token_ids;
