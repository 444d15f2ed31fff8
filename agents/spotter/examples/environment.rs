//! An environment of one instance, with no dataset: `cargo run -p spotter --example environment -- evaluate
//! --predictions gold --dataset sums`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use env_core::{Dialect, Environment, EnvironmentPlug, EnvironmentRequest, Instance, OpenError, Patch};
use grading::{EvalType, GradingSpec, Parser, TestSpec};
use swebench::{Benchmark, Entry};
use tool_core::{Image, Source};

/// Sums that go wrong.
struct Sums;

#[async_trait]
impl EnvironmentPlug for Sums {
    fn name(&self) -> &'static str {
        "sums"
    }

    fn kinds(&self) -> Vec<String> {
        vec!["sums".to_owned()]
    }

    fn takes(&self, dataset: &str) -> bool {
        dataset == "sums"
    }

    fn dataset_of(&self, instance_id: &str) -> Option<String> {
        instance_id.starts_with("sums__").then(|| "sums".to_owned())
    }

    fn sandbox(&self) -> Option<&'static str> {
        Some("local")
    }

    async fn open(&self, request: EnvironmentRequest<'_>) -> Result<Arc<dyn Environment>, OpenError> {
        let provider = request.providers.of_episodes().await?;
        let (judge, limits) = request.providers.of_judging(&provider).await?;
        let entries = vec![entry("sums__two-1", "`add.sh` adds 2 and 2 to 5.", "echo 5\n", "echo 4\n")];
        let benchmark = Benchmark::new("sums", entries, request.keep_history, demo::committed(provider))?;
        Ok(Arc::new(benchmark.judged_by(demo::committed(judge), limits)))
    }
}

fn entry(id: &str, issue: &str, broken: &str, fixed: &str) -> Entry {
    let instance = Instance {
        instance_id: id.to_owned(),
        repo: "sums/two".to_owned(),
        base_commit: "HEAD".to_owned(),
        problem_statement: issue.to_owned(),
        hints_text: String::new(),
        version: String::new(),
    };
    let files = [("add.sh".to_owned(), broken.as_bytes().to_vec())].into();
    let image = Image { source: Source::Files(files), root: "/testbed".to_owned(), startup: String::new() };
    let gold = Patch(format!("--- a/add.sh\n+++ b/add.sh\n@@ -1 +1 @@\n-{broken}+{fixed}"));
    let test = "[ $(bash add.sh) = 4 ] && echo PASSED sum || echo FAILED sum";
    let grading = GradingSpec {
        dialect: Dialect::SweBench5,
        parser: Parser::Pytest,
        eval_type: EvalType::PassAndFail,
        fail_to_pass: vec!["sum".to_owned()],
        pass_to_pass: Vec::new(),
    };
    let eval_script = format!("set -x\n: '>>>>> Start Test Output'\n{test}\n: '>>>>> End Test Output'\n");
    let tests = TestSpec { eval_script, grading, timeout: Duration::from_secs(60), own: Err("it has none".to_owned()) };
    Entry { instance, image, gold: Some(gold), tests: Ok(tests) }
}

fn main() -> std::process::ExitCode {
    cli::main(cli::standard().environment(Sums).agent::<codeact::CodeAct>(codeact::CONFIG))
}
