//! The environment of datasets of SWE-bench's shape: SWE-bench, Lite, Verified, SWE-Gym and whatever has a manifest.
//!
//! A dataset is a [`Manifest`], a YAML file: its names, where its rows are, by which harness they are judged, how its images
//! are named. Those in the folder `datasets` ship with the project as [`Datasets`]; a user may name a file of their own.
//! [`Rules`] are what follows from a manifest, and a [`Benchmark`] is the environment itself, over any instances with their
//! images and tests. How tests are run where a row does not say is in the folder `specs`, one set a folder and one file a
//! repository.

mod plug;

mod datasets;
mod manifest;
mod manifest_error;
mod spec_sets;

mod benchmark;
mod judge;
mod of_rows;
mod rules;
mod settings;
mod strict;
mod trial;

pub use benchmark::{Benchmark, Entry};
pub use datasets::{Datasets, DatasetsError, Loaded, Reference};
pub use judge::judge;
pub use manifest::Manifest;
pub use manifest_error::ManifestError;
pub use of_rows::environment;
pub use plug::SweBench;
pub use rules::Rules;
pub use settings::BenchmarkSettings;
pub use spec_sets::spec_set;
