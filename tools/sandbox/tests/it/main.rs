//! One contract for both providers, and what is special about each.

mod contract;
mod docker;
mod files;
mod local;
mod place;
