//! An image in memory, with a repository that git itself has made.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use audit::{Base, Finding, Gold, Scan};
use env_core::Patch;
use tempfile::TempDir;

/// The gold patch.
pub(crate) const GOLD: &str = "diff --git a/src/shop/cart.py b/src/shop/cart.py\n--- a/src/shop/cart.py\n+++ b/src/shop/cart.py\n\
                               @@ -1,3 +1,5 @@\n def total(items, discount):\n+    if discount > MAXIMUM:\n+        raise \
                               ValueError(\"discount exceeds the maximum\")\n     price = sum(items)\n     return price\n";
/// The file before it.
pub(crate) const BEFORE: &str = "def total(items, discount):\n    price = sum(items)\n    return price\n";
/// The file after it.
pub(crate) const AFTER: &str = "def total(items, discount):\n    if discount > MAXIMUM:\n        raise \
                                ValueError(\"discount exceeds the maximum\")\n    price = sum(items)\n    return price\n";

/// An image with the tree at `/testbed`.
pub(crate) struct Tree {
    root: TempDir,
    base: String,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let tree = Self { root: tempfile::tempdir().unwrap(), base: String::new() };
        for (name, text) in [
            ("__init__.py", "from .cart import total\n"),
            ("cart.py", BEFORE),
            ("stock.py", "def stock():\n    return 3\n"),
            ("orders.py", "ORDERS = []\n"),
        ] {
            tree.write(&format!("testbed/src/shop/{name}"), text.as_bytes());
        }
        tree.git("testbed", &["init", "-q", "-b", "main"]);
        tree.git("testbed", &["add", "-A"]);
        tree.git("testbed", &["commit", "-qm", "base"]);
        let base = tree.git("testbed", &["rev-parse", "HEAD"]);
        Self { base, ..tree }
    }

    /// Makes the files as they are the base commit.
    pub(crate) fn commit(&mut self) {
        self.git("testbed", &["commit", "-qam", "base"]);
        self.base = self.git("testbed", &["rev-parse", "HEAD"]);
    }

    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn write(&self, path: &str, data: &[u8]) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    }

    pub(crate) fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "protocol.file.allow=always"]);
        let output = command.args(arguments).current_dir(self.path().join(folder)).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Makes a repository of the base commit and the fix.
    pub(crate) fn later_repository(&self, folder: &str) {
        let (from, to) = (self.path().join("testbed"), self.path().join(folder));
        self.git("testbed", &["clone", "-q", from.to_str().unwrap(), to.to_str().unwrap()]);
        self.write(&format!("{folder}/src/shop/cart.py"), AFTER.as_bytes());
        self.git(folder, &["commit", "-qam", "fix"]);
    }

    /// Audits the image with the gold patch.
    pub(crate) fn audit(&self) -> Vec<Finding> {
        let gold = Gold::new(Some(&Patch(GOLD.to_owned())));
        let base =
            Base::of_repository(archive(&self.path().join("testbed/.git"), ".git").as_slice(), &self.base).unwrap();
        let mut scan = Scan::new(base, &gold, "/testbed", "shop__shop-1");
        scan.tar(archive(self.path(), ".").as_slice()).unwrap();
        let (findings, lines, seen) = scan.finish();
        assert_eq!((lines.added, lines.distinctive), (2, 2));
        assert!(seen.files > 4, "{seen:?}");
        findings
    }
}

fn archive(folder: &Path, name: &str) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.follow_symlinks(false);
    add(&mut archive, folder, name, &mut HashMap::new());
    archive.into_inner().unwrap()
}

/// Adds what is in a folder, a file with several names once, as an engine does.
fn add(archive: &mut tar::Builder<Vec<u8>>, folder: &Path, name: &str, known: &mut HashMap<u64, String>) {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = format!("{name}/{}", path.file_name().unwrap().to_str().unwrap());
        let about = fs::symlink_metadata(&path).unwrap();
        if about.is_dir() {
            add(archive, &path, &name, known);
            continue;
        }
        match known.get(&about.ino()) {
            Some(first) => {
                let mut header = tar::Header::new_gnu();
                header.set_entry_type(tar::EntryType::Link);
                header.set_size(0);
                archive.append_link(&mut header, &name, first).unwrap();
            }
            None => {
                archive.append_path_with_name(&path, &name).unwrap();
                known.insert(about.ino(), name);
            }
        }
    }
}

/// Returns a zip archive.
pub(crate) fn zipped(members: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Returns a tar archive.
pub(crate) fn tarred(members: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}
