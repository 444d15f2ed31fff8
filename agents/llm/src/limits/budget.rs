//! What a whole run may cost.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent_core::ModelError;

use crate::limits::account::{Account, Denied, Taken};
use crate::limits::amounts::{Amounts, Limits};

/// The most that a whole run may take; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BudgetLimits {
    /// US dollars. Answers of unknown price do not count.
    pub cost: Option<f64>,
    /// Tokens read and written.
    pub tokens: Option<u64>,
}

/// What was spent of a budget.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// US dollars over the answers of known price.
    pub cost: f64,
    /// Tokens read and written.
    pub tokens: u64,
}

/// What a whole run may cost, shared by all its models, and over a folder by all its processes.
///
/// What a request may cost at most is reserved before it is sent, so that the limits hold with any number in flight.
/// Once a request does not fit any more, and none in flight could give something back, all further ones fail with
/// [`ModelError::Budget`].
#[derive(Debug, Clone)]
pub struct Budget {
    account: Option<Arc<Account>>,
    limits: BudgetLimits,
    is_spent: Arc<AtomicBool>,
}

impl Budget {
    /// Returns a budget; the processes that name the same `folder` share it, and a later one continues with it.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(limits: BudgetLimits, folder: Option<&Path>) -> std::io::Result<Self> {
        let most = Limits([limits.cost, limits.tokens.map(|tokens| tokens as f64)]);
        let account = if most.are_none() { None } else { Some(Account::open(most, None, folder)?) };
        Ok(Self { account, limits, is_spent: Arc::default() })
    }

    /// Returns what was spent so far, by other processes as far as they told.
    pub fn spent(&self) -> Spent {
        let Amounts([cost, tokens]) = self.account.as_ref().map(|account| account.used()).unwrap_or_default();
        Spent { cost, tokens: tokens as u64 }
    }

    /// Returns whether a request failed because nothing was left for it.
    pub fn is_spent(&self) -> bool {
        self.is_spent.load(Ordering::Relaxed)
    }

    /// Counts what a run had spent before it had this budget, in US dollars and tokens; returns whether that was
    /// counted.
    ///
    /// It is counted once for each ledger, and only where the ledger is new: the run had no budget before, or the
    /// folder was removed. Where anything was spent of it, or this was called before by any process, nothing is
    /// counted, so that it can be called whenever a run is opened, with all that its journal knows of, before the first
    /// request. More than there is is no error here: the next request finds nothing left.
    ///
    /// # Errors
    /// [`ModelError::Transient`] when the folder cannot be written.
    pub async fn charge_earlier(&self, cost: f64, tokens: u64) -> Result<bool, ModelError> {
        let Some(account) = &self.account else { return Ok(false) };
        let spent = Amounts([cost, tokens as f64]);
        account.charge_earlier(spent).await.map_err(|denied| self.error(denied))
    }

    /// Tells other processes what was spent here, and reads what they spent.
    ///
    /// # Errors
    /// [`ModelError::Transient`] when the folder cannot be written.
    pub async fn sync(&self) -> Result<Spent, ModelError> {
        if let Some(account) = &self.account {
            account.look().await.map_err(|denied| self.error(denied))?;
        }
        Ok(self.spent())
    }

    /// Returns whether there is any limit, for which a request has to be measured.
    pub(crate) fn is_limited(&self) -> bool {
        self.account.is_some()
    }

    /// Reserves what a request may cost, waiting for what those in flight give back.
    pub(crate) async fn take(&self, cost: f64, tokens: f64) -> Result<Option<Taken>, ModelError> {
        let Some(account) = &self.account else { return Ok(None) };
        if self.is_spent() {
            return Err(self.error(Denied::Exhausted));
        }
        account.take(Amounts([cost, tokens])).await.map(Some).map_err(|denied| self.error(denied))
    }

    fn error(&self, denied: Denied) -> ModelError {
        if let Denied::Broken(err) = denied {
            return ModelError::Transient { message: format!("the budget's folder: {err}"), retry_after: None };
        }
        let was_spent = self.is_spent.swap(true, Ordering::Relaxed);
        let Spent { cost, tokens } = self.spent();
        let most = [
            self.limits.cost.map(|most| format!("${cost:.4} of ${most:.2}")),
            self.limits.tokens.map(|most| format!("{tokens} of {most} tokens")),
        ];
        let spent = most.into_iter().flatten().collect::<Vec<_>>().join(" and ");
        let message = format!("the budget has nothing left for another request: {spent} are spent");
        if !was_spent {
            tracing::warn!("{message}");
        }
        ModelError::Budget(format!("{message}\nhint: run the same command with a larger budget to continue"))
    }
}
