//! How the folders and the processes of sandboxes are known.

/// Start of the names of our temporary folders.
pub(crate) const PREFIX: &str = "spotter-";
/// The file in each of them that names the process it belongs to and, on further lines, the marker of its processes and
/// the place of their control group.
pub(crate) const OWNER: &str = "owner";
/// The variable by which processes of a sandbox are known.
pub(crate) const MARKER: &str = "SPOTTER_SANDBOX";
