//! Connects to the model that the settings name.

use std::sync::Arc;

use agent_core::Model;
use prompts::Prompts;

use crate::gateway::gateways::Gateways;
use crate::limits::budget::BudgetLimits;
use crate::server::prices::Prices;
use crate::{ConnectError, ModelConfig};

/// Returns the model of an OpenAI-compatible server, with retries and, where asked for, tool calls in text.
///
/// Reads the key, and the server's address where the settings have none, from the environment.
///
/// # Errors
/// See [`ConnectError`].
pub fn connect(config: &ModelConfig, prices: &Prices, prompts: &Prompts) -> Result<Arc<dyn Model>, ConnectError> {
    connect_in(config, prices, prompts, |name| std::env::var(name).ok())
}

/// Does what [`connect`] does, in the environment that `variable` looks up.
///
/// # Errors
/// See [`ConnectError`].
pub fn connect_in(
    config: &ModelConfig,
    prices: &Prices,
    prompts: &Prompts,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Arc<dyn Model>, ConnectError> {
    Ok(Gateways::new(None, BudgetLimits::default())?.connect_in(config, prices, prompts, variable)?.model(""))
}
