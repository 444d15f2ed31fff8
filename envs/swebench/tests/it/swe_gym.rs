//! The specs, and the environment over real rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use env_core::{BenchmarkSettings, EnvError, Environment};
use expect_test::expect;
use tool_core::{Image, Sandbox, SandboxError, SandboxProvider, Source};

#[test]
fn every_repository_has_its_versions() {
    let specs = swegym::specs().unwrap();
    let counts: Vec<String> = specs.iter().map(|(repo, specs)| format!("{repo} {}", specs.versions.len())).collect();
    expect![[r#"
        bokeh/bokeh 24
        conan-io/conan 34
        dask/dask 60
        facebookresearch/hydra 10
        getmoto/moto 14
        hypothesisworks/hypothesis 94
        iterative/dvc 147
        modin-project/modin 28
        pandas-dev/pandas 21
        project-monai/monai 15
        pydantic/pydantic 40
        python/mypy 23"#]]
    .assert_eq(&counts.join("\n"));
}

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
async fn real_rows_can_be_judged() {
    let folder = std::env::var_os("SPOTTER_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let file = folder.join("instances/swegym_exact.jsonl");
    if !file.is_file() {
        println!("skipped: no real rows at `{}` (set SPOTTER_DATA)", file.display());
        return;
    }
    let rows = dataset::load_file(&file).unwrap();
    let provider = Arc::new(NoSandbox::default());
    let environment = swegym::environment(rows, &BenchmarkSettings::default(), provider.clone()).unwrap();
    for instance in environment.instances() {
        let gold = environment.gold(instance).unwrap();
        assert!(matches!(environment.evaluate(instance, &gold).await, Err(EnvError::Sandbox(_))));
    }
    let images = provider.0.lock().unwrap();
    assert_eq!(images.len(), environment.instances().len());
    assert!(images.iter().all(|image| image.starts_with("docker.io/xingyaoww/sweb.eval.x86_64.")), "{images:?}");
}
