//! The tools, and the checkout of a sandbox's repository that they search.

pub(crate) mod checkout;
pub(crate) mod config;
pub(crate) mod find_symbol;
pub(crate) mod list_files;
pub(crate) mod near;
pub(crate) mod offer;
pub(crate) mod search_code;
pub(crate) mod show;
pub(crate) mod view_code;
