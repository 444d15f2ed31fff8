//! SWE-bench, Lite and Verified: images, specs, dialect.
