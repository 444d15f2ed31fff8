//! Finds in the files of an image what would tell a solver the answer.
//!
//! A [`Scan`] reads all files of an image once, as an engine exports them or as they lie in memory, with nothing of the
//! image running: it knows the base commit ([`Base`]) and the gold patch ([`Gold`]), which never comes near the image. What
//! it finds is a [`Finding`] with its [`Kind`], and a [`Certificate`] keeps what an audit looked for and found, where
//! [`Certificates`] find it at each episode's start. How the files are had from an engine is the caller's business.

mod kind;

mod base;
mod gold;
mod search;

mod certificate;
mod certificates;
mod gate;

mod git;
mod scan;

pub use base::Base;
pub use certificate::{Certificate, Finding, Lines, Seen, VERSION};
pub use certificates::Certificates;
pub use gate::{Admission, Gate, digest_of_files};
pub use gold::Gold;
pub use kind::Kind;
pub use scan::Scan;
