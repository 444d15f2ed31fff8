//! Audits an image for an instance.

use std::io::ErrorKind;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use audit::{Base, Certificate, Gold, Kind, Scan, VERSION};
use docker::{Frozen, Images};
use env_core::{Instance, Patch};
use tokio::task::spawn_blocking;
use tool_core::{Image, Source};

/// What an image is audited for.
#[derive(Debug, Clone)]
pub struct AuditOrder {
    /// The instance.
    pub instance: Instance,
    /// Its gold patch, which stays outside of the image.
    pub gold: Option<Patch>,
    /// What its sandboxes are started from.
    pub image: Image,
    /// Digest of the image.
    pub digest: String,
}

/// Reads all files of an image, of which nothing runs, and certifies what was found.
///
/// # Errors
/// When the image is not here or cannot be read to its end.
pub async fn audit(images: Option<&Images>, order: AuditOrder) -> anyhow::Result<Certificate> {
    let started = Instant::now();
    let scanned = match &order.image.source {
        Source::Container { platform, .. } => {
            let images = images.context("there is no engine to ask for the image")?;
            // By its digest: the name may lead to another one meanwhile.
            let frozen = images.frozen(&order.digest, platform.as_deref()).await?;
            let scanned = of_container(&frozen, &order).await;
            frozen.remove().await?;
            scanned?
        }
        Source::Files(files) => {
            let gold = Gold::new(order.gold.as_ref());
            let mut scan = Scan::new(Base::of_files(files), &gold, &order.image.root, &order.instance.instance_id);
            for (path, contents) in files {
                let path = format!("{}/{path}", order.image.root);
                scan.file(&path, contents.len() as u64, &mut contents.as_slice())?;
            }
            scan.finish()
        }
        Source::Directory(path) => bail!("`{}` is no image", path.display()),
    };
    let (findings, lines, seen) = scanned;
    let image = match order.image.source {
        Source::Container { name, .. } => name,
        _ => "files".to_owned(),
    };
    Ok(Certificate {
        version: VERSION,
        spotter: env!("CARGO_PKG_VERSION").to_owned(),
        instance_id: order.instance.instance_id,
        base_commit: order.instance.base_commit,
        root: order.image.root,
        image,
        digest: order.digest,
        gold: order.gold.as_ref().map(Patch::digest),
        made: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
        seconds: started.elapsed().as_secs_f64(),
        looked_for: Kind::ALL.to_vec(),
        lines,
        seen,
        findings,
    })
}

type Scanned = (Vec<audit::Finding>, audit::Lines, audit::Seen);

async fn of_container(frozen: &Frozen, order: &AuditOrder) -> anyhow::Result<Scanned> {
    let root = order.image.root.trim_end_matches('/').to_owned();
    let (git, tree) = (frozen.part(&format!("{root}/.git")), frozen.part(&root));
    let (all, order) = (frozen.all(), order.clone());
    let scanned = spawn_blocking(move || {
        let base = match Base::of_repository(git, &order.instance.base_commit) {
            Err(err) if err.kind() == ErrorKind::NotFound => Base::of_tree(tree),
            base => base,
        };
        let base = base.with_context(|| format!("cannot read the repository at `{root}`"))?;
        let gold = Gold::new(order.gold.as_ref());
        let mut scan = Scan::new(base, &gold, &root, &order.instance.instance_id);
        scan.tar(all).context("the image could not be read to its end")?;
        Ok(scan.finish())
    });
    scanned.await.map_err(|err| anyhow!("the audit was interrupted: {err}"))?
}
