//! Audits the images of rows and checks their certificates as the start of an episode does; prints how long both take.
//!
//! `cargo run --release -p images --features audit --example audits -- ROWS.jsonl…`; images that are not here are left out.

use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::time::Instant;

use audit::{Certificates, Gate};
use docker::{Docker, Images};
use env_core::{Instance, OnLeak, Patch};
use images::{AuditOrder, audit};
use serde_json::Value;
use tool_core::{Connect, Host, Image, NoOptions, SandboxConfig, Source};

/// How often each check is made.
const CHECKS: usize = 50;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = Host::new(std::env::vars_os(), false);
    let images = Images::connect(&host).await?;
    let provider = Docker::connect(SandboxConfig::default(), NoOptions {}, host, "audits".to_owned()).await?;
    let folder = tempfile::tempdir()?;
    let certificates = Certificates::below(folder.path());
    let gate = Gate::new(certificates.clone(), OnLeak::Warn);
    let mut checks = Vec::new();
    let (mut alarms, mut count, mut bytes, mut seconds) = (0, 0, 0, 0.0);
    let mut out = stdout().lock();
    for file in std::env::args().skip(1) {
        for line in fs::read_to_string(file)?.lines() {
            let row: Value = serde_json::from_str(line)?;
            let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
            let instance: Instance = serde_json::from_value(row.clone())?;
            let gold = Patch(text("patch"));
            let Some(stored) = images.find(&text("image")).await? else { continue };
            let source = Source::Container { name: text("image"), platform: None };
            let image = Image { source, root: "/testbed".to_owned(), startup: String::new() };
            let order = AuditOrder {
                instance: instance.clone(),
                gold: Some(gold.clone()),
                image: image.clone(),
                digest: stored.id,
            };
            let certificate = audit(Some(&images), order).await?;
            certificates.keep(&certificate)?;
            count += 1;
            alarms += certificate.alarms().count();
            bytes += certificate.seen.bytes;
            seconds += certificate.seconds;
            for _ in 0..CHECKS {
                let begun = Instant::now();
                gate.admit(&provider, &image, (&instance, Some(&gold))).await?;
                checks.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            let gigabytes = certificate.seen.bytes as f64 / 1e9;
            writeln!(
                out,
                "{:<36} {gigabytes:.2} GB {:>5.1} s {:>5.1} s a GB, {} findings, {} alarms",
                instance.instance_id,
                certificate.seconds,
                certificate.seconds / gigabytes,
                certificate.findings.len(),
                certificate.alarms().count(),
            )?;
        }
    }
    checks.sort_by(f64::total_cmp);
    let middle = checks.get(checks.len() / 2).copied().unwrap_or_default();
    let last = checks.last().copied().unwrap_or_default();
    writeln!(out, "{alarms} alarms over {count} images, {:.1} s a GB", seconds / (bytes as f64 / 1e9))?;
    writeln!(
        out,
        "the check at the start of an episode: {middle:.2} ms at the median, {last:.2} ms at most of {}",
        checks.len()
    )?;
    Ok(())
}
