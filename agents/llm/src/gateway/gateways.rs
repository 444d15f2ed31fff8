//! All models of a process.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_core::{Completion, Model, Usage};
use prompts::Prompts;

use crate::gateway::order::{hash, order};
use crate::gateway::routed::Routed;
use crate::layers::call_limit::CallLimit;
use crate::layers::text_protocol::{Form, TextProtocol};
use crate::limits::budget::{Budget, BudgetLimits};
use crate::limits::lane::Lane;
use crate::server::endpoint::{Endpoint, server};
use crate::server::http::{Http, Limited};
use crate::server::prices::Prices;
use crate::{ConnectError, EndpointConfig, ModelConfig, RateConfig, SeveralCalls, ToolCalls};

/// What all models of one process share: a lane for each endpoint, and the budget of the run.
///
/// Processes that name the same folder share the limits of each endpoint and the budget.
#[derive(Debug, Clone)]
pub struct Gateways {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: Option<PathBuf>,
    minute: Duration,
    budget: Budget,
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
}

impl Gateways {
    /// Returns the models of a process; `folder` is where it shares its limits with others, such as a folder of the
    /// run.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(folder: Option<PathBuf>, budget: BudgetLimits) -> Result<Self, ConnectError> {
        Self::with_minute(folder, budget, Duration::from_secs(60))
    }

    /// Does what [`Gateways::new`] does with minutes of another length, for tests.
    #[doc(hidden)]
    pub fn with_minute(folder: Option<PathBuf>, budget: BudgetLimits, minute: Duration) -> Result<Self, ConnectError> {
        let of_budget = folder.as_ref().map(|folder| folder.join("budget"));
        let budget = Budget::new(budget, of_budget.as_deref()).map_err(|err| in_folder(folder.as_ref(), &err))?;
        Ok(Self { inner: Arc::new(Inner { folder, minute, budget, lanes: Mutex::default() }) })
    }

    /// Returns the budget of the run.
    pub fn budget(&self) -> &Budget {
        &self.inner.budget
    }

    /// Connects to the endpoints of a configuration. Reads the keys, and the address where the settings have none, from
    /// the environment.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect(&self, config: &ModelConfig, prices: &Prices, prompts: &Prompts) -> Result<Gateway, ConnectError> {
        self.connect_in(config, prices, prompts, |name| std::env::var(name).ok())
    }

    /// Does what [`Gateways::connect`] does, in the environment that `variable` looks up.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub fn connect_in(
        &self,
        config: &ModelConfig,
        prices: &Prices,
        prompts: &Prompts,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Gateway, ConnectError> {
        let name = config.name.as_deref().filter(|name| !name.is_empty()).ok_or(ConnectError::NoName)?;
        let form = match config.tool_calls {
            ToolCalls::Native => None,
            ToolCalls::Text => Some(Form::Functions { several: config.several_calls == SeveralCalls::All }),
            ToolCalls::Json => Some(Form::Json),
        };
        let mut settings = config.clone();
        settings.stop.extend(form.and_then(Form::stop_word).map(str::to_owned));
        let mut endpoints = Vec::new();
        for endpoint in given(config)? {
            let key = endpoint.api_key_env.as_deref().unwrap_or(&config.api_key_env);
            let server = server(endpoint.base_url.as_deref(), key, Endpoint::Chat, &variable)?;
            let base_url = server.base_url.clone();
            let lane = self.lane(&base_url, key, &endpoint.rate.unwrap_or(config.rate))?;
            let limited = Limited { lane, budget: self.inner.budget.clone() };
            let http = Http::new(&settings, name, server, prices.find(name).cloned(), limited)?;
            endpoints.push((base_url, endpoint.weight, Arc::new(http)));
        }
        let (config, prompts) = (config.clone(), prompts.clone());
        Ok(Gateway { name: name.to_owned(), endpoints, form, config, prompts, tally: Arc::default() })
    }

    /// Returns the lane of an endpoint. One that is named twice, by whatever configurations, has the stricter limits.
    fn lane(&self, base_url: &str, key: &str, rate: &RateConfig) -> Result<Arc<Lane>, ConnectError> {
        if [rate.rpm, rate.tpm, rate.max_parallel_requests.map(|most| most as u64)].contains(&Some(0)) {
            return Err(ConnectError::BadEndpoint("a limit of `rate` must be above 0, or `null` for none".to_owned()));
        }
        let mut lanes = self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            let folder = self.inner.folder.as_ref().map(|folder| folder.join(file_name(base_url, key)));
            Arc::new(Lane::new(base_url, self.inner.minute, folder))
        };
        let lane = lanes.entry(format!("{base_url} {key}")).or_insert_with(made).clone();
        lane.restrict(rate).map_err(|err| in_folder(self.inner.folder.as_ref(), &err))?;
        Ok(lane)
    }
}

