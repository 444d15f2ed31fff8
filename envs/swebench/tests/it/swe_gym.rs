//! The environment over real rows of SWE-Gym.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use env_core::{EnvError, Environment};
use swebench::BenchmarkSettings;
use tool_core::{Image, Sandbox, SandboxError, SandboxProvider, Source};

use crate::data;

/// Starts nothing, and keeps the names of the images that were asked for.
#[derive(Default)]
struct NoSandbox(Mutex<Vec<String>>);

#[async_trait]
impl SandboxProvider for NoSandbox {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        if let Source::Container { name, .. } = &image.source {
            self.0.lock().unwrap().push(name.clone());
        }
        Err(SandboxError::Image("no engine".to_owned()))
    }
}

/// Each of the exact rows gets as far as its image.
#[tokio::test]
#[ignore = "needs SPOTTER_DATA"]
async fn real_rows_can_be_judged() {
    let rows = data::rows("swegym_exact.jsonl");
    let provider = Arc::new(NoSandbox::default());
    let environment = swebench::environment("swe-gym", rows, &BenchmarkSettings::default(), provider.clone()).unwrap();
    for instance in environment.instances() {
        let gold = environment.gold(instance).unwrap();
        assert!(matches!(environment.evaluate(instance, &gold).await, Err(EnvError::Sandbox(_))));
    }
    let images = provider.0.lock().unwrap();
    assert_eq!(images.len(), environment.instances().len());
    assert!(images.iter().all(|image| image.starts_with("docker.io/xingyaoww/sweb.eval.x86_64.")), "{images:?}");
}
