//! Whether an edit is of use, and what it brings with it.

pub(crate) mod diff;
pub(crate) mod doubled;
pub(crate) mod lint;
pub(crate) mod placeholder;
pub(crate) mod replace;
