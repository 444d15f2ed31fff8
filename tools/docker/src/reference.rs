//! The parts of an image's name.

use sha2::{Digest, Sha256};

/// The parts of an image's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The host of the registry, with its port.
    pub registry: String,
    /// The repository in the registry.
    pub repository: String,
    /// The tag, or the digest.
    pub version: String,
    /// Whether the name has one of these.
    pub has_version: bool,
}

impl Reference {
    /// Takes a name apart.
    pub fn parse(name: &str) -> Self {
        let (registry, rest) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            _ => ("docker.io", name),
        };
        let (repository, version) = match rest.split_once('@') {
            // A tag before a digest says nothing more.
            Some((named, digest)) => (named.split_once(':').map_or(named, |(named, _)| named), Some(digest)),
            // What has a slash after its colon is no tag.
            None => match rest.rsplit_once(':') {
                Some((named, tag)) if !tag.contains('/') => (named, Some(tag)),
                _ => (rest, None),
            },
        };
        let is_official = registry == "docker.io" && !repository.contains('/');
        Self {
            registry: registry.to_owned(),
            repository: format!("{}{repository}", if is_official { "library/" } else { "" }),
            version: version.unwrap_or("latest").to_owned(),
            has_version: version.is_some(),
        }
    }

    /// Returns whether the registry is on this machine: there, as for the engine, it needs no encryption.
    pub fn is_local(&self) -> bool {
        let host = self.registry.rsplit_once(':').map_or(self.registry.as_str(), |(host, _)| host);
        host == "localhost" || host == "[::1]" || host.starts_with("127.")
    }

    /// Returns the address of the registry.
    pub fn address(&self) -> String {
        match self.registry.as_str() {
            "docker.io" => "https://registry-1.docker.io".to_owned(),
            registry if self.is_local() => format!("http://{registry}"),
            registry => format!("https://{registry}"),
        }
    }
}

/// Returns, for each layer of an image by its hash, the lowest first, what tells it with all below it from any other.
pub fn chain(layers: &[String]) -> Vec<String> {
    let mut chain: Vec<String> = Vec::with_capacity(layers.len());
    for layer in layers {
        chain.push(match chain.last() {
            Some(below) => {
                let digest = Sha256::digest(format!("{below} {layer}"));
                format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            }
            None => layer.clone(),
        });
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let cases = [
            ("ubuntu", "docker.io", "library/ubuntu", "latest", false),
            ("swebench/sweb.eval.a_1776_b-1:v2", "docker.io", "swebench/sweb.eval.a_1776_b-1", "v2", true),
            ("docker.io/x/y:1", "docker.io", "x/y", "1", true),
            ("localhost:5000/a", "localhost:5000", "a", "latest", false),
            ("127.0.0.1:5000/a:b", "127.0.0.1:5000", "a", "b", true),
            ("ghcr.io/a/b:1@sha256:00", "ghcr.io", "a/b", "sha256:00", true),
        ];
        for (name, registry, repository, version, has_version) in cases {
            let expected = Reference {
                registry: registry.to_owned(),
                repository: repository.to_owned(),
                version: version.to_owned(),
                has_version,
            };
            assert_eq!(Reference::parse(name), expected, "{name}");
        }
        assert_eq!(Reference::parse("127.0.0.1:5000/a").address(), "http://127.0.0.1:5000");
        assert_eq!(Reference::parse("a").address(), "https://registry-1.docker.io");
    }
}
