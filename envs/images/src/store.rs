//! The images that an engine holds, those of SWE-bench's naming among them, and which of these are of use.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use docker::{Images, StoredImage};
use serde::Serialize;

/// The label that names what an image was made from and by.
pub(crate) const RECIPE: &str = "spotter.recipe";
/// The label that names the commit that a solver starts from.
pub(crate) const COMMIT: &str = "spotter.base_commit";
/// The label that names the instance of an image.
pub(crate) const INSTANCE: &str = "spotter.instance_id";

/// All images of an engine, the oldest first.
pub struct ImageStore(Vec<StoredImage>);

/// An image of SWE-bench's naming, by one of its names.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// The name.
    pub image: String,
    /// `base`, `env` or `eval`.
    pub kind: &'static str,
    /// The instance of an `eval`.
    pub instance_id: Option<String>,
    /// Bytes that no older image of the engine has.
    pub own_bytes: u64,
    /// The other bytes.
    pub shared_bytes: u64,
    /// How long ago it was made.
    pub age_seconds: u64,
    #[serde(skip)]
    layers: Vec<String>,
}

/// Which images are of no use.
#[derive(Debug, Clone, Default)]
pub struct Unused {
    /// All of them.
    pub all: bool,
    /// Base and environment images that no instance image stands on.
    pub environments: bool,
    /// Instance images of no instance with such an id, in lower case.
    pub of_others: Option<BTreeSet<String>>,
    /// Only images that were made longer ago.
    pub older_than: Option<Duration>,
    /// Only images with this after the colon of their names.
    pub tag: Option<String>,
}

impl ImageStore {
    /// Asks the engine for its images.
    pub async fn read(images: &Images) -> anyhow::Result<Self> {
        Ok(Self(images.list().await?))
    }

    /// Returns the images of SWE-bench's naming.
    pub fn listed(&self) -> Vec<Listed> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut known = HashSet::new();
        let mut listed = Vec::new();
        for image in &self.0 {
            let own_bytes = image.parts.iter().filter(|part| known.insert(part.key)).map(|part| part.bytes).sum();
            listed.extend(image.names.iter().filter_map(|name| describe(image, name, own_bytes, now)));
        }
        listed
    }

    /// Returns the bytes that are free again once the images have lost these names.
    pub fn freed(&self, names: &BTreeSet<&str>) -> u64 {
        let goes = |image: &&StoredImage| {
            !image.names.is_empty() && image.names.iter().all(|name| names.contains(name.as_str()))
        };
        let (going, staying): (Vec<&StoredImage>, Vec<&StoredImage>) = self.0.iter().partition(goes);
        let needed: HashSet<u64> = staying.iter().flat_map(|image| &image.parts).map(|part| part.key).collect();
        let freed: HashMap<u64, u64> =
            going.iter().flat_map(|image| &image.parts).map(|part| (part.key, part.bytes)).collect();
        freed.iter().filter(|(key, _)| !needed.contains(key)).map(|(_, bytes)| bytes).sum()
    }
}

fn describe(image: &StoredImage, name: &str, own_bytes: u64, now: u64) -> Option<Listed> {
    let (kind, rest) = parse(name)?;
    let of_label = || image.labels.get(INSTANCE).cloned();
    let of_name = || rest.replace("_1776_", "__").replace("_s_", "__");
    Some(Listed {
        image: name.to_owned(),
        kind,
        instance_id: (kind == "eval").then(|| of_label().unwrap_or_else(of_name)),
        own_bytes,
        shared_bytes: image.parts.iter().map(|part| part.bytes).sum::<u64>().saturating_sub(own_bytes),
        age_seconds: now.saturating_sub(u64::try_from(image.created).unwrap_or_default()),
        layers: image.layers.clone(),
    })
}

/// Returns the kind of an image of SWE-bench's naming, and the rest of its name: `sweb.<kind>.<arch>.<rest>:<tag>`.
fn parse(name: &str) -> Option<(&'static str, &str)> {
    let last = name.rsplit('/').next()?;
    let last = last.rsplit_once(':').map_or(last, |(last, _)| last);
    let mut parts = last.strip_prefix("sweb.")?.splitn(3, '.');
    let kind = parts.next()?;
    let kind = ["base", "env", "eval"].into_iter().find(|known| *known == kind)?;
    parts.next().filter(|arch| ["x86_64", "arm64"].contains(arch))?;
    Some((kind, parts.next().unwrap_or_default()))
}

impl Unused {
    /// Returns the images that are of no use, in the order in which they can be removed.
    pub fn pick<'a>(&self, stored: &'a [Listed]) -> Vec<&'a Listed> {
        let (instances, below): (Vec<&Listed>, Vec<&Listed>) = stored.iter().partition(|one| one.kind == "eval");
        let (mut picked, mut kept): (Vec<&Listed>, Vec<&Listed>) =
            instances.into_iter().partition(|one| self.may(one) && self.wants_instance(one));
        let (mut unneeded, young): (Vec<&Listed>, Vec<&Listed>) =
            below.into_iter().partition(|one| self.may(one) && (self.environments || self.wants_whole()));
        kept.extend(young);
        unneeded.retain(|one| !kept.iter().any(|above| above.layers.starts_with(&one.layers)));
        unneeded.sort_by_key(|one| std::cmp::Reverse(one.layers.len()));
        picked.extend(unneeded);
        picked
    }

    fn may(&self, one: &Listed) -> bool {
        let tag = one.image.rsplit_once(':').map(|(_, tag)| tag);
        self.older_than.is_none_or(|age| one.age_seconds >= age.as_secs())
            && self.tag.as_deref().is_none_or(|wanted| tag == Some(wanted))
    }

    fn wants_instance(&self, one: &Listed) -> bool {
        let is_of_other = match (&self.of_others, &one.instance_id) {
            (Some(ids), Some(id)) => !ids.contains(&id.to_lowercase()),
            _ => false,
        };
        self.wants_whole() || is_of_other
    }

    /// Returns whether images of every kind are meant: when neither of the kinds is named.
    fn wants_whole(&self) -> bool {
        self.all || (self.of_others.is_none() && !self.environments)
    }
}

