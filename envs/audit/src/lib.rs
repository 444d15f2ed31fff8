//! Finds in the files of an image what would tell a solver the answer.
//!
//! A [`Scan`] reads all files of an image once, as an engine exports them or as they lie in memory, with nothing of the
//! image running: it knows the base commit ([`Base`]) and the gold patch ([`Gold`]), which never comes near the image. What
//! it finds is a [`Finding`] with its [`Kind`], and a [`Certificate`] keeps what an audit looked for and found, where
//! [`Certificates`] find it at each episode's start. How the files are had from an engine is the caller's business.
//! Only the feature `scan` reads images; the [`Gate`] at an episode's start reads certificates and does without.

mod kind;

#[cfg(feature = "scan")]
mod base;
#[cfg(feature = "scan")]
mod gold;
#[cfg(feature = "scan")]
mod search;

mod certificate;
mod certificates;
mod gate;

#[cfg(feature = "scan")]
mod git;
#[cfg(feature = "scan")]
mod scan;

#[cfg(feature = "scan")]
pub use base::Base;
pub use certificate::{Certificate, Finding, Lines, Seen, VERSION};
pub use certificates::Certificates;
pub use gate::{Admission, Gate, digest_of_files};
#[cfg(feature = "scan")]
pub use gold::Gold;
pub use kind::Kind;
#[cfg(feature = "scan")]
pub use scan::Scan;