/// The models of one configuration, such as those of a cell's episodes.
#[derive(Clone)]
pub struct Gateway {
    name: String,
    /// Each with its address and its weight.
    endpoints: Vec<(String, f64, Arc<Http>)>,
    form: Option<Form>,
    config: ModelConfig,
    prompts: Prompts,
    tally: Arc<Tally>,
}

impl Gateway {
    /// Returns the name that goes into `model_name_or_path`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the model of an episode. All episodes of one `key`, such as an instance's id, ask the same endpoint as
    /// long as it answers, which has read the start of their conversations before.
    pub fn model(&self, key: &str) -> Arc<dyn Model> {
        let order = order(key, self.endpoints.iter().map(|(name, weight, _)| (name.as_str(), *weight)));
        let endpoints = order.into_iter().filter_map(|at| self.endpoints.get(at)).map(|(_, _, http)| http.clone());
        let (retry, tally) = (self.config.retry, self.tally.clone());
        let mut model: Arc<dyn Model> = Arc::new(Routed { endpoints: endpoints.collect(), retry, tally });
        if let Some(form) = self.form {
            model = Arc::new(TextProtocol::new(model, form, self.prompts.clone()));
        }
        let several = self.config.several_calls;
        if several != SeveralCalls::All {
            model = Arc::new(CallLimit::new(model, several == SeveralCalls::Refuse, self.prompts.clone()));
        }
        model
    }

    /// Returns what the answers took so far.
    pub fn taken(&self) -> Totals {
        *self.tally.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gateway").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What the answers of one configuration took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Totals {
    /// Answers.
    pub answers: u64,
    /// Tokens over all of them.
    pub usage: Usage,
    /// US dollars over those of known price.
    pub cost: f64,
    /// Answers of unknown price, which `cost` does not hold.
    pub unpriced: u64,
}

/// Adds up what answers take.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Totals>);

impl Tally {
    pub(crate) fn add(&self, completion: &Completion) {
        let mut totals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        totals.answers += 1;
        totals.usage += completion.usage;
        totals.cost += completion.cost.unwrap_or_default();
        totals.unpriced += u64::from(completion.cost.is_none());
    }
}

/// Returns the endpoints of a configuration, of which `base_url` alone is one.
fn given(config: &ModelConfig) -> Result<Vec<EndpointConfig>, ConnectError> {
    if config.endpoints.is_empty() {
        return Ok(vec![EndpointConfig { base_url: config.base_url.clone(), ..EndpointConfig::default() }]);
    }
    let bad = |what: &str| Err(ConnectError::BadEndpoint(what.to_owned()));
    if config.base_url.is_some() {
        return bad("`model.base_url` must be one of `model.endpoints` or be left out");
    }
    for (at, endpoint) in config.endpoints.iter().enumerate() {
        if !(0.0..1e9).contains(&endpoint.weight) {
            return bad(&format!("the weight of endpoint {} must be a number of at least 0", at + 1));
        }
        if endpoint.base_url.is_none() {
            return bad(&format!("number {} has no `base_url`", at + 1));
        }
    }
    Ok(config.endpoints.clone())
}

/// Returns the name of the folder of an endpoint, which holds nothing of its key.
fn file_name(base_url: &str, key: &str) -> String {
    let host = base_url.split("://").nth(1).unwrap_or(base_url);
    let safe = |letter: char| if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-') { letter } else { '_' };
    let shown: String = host.chars().map(safe).take(60).collect();
    format!("rate-{shown}-{:016x}", hash(&[base_url, key]))
}

fn in_folder(folder: Option<&PathBuf>, err: &std::io::Error) -> ConnectError {
    let folder = folder.map(|folder| folder.display().to_string()).unwrap_or_default();
    ConnectError::Folder(format!("`{folder}`: {err}"))
}
