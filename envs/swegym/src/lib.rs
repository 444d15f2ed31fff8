//! SWE-Gym and SWE-Gym Lite.
//!
//! [`environment`] makes a [`Benchmark`] of their rows, which bring neither script nor parser: tests are run by the
//! specs in the folder `specs`, one file a repository, and judged as SWE-Gym's fork of SWE-bench does. What is common
//! to all datasets of the kind is in env-core.

use std::sync::Arc;

use dataset::Row;
use env_core::{Benchmark, BenchmarkSettings, Dialect, EnvError, Family, ImageScheme, SpecError, Specs};
use include_dir::{Dir, include_dir};
use tool_core::SandboxProvider;

static SPECS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/specs");

/// Returns the environment `swe-gym` over `rows`.
///
/// # Errors
/// [`EnvError::Unusable`] when an instance occurs twice. A row that cannot be judged only fails when it is used.
pub fn environment(
    rows: Vec<Row>,
    settings: &BenchmarkSettings,
    provider: Arc<dyn SandboxProvider>,
) -> Result<Benchmark, EnvError> {
    Benchmark::of_family("swe-gym", &family()?, rows.into_iter().map(Row::into_parts), settings, provider)
}

/// Returns what the datasets have in common.
///
/// # Errors
/// As [`specs`].
pub fn family() -> Result<Family, SpecError> {
    let specs = specs()?;
    let (scripted, plain) = (Dialect::SweGym, Dialect::SweGym);
    Ok(Family { image_scheme: ImageScheme::SweGym, scripted, plain, specs })
}

/// Returns how the tests of each repository and version are run.
///
/// # Errors
/// [`SpecError`] when one of the embedded files is broken.
pub fn specs() -> Result<Specs, SpecError> {
    let files =
        SPECS.files().map(|file| (file.path().to_str().unwrap_or_default(), file.contents_utf8().unwrap_or_default()));
    Specs::parse(files)
}
