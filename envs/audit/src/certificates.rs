//! Where certificates are kept, and found again at each episode's start.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use env_core::sha256;
use serde::Deserialize;

use crate::certificate::{Certificate, VERSION};

/// A folder of certificates: `<digest of the image>/<instance id>.json`.
#[derive(Debug, Clone)]
pub struct Certificates(PathBuf);

/// What every version of a certificate has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Certificates {
    /// Returns the certificates below the folder of runs.
    pub fn below(runs: &Path) -> Self {
        Self(runs.join("images").join("audit"))
    }

    /// Returns where the certificate of an image for an instance is.
    pub fn path(&self, digest: &str, instance_id: &str) -> PathBuf {
        let name = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c), "_");
        self.0
            .join(name(digest.trim_start_matches("sha256:")))
            .join(format!("{}.json", name(&instance_id.to_lowercase())))
    }

    /// Keeps a certificate, whole or not at all, and returns where.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep(&self, certificate: &Certificate) -> io::Result<PathBuf> {
        let path = self.path(&certificate.digest, &certificate.instance_id);
        let folder = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(folder).map_err(|err| named(folder, &err))?;
        let write = || {
            // Whoever may read the runs may read it.
            let readable = Permissions::from_mode(0o644);
            let mut file = tempfile::Builder::new().permissions(readable).tempfile_in(folder)?;
            serde_json::to_writer_pretty(&mut file, certificate)?;
            io::Write::write_all(&mut file, b"\n")?;
            file.persist(&path).map_err(|err| err.error)
        };
        write().map_err(|err| named(&path, &err))?;
        Ok(path)
    }

    /// Returns the certificate of an image for an instance with its own digest; `None` where there is none that still
    /// holds: of this version, for this base commit, this root of the tree and this gold patch.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub fn find(
        &self,
        digest: &str,
        (instance_id, base_commit, root): (&str, &str, &str),
        gold: Option<&str>,
    ) -> io::Result<Option<(Certificate, String)>> {
        let path = self.path(digest, instance_id);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(named(&path, &err)),
        };
        let broken = |err| io::Error::other(format!("`{}` is no certificate: {err}", path.display()));
        // One of another version may have other fields.
        let Versioned { version } = serde_json::from_slice(&text).map_err(broken)?;
        if version != VERSION {
            return Ok(None);
        }
        let certificate: Certificate = serde_json::from_slice(&text).map_err(broken)?;
        let holds = certificate.root.trim_end_matches('/') == root.trim_end_matches('/')
            && certificate.digest == digest
            && certificate.instance_id.eq_ignore_ascii_case(instance_id)
            && certificate.base_commit == base_commit
            && certificate.gold.as_deref() == gold;
        let own = sha256(&text);
        Ok(holds.then_some((certificate, own)))
    }
}

fn named(path: &Path, err: &io::Error) -> io::Error {
    io::Error::new(err.kind(), format!("`{}`: {err}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_another_version_or_root_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::below(folder.path());
        let certificate = |version: u32| {
            serde_json::json!({
                "version": version, "spotter": "1", "instance_id": "a", "base_commit": "b", "root": "/testbed",
                "image": "c", "digest": "d", "made": 0, "seconds": 0.0, "looked_for": [], "findings": [],
                "lines": {"added": 0, "distinctive": 0},
                "seen": {"files": 0, "bytes": 0, "searched": 0, "members": 0, "objects": 0},
            })
        };
        let find = |root: &str| certificates.find("d", ("a", "b", root), None).map(|found| found.is_some());
        certificates.keep(&serde_json::from_value(certificate(VERSION)).unwrap()).unwrap();
        assert!(find("/testbed").unwrap());
        assert!(!find("/other").unwrap());
        let path = certificates.path("d", "a");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        fs::write(&path, "{\"version\": 1}").unwrap();
        assert!(!find("/testbed").unwrap(), "of another version");
        fs::write(&path, format!("{{\"version\": {VERSION}}}")).unwrap();
        assert!(find("/testbed").is_err(), "it is broken");
    }
}
