//! The images of the family that an engine holds, and which of them are of use.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sandbox::{Images, StoredImage};
use serde::Serialize;

/// The label that names what an image was made from and by.
pub(crate) const RECIPE: &str = "spotter.recipe";
/// The label that names the commit that a solver starts from.
pub(crate) const COMMIT: &str = "spotter.base_commit";
/// The label that names the instance of an image.
pub(crate) const INSTANCE: &str = "spotter.instance_id";

/// An image of the family.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Stored {
    pub(crate) image: String,
    /// `base`, `env` or `eval`.
    pub(crate) kind: &'static str,
    pub(crate) instance_id: Option<String>,
    /// Bytes of the layers that no smaller image of the family has.
    pub(crate) own_bytes: u64,
    pub(crate) shared_bytes: u64,
    pub(crate) age_seconds: u64,
    #[serde(skip)]
    layers: Vec<String>,
}

/// Which images are of no use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unused {
    pub(crate) all: bool,
    /// Base and environment images that no instance image stands on.
    pub(crate) environments: bool,
    /// Instance images of no instance with such an id, in lower case.
    pub(crate) of_others: Option<BTreeSet<String>>,
    pub(crate) older_than: Option<Duration>,
}

/// Returns the kind of an image of the family, and the rest of its name: `sweb.<kind>.<arch>.<rest>:<tag>`.
fn parse(name: &str) -> Option<(&'static str, &str)> {
    let last = name.rsplit('/').next()?;
    let last = last.rsplit_once(':').map_or(last, |(last, _)| last);
    let mut parts = last.strip_prefix("sweb.")?.splitn(3, '.');
    let kind = parts.next()?;
    let kind = ["base", "env", "eval"].into_iter().find(|known| *known == kind)?;
    parts.next().filter(|arch| ["x86_64", "arm64"].contains(arch))?;
    Some((kind, parts.next().unwrap_or_default()))
}

/// Returns the images of the family, the oldest first.
pub(crate) async fn list(images: &Images) -> anyhow::Result<Vec<Stored>> {
    let found = images.list(|name| parse(name).is_some()).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(found.iter().flat_map(|image| describe(image, &found, now)).collect())
}

fn describe(image: &StoredImage, all: &[StoredImage], now: u64) -> Vec<Stored> {
    let below =
        |other: &&StoredImage| other.layers.len() < image.layers.len() && image.layers.starts_with(&other.layers);
    let shared_bytes = all.iter().filter(below).map(|other| other.size).max().unwrap_or_default();
    let each = image.names.iter().filter_map(|name| {
        let (kind, rest) = parse(name)?;
        let of_label = || image.labels.get(INSTANCE).cloned();
        let of_name = || rest.replace("_1776_", "__").replace("_s_", "__");
        Some(Stored {
            image: name.clone(),
            kind,
            instance_id: (kind == "eval").then(|| of_label().unwrap_or_else(of_name)),
            own_bytes: image.size.saturating_sub(shared_bytes),
            shared_bytes,
            age_seconds: now.saturating_sub(u64::try_from(image.created).unwrap_or_default()),
            layers: image.layers.clone(),
        })
    });
    each.collect()
}

impl Unused {
    /// Returns the images that are of no use, in the order in which they can be removed.
    pub(crate) fn pick<'a>(&self, stored: &'a [Stored]) -> Vec<&'a Stored> {
        let is_old = |one: &Stored| self.older_than.is_none_or(|age| one.age_seconds >= age.as_secs());
        let of_other = |one: &Stored| match (&self.of_others, &one.instance_id) {
            (Some(ids), Some(id)) => !ids.contains(&id.to_lowercase()),
            _ => false,
        };
        let (instances, below): (Vec<&Stored>, Vec<&Stored>) = stored.iter().partition(|one| one.kind == "eval");
        let whole = self.all || (self.of_others.is_none() && !self.environments);
        let (mut picked, kept): (Vec<&Stored>, Vec<&Stored>) =
            instances.into_iter().partition(|one| is_old(one) && (whole || of_other(one)));
        if whole || self.environments {
            let mut below: Vec<&Stored> = below.into_iter().filter(|one| is_old(one)).collect();
            below.retain(|one| !kept.iter().any(|instance| instance.layers.starts_with(&one.layers)));
            below.sort_by_key(|one| std::cmp::Reverse(one.layers.len()));
            picked.extend(below);
        }
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(image: &str, layers: &[&str], age_seconds: u64) -> Stored {
        let image = StoredImage {
            names: vec![image.to_owned()],
            size: 10 * layers.len() as u64,
            created: 1000 - age_seconds as i64,
            layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
            ..StoredImage::default()
        };
        describe(&image, &[], 1000).remove(0)
    }

    fn check(unused: &Unused, expected: &[&str]) {
        let all = [
            stored("sweb.base.x86_64:latest", &["a"], 900),
            stored("sweb.env.x86_64.1:latest", &["a", "b"], 800),
            stored("sweb.env.x86_64.2:latest", &["a", "c"], 700),
            stored("sweb.eval.x86_64.o__r-1:latest", &["a", "b", "d"], 600),
            stored("docker.io/x/sweb.eval.x86_64.o_s_r-2:latest", &["z"], 500),
        ];
        let picked: Vec<&str> = unused.pick(&all).iter().map(|one| one.image.as_str()).collect();
        assert_eq!(picked, expected);
    }

    #[test]
    fn only_images_of_the_family_are_known() {
        assert_eq!(parse("swebench/sweb.eval.x86_64.a_1776_b-1:latest"), Some(("eval", "a_1776_b-1")));
        assert_eq!(parse("host:5000/sweb.base.arm64:t"), Some(("base", "")));
        for other in ["ubuntu:22.04", "sweb.eval.riscv.a:latest", "sweb.other.x86_64.a:1", "my-sweb.env.x86_64.a:1"] {
            assert_eq!(parse(other), None, "{other}");
        }
        let ids = [
            stored("x/sweb.eval.x86_64.a_s_b-1:latest", &[], 0).instance_id,
            stored("sweb.env.x86_64.1:a", &[], 0).instance_id,
        ];
        assert_eq!(ids, [Some("a__b-1".to_owned()), None]);
    }

    #[test]
    fn what_others_stand_on_stays() {
        let (one, two) = ("sweb.eval.x86_64.o__r-1:latest", "docker.io/x/sweb.eval.x86_64.o_s_r-2:latest");
        let (env_one, env_two, base) =
            ("sweb.env.x86_64.1:latest", "sweb.env.x86_64.2:latest", "sweb.base.x86_64:latest");
        check(&Unused { all: true, ..Unused::default() }, &[one, two, env_one, env_two, base]);
        check(&Unused { environments: true, ..Unused::default() }, &[env_two]);
        let ids = BTreeSet::from(["o__r-1".to_owned()]);
        check(&Unused { of_others: Some(ids.clone()), ..Unused::default() }, &[two]);
        check(&Unused { of_others: Some(ids), environments: true, ..Unused::default() }, &[two, env_two]);
        check(
            &Unused { older_than: Some(Duration::from_secs(550)), ..Unused::default() },
            &[one, env_one, env_two, base],
        );
        check(&Unused { environments: true, older_than: Some(Duration::from_secs(750)), ..Unused::default() }, &[]);
    }
}
