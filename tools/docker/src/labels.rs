//! How the containers of this program are named and labelled.

use shell::nonce;

/// The label that names the run a container belongs to.
pub(crate) const RUN: &str = "spotter.run";
/// The label that names the process a container belongs to.
pub(crate) const OWNER: &str = "spotter.owner";

/// Returns a name for a new container.
pub(crate) fn new_name() -> String {
    format!("spotter-{}", &nonce()[..16])
}
