//! Docker and Local sandboxes, the persistent shell and the bash tool.
