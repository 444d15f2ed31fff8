//! Why a command failed.

/// Why a command failed, by exit code.
pub(crate) enum Failed {
    /// Wrong usage or configuration.
    Usage(anyhow::Error),
    /// Something of ours, or the infrastructure.
    Run(anyhow::Error),
}

impl From<anyhow::Error> for Failed {
    fn from(err: anyhow::Error) -> Self {
        Self::Run(err)
    }
}
