//! What a server is asked for.

/// What a server is asked for, which decides what errors call it and which settings they name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Chat,
    Embeddings,
}

impl Endpoint {
    /// Returns the block of settings.
    pub(crate) fn block(self) -> &'static str {
        match self {
            Self::Chat => "model",
            Self::Embeddings => "embeddings",
        }
    }

    /// Returns the path below the server's address.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Embeddings => "/embeddings",
        }
    }

    /// Returns what the server is called.
    pub(crate) fn server(self) -> &'static str {
        match self {
            Self::Chat => "the model's server",
            Self::Embeddings => "the embeddings' server",
        }
    }
}
