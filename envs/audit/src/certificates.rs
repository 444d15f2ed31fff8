//! Where certificates are kept, and found again at each episode's start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::certificate::{Certificate, VERSION};

/// A folder of certificates: `<digest of the image>/<instance id>.json`.
#[derive(Debug, Clone)]
pub struct Certificates(PathBuf);

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
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, certificate)?;
        io::Write::write_all(&mut file, b"\n")?;
        file.persist(&path).map_err(|err| err.error)?;
        Ok(path)
    }

    /// Returns the certificate of an image for an instance with its own digest; `None` where there is none that still
    /// holds: of this version, for this base commit and this gold patch.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub fn find(
        &self,
        digest: &str,
        (instance_id, base_commit): (&str, &str),
        gold: Option<&str>,
    ) -> io::Result<Option<(Certificate, String)>> {
        let path = self.path(digest, instance_id);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(err),
        };
        let broken = |err| io::Error::other(format!("`{}` is no certificate: {err}", path.display()));
        let certificate: Certificate = serde_json::from_slice(&text).map_err(broken)?;
        let holds = certificate.version == VERSION
            && certificate.digest == digest
            && certificate.instance_id.eq_ignore_ascii_case(instance_id)
            && certificate.base_commit == base_commit
            && certificate.gold.as_deref() == gold;
        let own: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(holds.then_some((certificate, own)))
    }
}
