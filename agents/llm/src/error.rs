//! Why a model is not available.

/// Why a model is not available.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The settings name no model.
    #[error("no model is configured\nhint: set `model.name`")]
    NoName,
    /// There is no key for a server that needs one.
    #[error(
        "no key for `{url}`: the environment variable `{variable}` is not set\n\
         hint: for a server without keys, set `{block}.base_url`"
    )]
    NoKey {
        /// The block of settings.
        block: &'static str,
        /// The variable that should hold it.
        variable: String,
        /// The server.
        url: String,
    },
    /// The key contains characters that no key can contain.
    #[error("the environment variable `{0}` does not hold a key: it contains characters that cannot be sent")]
    BadKey(String),
    /// The address is not valid.
    #[error("`{url}` is not the address of a server: {reason}")]
    BadUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A setting is no positive number of seconds.
    #[error("`{block}.{setting}` must be a positive number of seconds, not {value}")]
    NotSeconds {
        /// The block of settings.
        block: &'static str,
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: f64,
    },
    /// A setting of `embeddings` is 0, but must be at least 1.
    #[error("`embeddings.{0}` must be at least 1")]
    Zero(&'static str),
    /// `model.endpoints` or `model.rate` is not valid.
    #[error("`model.endpoints`: {0}")]
    BadEndpoint(String),
    /// The folder in which processes share their limits cannot be used.
    #[error("the limits cannot be shared in {0}")]
    Folder(String),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be created: {0}")]
    Client(String),
}
