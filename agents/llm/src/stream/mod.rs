//! One answer out of the lines of a stream.

pub(crate) mod assembly;
pub(crate) mod sse;
pub(crate) mod stream_call;
