//! `images audit`: finds in images what would tell a solver the answer.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use audit::{Certificate, Certificates, digest_of_files};
use clap::Args;
use dataset::select;
use docker::Images;
use env_core::{Environment, Instance, Patch};
use images::{AuditOrder, Pool, audit};
use runner::engine::Events;
use runner::environments::{Providers, open};
use runner::{Plugs, Resolved};
use serde_json::json;
use tool_core::{Image, Source};

use crate::commands::engine::{ImagePool, engine};
use crate::console::say;
use crate::failed::Failed;
use crate::output::print;
use crate::settings::{Picked, Settings, workers};

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The instances' ids; none for all of the dataset.
    instances: Vec<String>,
    #[command(flatten)]
    picked: Picked,
    /// How many images are audited at once.
    #[arg(short, long, default_value_t = 1, value_parser = workers, allow_negative_numbers = true)]
    workers: usize,
    /// Audits images whose certificate still holds.
    #[arg(long)]
    force: bool,
    /// Prints the certificates, one JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// What came of one instance.
struct Audit {
    instance_id: String,
    /// The certificate, and whether it was there before.
    result: anyhow::Result<(Certificate, bool)>,
}

/// What all audits of a command share.
struct Audits {
    environment: Arc<dyn Environment>,
    images: Option<Images>,
    certificates: Certificates,
    force: bool,
}

pub(crate) async fn run(plugs: &Plugs, args: AuditArgs, providers: &Providers) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings.layered(), &args.instances).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let all = environment.instances();
    let chosen = select(all, &args.picked.of(&args.instances)).map_err(|err| Failed::Usage(err.into()))?;
    let chosen: Vec<Instance> = chosen.into_iter().filter_map(|place| all.get(place).cloned()).collect();
    let needs_engine = chosen.iter().any(|instance| environment.image(instance).is_some());
    let images = if needs_engine { Some(super::connect().await?) } else { None };
    let certificates = Certificates::below(&resolved.config.runs);
    let audits = Arc::new(Audits { environment, images, certificates, force: args.force });
    let pool = ImagePool(engine(&resolved, providers, Events::default(), args.workers));
    let items = chosen.into_iter().map(|instance| (instance.instance_id.clone(), instance)).collect();
    let made = pool.each(items, move |instance: Instance| {
        let audits = audits.clone();
        async move {
            let instance_id = instance.instance_id.clone();
            let result = audits.of(instance).await;
            say(&said(&instance_id, &result));
            Audit { instance_id, result }
        }
    });
    let made: Vec<Audit> = made.await?;
    print(&made.iter().map(|audit| if args.json { audit.json() } else { audit.text() }).collect::<String>())?;
    let certified = || made.iter().filter_map(|audit| audit.result.as_ref().ok());
    let leaky = certified().filter(|(certificate, _)| certificate.alarms().next().is_some()).count();
    let failed = made.len() - certified().count();
    say(&format!("{} images audited, {leaky} with leaks, {failed} could not be audited", made.len() - failed));
    Ok(ExitCode::from(u8::from(leaky + failed > 0)))
}

impl Audits {
    /// Audits the image of an instance, unless its certificate still holds.
    async fn of(&self, instance: Instance) -> anyhow::Result<(Certificate, bool)> {
        let image = self.image(&instance)?;
        let digest = match (&image.source, &self.images) {
            (Source::Container { name, .. }, Some(images)) => {
                let found = images.find(name).await?;
                let hint = format!("hint: `spotter images pull {}`, or `images build`", instance.instance_id);
                found.with_context(|| format!("the image `{name}` is not here\n{hint}"))?.id
            }
            (Source::Files(files), _) => digest_of_files(files),
            _ => bail!("it has no image that can be read"),
        };
        let gold = self.environment.gold(&instance);
        if !self.force {
            let of = (instance.instance_id.as_str(), instance.base_commit.as_str(), image.root.as_str());
            let own = gold.as_ref().map(Patch::digest);
            if let Ok(Some((certificate, _))) = self.certificates.find(&digest, of, own.as_deref()) {
                return Ok((certificate, true));
            }
        }
        let certificate = audit(self.images.as_ref(), AuditOrder { instance, gold, image, digest }).await?;
        let path = self.certificates.keep(&certificate).context("the certificate cannot be written")?;
        tracing::debug!("the certificate is `{}`", path.display());
        Ok((certificate, false))
    }

    /// Returns what the sandboxes of an instance are started from.
    fn image(&self, instance: &Instance) -> anyhow::Result<Image> {
        match self.environment.image(instance) {
            Some(image) => Ok(image.clone()),
            // Not a container's: files that the environment holds.
            None => Ok(self.environment.verifier(instance).context("it has no image that can be read")?.image),
        }
    }
}

/// Returns a line for a person who waits.
fn said(instance_id: &str, result: &anyhow::Result<(Certificate, bool)>) -> String {
    match result {
        Ok((certificate, was_there)) => {
            let alarms = certificate.alarms().count();
            let what = if alarms == 0 { "clean".to_owned() } else { format!("{alarms} leaks") };
            let how =
                if *was_there { "as certified before".to_owned() } else { format!("{:.1} s", certificate.seconds) };
            format!("{instance_id}: {what} ({how})")
        }
        Err(err) => format!("{instance_id}: {err:#}"),
    }
}

impl Audit {
    fn json(&self) -> String {
        let line = match &self.result {
            Ok((certificate, _)) => json!(certificate),
            Err(err) => json!({"instance_id": self.instance_id, "error": format!("{err:#}")}),
        };
        format!("{line}\n")
    }

    fn text(&self) -> String {
        let id = &self.instance_id;
        let Ok((certificate, _)) = &self.result else { return format!("{id}  could not be audited\n") };
        let alarms = certificate.alarms().count();
        let lines = certificate.lines;
        let mut text = format!(
            "{id}  {}  {:.2} GB in {:.1} s, {} of {} lines of the gold patch are distinctive\n",
            if alarms == 0 { "clean".to_owned() } else { format!("{alarms} leaks") },
            certificate.seen.bytes as f64 / 1e9,
            certificate.seconds,
            lines.distinctive,
            lines.added,
        );
        for finding in &certificate.findings {
            let mark = match &finding.excused {
                None if finding.removable => "leak".to_owned(),
                None => "leak, not safely removable".to_owned(),
                Some(why) => format!("no alarm, as {why}"),
            };
            text += &format!("  {}  {}  {}  ({mark})\n", finding.kind, finding.path, finding.evidence.join("; "));
        }
        text
    }
}
