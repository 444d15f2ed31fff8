//! The images of instances: how they are named, made, fetched and thrown away.
//!
//! [`ImageSettings`] says which image an instance runs in, [`RecipeSettings`] how one is made, a [`Builder`] makes them
//! on an engine from [`Sources`], an [`ImageStore`] tells which of those that are there are of no use, and an
//! [`ImageBudget`] keeps those that work pulls within a budget. How a command runs in
//! an image is the provider's affair.

mod name;
mod recipe;

mod config;

mod build;
mod host_network;
mod rows;
mod source;

mod store;

#[cfg(feature = "audit")]
mod audit;

mod budget;

#[cfg(feature = "audit")]
pub use audit::{AuditOrder, audit};
pub use budget::{ImageBudget, ImageGuard, NeededImage, remove_pulled};
pub use build::{Builder, ImageResult, Pool};
pub use config::ImagesConfig;
pub use host_network::HostNetwork;
pub use name::{ImageScheme, ImageSettings};
pub use recipe::{PackageList, PythonSource, Recipe, RecipeSettings, Step};
pub use rows::rows_of_images;
pub use source::{Repository, Source, Sources};
pub use store::{ImageStore, Listed, Unused};