#[cfg(test)]
mod tests {
    use docker::Part;

    use super::*;

    const TWO: &str = "docker.io/x/sweb.eval.x86_64.o_s_r-2:latest";

    /// Returns an image of 10 bytes a layer.
    fn image(name: &str, layers: &[&str], created: i64) -> StoredImage {
        let part = |layer: &&str| Part { key: u64::from(layer.as_bytes()[0]), bytes: 10 };
        StoredImage {
            names: vec![name.to_owned()],
            created,
            layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
            parts: layers.iter().map(part).collect(),
            ..StoredImage::default()
        }
    }

    fn store() -> ImageStore {
        ImageStore(vec![
            image("debian:12", &["o"], 50),
            image("sweb.base.x86_64:latest", &["o", "a"], 100),
            image("sweb.env.x86_64.1:latest", &["o", "a", "b"], 200),
            image("sweb.env.x86_64.2:latest", &["o", "a", "c"], 300),
            image("sweb.eval.x86_64.o__r-1:latest", &["o", "a", "b", "d"], 400),
            image(TWO, &["z", "y"], 500),
            image("docker.io/x/sweb.eval.x86_64.o_s_r-3:other", &["z", "x"], 600),
        ])
    }

    fn check(unused: &Unused, expected: &[&str]) {
        let mut stored = store().listed();
        for one in &mut stored {
            let image = store().0.into_iter().find(|image| image.names[0] == one.image).unwrap();
            one.age_seconds = 1000 - image.created as u64;
        }
        let picked: Vec<&str> = unused.pick(&stored).iter().map(|one| one.image.as_str()).collect();
        assert_eq!(picked, expected, "{unused:?}");
    }

    #[test]
    fn only_images_of_the_listed_are_known() {
        assert_eq!(parse("swebench/sweb.eval.x86_64.a_1776_b-1:latest"), Some(("eval", "a_1776_b-1")));
        assert_eq!(parse("host:5000/sweb.base.arm64:t"), Some(("base", "")));
        for other in ["ubuntu:22.04", "sweb.eval.riscv.a:latest", "sweb.other.x86_64.a:1", "my-sweb.env.x86_64.a:1"] {
            assert_eq!(parse(other), None, "{other}");
        }
        let listed = store().listed();
        let ids: Vec<Option<&str>> = listed.iter().map(|one| one.instance_id.as_deref()).collect();
        assert_eq!(ids, [None, None, None, Some("o__r-1"), Some("o__r-2"), Some("o__r-3")]);
    }

    #[test]
    fn each_byte_is_counted_once_whatever_it_is_shared_with() {
        let mut store = store();
        let bytes =
            |store: &ImageStore| store.listed().iter().map(|one| (one.own_bytes, one.shared_bytes)).collect::<Vec<_>>();
        assert_eq!(bytes(&store), [(10, 10), (10, 20), (10, 20), (10, 30), (20, 0), (10, 10)]);
        let freed = |store: &ImageStore, names: &[&str]| store.freed(&names.iter().copied().collect());
        // The layer that the other one shares stays.
        assert_eq!(freed(&store, &[TWO]), 10);
        assert_eq!(freed(&store, &[TWO, "docker.io/x/sweb.eval.x86_64.o_s_r-3:other"]), 30);
        assert_eq!(freed(&store, &["sweb.base.x86_64:latest"]), 0, "others stand on it");
        store.0[5].names.push("mine:1".to_owned());
        assert_eq!(freed(&store, &[TWO]), 0, "it has another name");
    }

    #[test]
    fn what_others_stand_on_stays() {
        let (one, three) = ("sweb.eval.x86_64.o__r-1:latest", "docker.io/x/sweb.eval.x86_64.o_s_r-3:other");
        let (env_one, env_two, base) =
            ("sweb.env.x86_64.1:latest", "sweb.env.x86_64.2:latest", "sweb.base.x86_64:latest");
        let none = Unused::default();
        check(&Unused { all: true, ..none.clone() }, &[one, TWO, three, env_one, env_two, base]);
        check(&Unused { environments: true, ..none.clone() }, &[env_two]);
        let ids = BTreeSet::from(["o__r-1".to_owned()]);
        check(&Unused { of_others: Some(ids.clone()), ..none.clone() }, &[TWO, three]);
        check(&Unused { of_others: Some(ids), environments: true, ..none.clone() }, &[TWO, three, env_two]);
        check(&Unused { tag: Some("other".to_owned()), ..none.clone() }, &[three]);
    }

    #[test]
    fn what_is_young_stays_and_what_it_stands_on() {
        let older = |seconds| Unused { older_than: Some(Duration::from_secs(seconds)), ..Unused::default() };
        let (one, env_one, base) =
            ("sweb.eval.x86_64.o__r-1:latest", "sweb.env.x86_64.1:latest", "sweb.base.x86_64:latest");
        check(&older(550), &[one, env_one, "sweb.env.x86_64.2:latest", base]);
        check(&older(650), &["sweb.env.x86_64.2:latest"]);
        check(&older(750), &[]);
        // The second environment is too young to go, so the base stays for it.
        check(&Unused { environments: true, ..older(850) }, &[]);
    }
}
