//! Audits of images.
