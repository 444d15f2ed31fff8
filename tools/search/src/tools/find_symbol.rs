//! The `find_symbol` tool.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tool_core::{Observation, Sandbox, Texts, Tool, ToolError};

use crate::cut::place::is_test;
use crate::tools::checkout::Checkout;
use crate::tools::show::{Budget, did_you_mean, places};

/// Finds where a class or function is defined, and where it is used.
pub struct FindSymbol(pub Arc<Checkout>);

/// Arguments of `find_symbol`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindSymbolArgs {
    /// The name of a class or function, or `Class.method`.
    name: String,
    /// Whether calls and subclasses are shown as well as definitions; they are by default.
    references: Option<bool>,
    /// Whether tests are searched as well; they are left out by default.
    include_tests: Option<bool>,
}

impl Tool for FindSymbol {
    const NAME: &'static str = "find_symbol";
    type Args = FindSymbolArgs;

    async fn call(
        &self,
        args: FindSymbolArgs,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        if args.name.trim().is_empty() {
            return Err(ToolError::Rejected(texts.plain("search/name_empty")));
        }
        let tests = args.include_tests.unwrap_or_default();
        let index = self.0.sync(sandbox, tests, texts).await?;
        let defined = index.definitions(&args.name, tests)?;
        let used = match args.references {
            Some(false) => Vec::new(),
            _ => index.references(&args.name, tests)?,
        };
        let remark = || index.remark_on(|path| tests || !is_test(path), texts);
        if defined.is_empty() && used.is_empty() {
            let hint = did_you_mean(&index.did_you_mean(&args.name)?, texts);
            let shown = texts.render("search/neither", json!({ "name": args.name, "hint": hint }));
            return Ok(Observation::text(format!("{shown}\n{}", remark())));
        }
        let mut budget = Budget::new(self.0.config().max_tokens);
        places("search/defined", &defined, &mut budget, texts);
        if !used.is_empty() {
            places("search/used", &used, &mut budget, texts);
        }
        if defined.is_empty() {
            budget.tell(&remark());
        }
        Ok(Observation::text(budget.end()))
    }
}
