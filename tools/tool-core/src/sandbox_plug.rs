//! A provider of sandboxes as a program knows it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Host, SandboxConfig, SandboxError, SandboxProvider};

/// How a provider is made, and how to remove what killed programs have left of its sandboxes.
pub trait Connect: SandboxProvider + Sized + 'static {
    /// The provider's name in `sandbox.provider`.
    const NAME: &'static str;
    /// What its sandboxes are, in the plural, such as `containers`.
    const SANDBOXES: &'static str;
    /// Its own settings, in `sandbox.options`; it should deny unknown fields. [`NoOptions`] where it has none.
    type Options: DeserializeOwned + Send;

    /// Makes a provider; what it starts belongs to `run`, in words that tell a person where it comes from.
    ///
    /// # Errors
    /// [`SandboxError::Unavailable`] when there is no engine to talk to.
    fn connect(
        config: SandboxConfig,
        options: Self::Options,
        host: Host,
        run: String,
    ) -> impl Future<Output = Result<Self, SandboxError>> + Send;

    /// Removes the sandboxes whose process on this machine has ended without removing them, and returns their names.
    ///
    /// With `all`, those that processes on other machines made are removed as well; those of a living process of this
    /// machine never are. By default there is nothing to remove.
    ///
    /// # Errors
    /// [`SandboxError::Unavailable`] when there is no engine to talk to; others when something cannot be removed.
    fn clean(host: Host, all: bool) -> impl Future<Output = Result<Vec<String>, SandboxError>> + Send {
        let _ = (host, all);
        async { Ok(Vec::new()) }
    }
}

/// The settings of a provider that has none of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

type Made<T> = Pin<Box<dyn Future<Output = Result<T, SandboxError>> + Send>>;

/// A provider of sandboxes as a program knows it: its name, how to make it, and how to remove what is left of it.
#[derive(Clone, Copy)]
pub struct SandboxPlug {
    /// The provider's name in `sandbox.provider`.
    pub name: &'static str,
    /// What its sandboxes are, in the plural.
    pub sandboxes: &'static str,
    check: fn(&SandboxConfig) -> Result<(), SandboxError>,
    connect: fn(SandboxConfig, Host, String) -> Made<Arc<dyn SandboxProvider>>,
    clean: fn(Host, bool) -> Made<Vec<String>>,
}

impl SandboxPlug {
    /// Returns a provider as a program knows it.
    pub const fn of<P: Connect>() -> Self {
        Self {
            name: P::NAME,
            sandboxes: P::SANDBOXES,
            check: |config| options::<P>(config).map(drop),
            connect: |config, host, run| {
                Box::pin(async move {
                    let options = options::<P>(&config)?;
                    let provider = P::connect(config, options, host, run).await?;
                    Ok(Arc::new(provider) as Arc<dyn SandboxProvider>)
                })
            },
            clean: |host, all| Box::pin(P::clean(host, all)),
        }
    }

    /// Checks the settings that only this provider has.
    ///
    /// # Errors
    /// [`SandboxError::Unsupported`] when they do not fit.
    pub fn check(&self, config: &SandboxConfig) -> Result<(), SandboxError> {
        (self.check)(config)
    }

    /// Makes the provider; what it starts belongs to `run`.
    ///
    /// # Errors
    /// As [`SandboxPlug::check`] and [`Connect::connect`].
    pub async fn connect(
        &self,
        config: &SandboxConfig,
        host: &Host,
        run: &str,
    ) -> Result<Arc<dyn SandboxProvider>, SandboxError> {
        (self.connect)(config.clone(), host.clone(), run.to_owned()).await
    }

    /// Removes what killed programs have left behind, and returns the names of what went.
    ///
    /// # Errors
    /// As [`Connect::clean`].
    pub async fn clean(&self, host: &Host, all: bool) -> Result<Vec<String>, SandboxError> {
        (self.clean)(host.clone(), all).await
    }
}

fn options<P: Connect>(config: &SandboxConfig) -> Result<P::Options, SandboxError> {
    serde_json::from_value(Value::Object(config.options.clone())).map_err(|err| {
        SandboxError::Unsupported(format!("`sandbox.options` is not valid for the provider `{}`: {err}", P::NAME))
    })
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::json;

    use super::*;
    use crate::{Image, Sandbox};

    struct Nowhere;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        reason: String,
    }

    #[async_trait]
    impl SandboxProvider for Nowhere {
        async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
            Err(SandboxError::Image(image.root.clone()))
        }
    }

    impl Connect for Nowhere {
        const NAME: &'static str = "nowhere";
        const SANDBOXES: &'static str = "holes";
        type Options = Options;

        async fn connect(_: SandboxConfig, options: Options, _: Host, run: String) -> Result<Self, SandboxError> {
            Err(SandboxError::Unavailable(format!("{run}: {}", options.reason)))
        }

        async fn clean(_: Host, all: bool) -> Result<Vec<String>, SandboxError> {
            Ok(vec![all.to_string()])
        }
    }

    async fn check(options: Value, expected: &str) {
        let plug = SandboxPlug::of::<Nowhere>();
        let options = options.as_object().cloned().unwrap_or_default();
        let config = SandboxConfig { options, ..SandboxConfig::default() };
        let result = plug.connect(&config, &Host::default(), "run").await;
        assert_eq!(result.map(drop).map_err(|err| err.to_string()), Err(expected.to_owned()));
    }

    #[tokio::test]
    async fn a_provider_takes_its_own_settings_and_no_others() {
        check(json!({"reason": "closed"}), "run: closed").await;
        let wrong = "`sandbox.options` is not valid for the provider `nowhere`: ";
        check(json!({}), &format!("{wrong}missing field `reason`")).await;
        check(json!({"reasn": 1}), &format!("{wrong}unknown field `reasn`, expected `reason`")).await;
        assert_eq!(SandboxPlug::of::<Nowhere>().clean(&Host::default(), true).await.unwrap(), ["true"]);
    }

    #[test]
    fn a_provider_without_settings_takes_none() {
        assert!(serde_json::from_value::<NoOptions>(json!({})).is_ok());
        assert!(serde_json::from_value::<NoOptions>(json!({"any": 1})).is_err());
    }
}
