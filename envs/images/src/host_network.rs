//! What a build takes over from this machine while it runs: the way to its package index.
//!
//! Settings travel as variables of single steps and files in one mounted folder, so that no image keeps them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use grading::read_given;

/// Where a build sees the folder that it shares with this machine.
pub(crate) const SHARE: &str = "/mnt";

const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "no_proxy", "all_proxy"];
const CERTIFICATES: [&str; 6] =
    ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS"];
/// Where systems keep the certificates that they trust.
const BUNDLES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];
/// What names places of this machine, or is about this machine's pip alone.
const OWN_PIP_KEYS: [&str; 6] =
    ["PIP_CERT", "PIP_CACHE_DIR", "PIP_FIND_LINKS", "PIP_CONFIG_FILE", "PIP_TARGET", "PIP_USER"];

/// Variables and mounts that give a build this machine's way to its package index.
#[derive(Debug, Clone, Default)]
pub struct HostNetwork {
    /// The variables.
    pub variables: BTreeMap<String, String>,
    /// The mounts, as `<here>:<there>`.
    pub mounts: Vec<String>,
}

impl HostNetwork {
    /// Puts what builds need into the folder `share`; `variables` is the environment of this process.
    pub fn open(share: &Path, variables: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        fs::create_dir_all(share).with_context(|| format!("cannot create the folder `{}`", share.display()))?;
        let share = share.canonicalize()?;
        let settings = pip_settings(variables)?;
        let mut passed: BTreeMap<String, String> =
            settings.iter().filter(|(key, _)| !OWN_PIP_KEYS.contains(&key.as_str())).map(owned).collect();
        // What pip is told, uv would not know.
        for (key, of_uv) in [("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), ("PIP_EXTRA_INDEX_URL", "UV_INDEX")] {
            passed.extend(settings.get(key).map(|value| (of_uv.to_owned(), value.clone())));
        }
        let is_of_uv =
            |key: &str| key.starts_with("UV_") && (key.contains("INDEX") || key == "UV_PYTHON_INSTALL_MIRROR");
        passed.extend(variables.iter().filter(|(key, _)| is_of_uv(key)).map(owned));
        for (key, place) in [("PIP_CACHE_DIR", "pip-cache"), ("UV_CACHE_DIR", "uv-cache")] {
            passed.insert(key.to_owned(), format!("{SHARE}/{place}"));
        }
        let fixed =
            [("PIP_ROOT_USER_ACTION", "ignore"), ("PIP_DISABLE_PIP_VERSION_CHECK", "1"), ("UV_LINK_MODE", "copy")];
        passed.extend(fixed.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let is_proxy = |key: &str| PROXIES.contains(&key.to_lowercase().as_str());
        passed.extend(variables.iter().filter(|(key, _)| is_proxy(key)).map(owned));
        let named = CERTIFICATES.iter().filter_map(|key| settings.get(*key).or_else(|| variables.get(*key)));
        let mut bundles = named.map(String::as_str).chain(BUNDLES);
        if let Some(bundle) = bundles.find(|path| Path::new(path).is_file()) {
            let copy = share.join("certificates.pem");
            fs::copy(bundle, &copy).with_context(|| format!("cannot copy `{bundle}` to `{}`", copy.display()))?;
            passed.extend(CERTIFICATES.map(|key| (key.to_owned(), format!("{SHARE}/certificates.pem"))));
        }
        let mut mounts = vec![format!("{}:{SHARE}", share.display())];
        let links = link_folders(settings.get("PIP_FIND_LINKS").map(String::as_str).unwrap_or_default());
        for (index, folder) in links.iter().enumerate() {
            let place = format!("{SHARE}/links{index}");
            mounts.push(format!("{}:{place}:ro", folder.display()));
            passed.entry("PIP_FIND_LINKS".to_owned()).and_modify(|all| *all += &format!(" {place}")).or_insert(place);
        }
        Ok(Self { variables: passed, mounts })
    }
}

fn owned((key, value): (&String, &String)) -> (String, String) {
    (key.clone(), value.clone())
}

/// Returns pip's settings as variables: its files first, the environment last.
fn pip_settings(variables: &BTreeMap<String, String>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files: Vec<PathBuf> = ["/etc/xdg/pip/pip.conf", "/etc/pip.conf"].map(PathBuf::from).into();
    if let Some(home) = variables.get("HOME") {
        files.extend([".pip/pip.conf", ".config/pip/pip.conf"].map(|name| Path::new(home).join(name)));
    }
    files.extend(variables.get("PIP_CONFIG_FILE").filter(|file| *file != "/dev/null").map(PathBuf::from));
    let mut settings = BTreeMap::new();
    for file in files {
        settings.extend(parse_pip_conf(&read_given(&file)?.unwrap_or_default()));
    }
    settings.extend(variables.iter().filter(|(key, _)| key.starts_with("PIP_")).map(owned));
    Ok(settings)
}

/// Reads the sections of a `pip.conf` that hold for an installation.
fn parse_pip_conf(text: &str) -> Vec<(String, String)> {
    let (mut section, mut settings): (&str, Vec<(String, String)>) = ("", Vec::new());
    for line in text.lines().filter(|line| !line.trim_start().starts_with(['#', ';'])) {
        if let Some(name) = line.trim().strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if !["global", "install"].contains(&section) || line.trim().is_empty() {
            continue;
        } else if line.starts_with([' ', '\t']) {
            // A value continues over indented lines.
            if let Some((_, value)) = settings.last_mut() {
                *value = format!("{value} {}", line.trim()).trim().to_owned();
            }
        } else if let Some((key, value)) = line.split_once(['=', ':']) {
            let key = format!("PIP_{}", key.trim().to_uppercase().replace('-', "_"));
            settings.push((key, value.trim().to_owned()));
        }
    }
    settings
}

/// Returns the local folders of `find-links` that hold anything.
fn link_folders(links: &str) -> Vec<PathBuf> {
    let local = links.split_whitespace().map(|link| link.strip_prefix("file://").unwrap_or(link));
    let folders = local.filter(|link| !link.contains("://")).filter_map(|link| Path::new(link).canonicalize().ok());
    folders.filter(|path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_pip_reach_a_build_and_places_of_this_machine_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let conf = folder.path().join("pip.conf");
        fs::write(&conf, "[global]\n# no\nindex-url = https://host/simple\nextra-index-url =\n    https://a\n    https://b\n[list]\nformat=json\n").unwrap();
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let variables = [
            ("PIP_CONFIG_FILE", text(&conf)),
            ("PIP_TIMEOUT", "9".to_owned()),
            ("UV_INDEX", "https://c".to_owned()),
            ("UV_PYTHON_INSTALL_MIRROR", "https://mirror".to_owned()),
            ("PIP_CACHE_DIR", "/here".to_owned()),
            ("PIP_CERT", text(&conf)),
            ("HTTPS_PROXY", "http://proxy".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ];
        let variables = variables.map(|(key, value)| (key.to_owned(), value)).into();
        let network = HostNetwork::open(&folder.path().join("share"), &variables).unwrap();
        let get = |key: &str| network.variables.get(key).map(String::as_str);
        assert_eq!(get("PIP_INDEX_URL"), Some("https://host/simple"));
        assert_eq!(get("PIP_EXTRA_INDEX_URL"), Some("https://a https://b"));
        assert_eq!(get("PIP_TIMEOUT"), Some("9"));
        assert_eq!(get("UV_DEFAULT_INDEX"), Some("https://host/simple"));
        assert_eq!(get("UV_INDEX"), Some("https://c"), "what uv is told wins");
        assert_eq!(get("UV_PYTHON_INSTALL_MIRROR"), Some("https://mirror"));
        assert_eq!(get("PIP_CACHE_DIR"), Some("/mnt/pip-cache"));
        assert_eq!(get("PIP_CERT"), Some("/mnt/certificates.pem"));
        assert_eq!(get("HTTPS_PROXY"), Some("http://proxy"));
        assert!(!network.variables.values().any(|value| value.contains("secret") || value == "json"));
        assert!(folder.path().join("share/certificates.pem").is_file());
    }
}
