//! Where exports go.

use std::path::{Path, PathBuf};

use clap::Args;
use training::Out;

#[derive(Debug, Args)]
pub(super) struct OutArguments {
    /// The folder that is written. It is empty, or not there yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Removes all that is in the folder first, where it holds an earlier export.
    #[arg(long)]
    force: bool,
}

impl OutArguments {
    pub(super) fn out(&self) -> Out<'_> {
        Out { folder: &self.out, replace: self.force }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.out
    }
}
