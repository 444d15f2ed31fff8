//! How the instances of a dataset are run and judged.

use std::time::Duration;

use dataset::Answers;
use env_core::{Dialect, Instance, Patch};
use grading::{EvalType, GradingSpec, OwnTests, Parser, Specs, TestSpec, eval_script, record_exit_code};
use images::ImageScheme;

use crate::benchmark::Entry;
use crate::settings::BenchmarkSettings;

/// How the instances of a dataset are run and judged.
pub struct Rules {
    /// How their images are named.
    pub image_scheme: ImageScheme,
    /// The harness for rows with an evaluation script of their own.
    pub scripted: Dialect,
    /// The harness for rows without one.
    pub plain: Dialect,
    /// How the tests of each repository and version are run where a row does not say.
    pub specs: Specs,
}

impl Rules {
    /// Returns an instance with what its sandboxes are started from and its patches are judged by.
    pub fn entry(&self, instance: Instance, answers: &Answers, settings: &BenchmarkSettings) -> Entry {
        let image = settings.image.image(&instance.instance_id, answers.image.as_deref(), self.image_scheme);
        let gold = (!answers.patch.trim().is_empty()).then(|| Patch(answers.patch.clone()));
        let tests = self.tests(&instance, answers, settings);
        Entry { instance, image, gold, tests }
    }

    /// Returns what a log of an instance is judged by, which needs no sandbox. `dialect` stands in place of the one
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

    fn tests(&self, instance: &Instance, answers: &Answers, settings: &BenchmarkSettings) -> Result<TestSpec, String> {
        let grading = self.grading(instance, answers, settings.dialect)?;
        let script = match answers.row_script() {
            Some(script) => script.to_owned(),
            None => {
                let spec = self.specs.find(&instance.repo, &instance.version)?;
                eval_script(instance, &answers.test_patch, spec, grading.dialect)?
            }
        };
        let own = OwnTests::of_script(instance, &script, &answers.test_patch);
        let eval_script = if grading.dialect == Dialect::SweBench5 { record_exit_code(&script) } else { script };
        let timeout = Duration::from_secs(settings.eval_timeout);
        Ok(TestSpec { eval_script, grading, timeout, own })
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
