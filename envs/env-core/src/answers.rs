//! What a row of a dataset holds beyond the instance, and how an instance is posed by it.

use std::time::Duration;

use crate::benchmark::Posed;
use crate::eval_script::{eval_script, record_exit_code};
use crate::judge::Judging;
use crate::{BenchmarkSettings, Dialect, EvalType, GradingSpec, ImageScheme, Instance, Parser, Patch, Specs};

/// What a row of a dataset holds beyond the instance; none of it may reach a solver, so it can be neither printed nor
/// serialised.
#[derive(Clone, Default)]
pub struct Answers {
    /// The reference solution; empty when there is none.
    pub patch: String,
    /// What the tests need on top of the solution.
    pub test_patch: String,
    /// Tests that the fix must turn.
    pub fail_to_pass: Vec<String>,
    /// Tests that must go on passing.
    pub pass_to_pass: Vec<String>,
    /// Full name of the container image.
    pub image: Option<String>,
    /// The whole evaluation script.
    pub eval_script: Option<String>,
    /// Name of the log parser, such as `parse_log_django`.
    pub log_parser: Option<String>,
    /// `pass_and_fail` or `fail_only`.
    pub eval_type: Option<String>,
}

/// What the datasets of one family have in common.
pub struct Family {
    /// How their images are named.
    pub image_scheme: ImageScheme,
    /// The harness for rows with an evaluation script of their own.
    pub scripted: Dialect,
    /// The harness for rows without one.
    pub plain: Dialect,
    /// How the tests of each repository and version are run where a row does not say.
    pub specs: Specs,
}

impl Family {
    /// Returns how an instance is posed and judged.
    pub fn pose(&self, instance: &Instance, answers: Answers, settings: &BenchmarkSettings) -> Posed {
        let image = settings.image.image(&instance.instance_id, answers.image.as_deref(), self.image_scheme);
        let gold = (!answers.patch.trim().is_empty()).then(|| Patch(answers.patch.clone()));
        Posed { image, gold, judging: self.judging(instance, &answers, settings) }
    }

    /// Returns what a log of an instance is judged by, which needs no sandbox. `dialect` stands in the place of the one
    /// that the row is of.
    ///
    /// # Errors
    /// A text that names what the row says and is not known.
    pub fn grading(
        &self,
        instance: &Instance,
        answers: &Answers,
        dialect: Option<Dialect>,
    ) -> Result<GradingSpec, String> {
        let own = if answers.row_script().is_some() { self.scripted } else { self.plain };
        Ok(GradingSpec {
            dialect: dialect.unwrap_or(own),
            parser: parser(&instance.repo, answers.log_parser.as_deref())?,
            eval_type: eval_type(answers.eval_type.as_deref())?,
            fail_to_pass: answers.fail_to_pass.clone(),
            pass_to_pass: answers.pass_to_pass.clone(),
        })
    }

    fn judging(&self, instance: &Instance, answers: &Answers, settings: &BenchmarkSettings) -> Result<Judging, String> {
        let grading = self.grading(instance, answers, settings.dialect)?;
        let script = match answers.row_script() {
            Some(script) => script.to_owned(),
            None => {
                let spec = self.specs.find(&instance.repo, &instance.version)?;
                eval_script(instance, &answers.test_patch, spec, grading.dialect)?
            }
        };
        let eval_script = if grading.dialect == Dialect::SweBench5 { record_exit_code(&script) } else { script };
        Ok(Judging { eval_script, grading, timeout: Duration::from_secs(settings.eval_timeout) })
    }
}

impl Answers {
    /// Returns the row's own evaluation script.
    fn row_script(&self) -> Option<&str> {
        self.eval_script.as_deref().filter(|script| !script.trim().is_empty())
    }
}

/// Returns the parser that the row names, else the one of the repository.
fn parser(repo: &str, name: Option<&str>) -> Result<Parser, String> {
    match name.filter(|name| !name.is_empty()) {
        Some(name) => Parser::by_name(name).ok_or_else(|| format!("unknown log parser `{name}`")),
        None => Parser::for_repo(repo).ok_or_else(|| format!("no log parser is known for `{repo}`")),
    }
}

fn eval_type(name: Option<&str>) -> Result<EvalType, String> {
    match name {
        None | Some("" | "pass_and_fail") => Ok(EvalType::PassAndFail),
        Some("fail_only") => Ok(EvalType::FailOnly),
        Some(other) => Err(format!("unknown eval type `{other}`")),
    }
}
