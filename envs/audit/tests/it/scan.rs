//! What is found, and what is not.

use std::io::Write;

use audit::{Finding, Kind};

use crate::tree::{AFTER, BEFORE, GOLD, Tree, tarred, zipped};

const STOCK: &str = "def stock():\n    return 3\n";
const INIT: &str = "from .cart import total\n";

fn later(prefix: &str) -> Vec<(String, &'static str)> {
    let files = [("__init__.py", INIT), ("cart.py", AFTER), ("stock.py", STOCK), ("orders.py", "ORDERS = []\n")];
    files.map(|(name, text)| (format!("{prefix}{name}"), text)).to_vec()
}

fn borrowed<'a>(members: &'a [(String, &'static str)]) -> Vec<(&'a str, &'a str)> {
    members.iter().map(|(name, text)| (name.as_str(), *text)).collect()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Checks that exactly these are alarms.
fn check(tree: &Tree, alarms: &[(Kind, &str)]) -> Vec<Finding> {
    let findings = tree.audit();
    let found: Vec<(Kind, &str)> =
        findings.iter().filter(|found| found.alarm).map(|found| (found.kind, found.path.as_str())).collect();
    assert_eq!(found, alarms, "{findings:#?}");
    findings
}

#[test]
fn a_clean_tree_has_no_finding() {
    assert_eq!(check(&Tree::new(), &[]), []);
}

#[test]
fn copies_are_found_however_they_are_packed() {
    let tree = Tree::new();
    let members = later("shop/");
    tree.write("w/shop.whl", &zipped(&borrowed(&members)));
    tree.write("w/a.tar.gz", &gzip(&tarred(&borrowed(&later("shop-2/src/shop/")))));
    tree.write("w/b.zst", &zstd::encode_all(&*tarred(&borrowed(&members)), 3).unwrap());
    // In each other.
    let inner = zipped(&borrowed(&members));
    let mut outer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(inner.len() as u64);
    outer.append_data(&mut header, "x/inner.zip", inner.as_slice()).unwrap();
    tree.write("w/c", &outer.into_inner().unwrap());
    for (name, text) in later("srv/shop/") {
        tree.write(&name, text.as_bytes());
    }
    for (name, text) in later("testbed/build/lib/shop/") {
        tree.write(&name, text.as_bytes());
    }
    check(
        &tree,
        &[
            (Kind::SourceCopy, "/srv/shop"),
            (Kind::BuildFolder, "/testbed/build/lib/shop"),
            (Kind::Archive, "/w/a.tar.gz"),
            (Kind::Archive, "/w/b.zst"),
            (Kind::Archive, "/w/c"),
            (Kind::Wheel, "/w/shop.whl"),
        ],
    );
}

#[test]
fn copies_of_the_base_commit_and_of_other_packages_are_no_alarm() {
    let tree = Tree::new();
    for (name, text) in later("srv/shop/") {
        tree.write(&name, if text == AFTER { BEFORE } else { text }.as_bytes());
    }
    for (name, text) in later("usr/lib/python3/site-packages/big/_vendor/shop/") {
        tree.write(&name, text.as_bytes());
    }
    tree.write("testbed/src/shop/cart.py.orig", BEFORE.as_bytes());
    tree.write("usr/src/other.patch", b"--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n-a\n+b\n");
    tree.write("usr/lib/other.py", b"if discount > 3:\n    raise ValueError(\"discount\")\n");
    let findings = check(&tree, &[]);
    let excused: Vec<&str> = findings.iter().filter_map(|found| found.excused.as_deref()).collect();
    assert_eq!(excused, ["it is as the base commit has it", "`big` brings it along"], "{findings:#?}");
}

#[test]
fn repositories_bundles_and_packs_are_known_by_their_objects() {
    let tree = Tree::new();
    tree.later_repository("opt/shop");
    tree.git("opt/shop", &["bundle", "create", "-q", "../shop.bundle", "--all"]);
    tree.git("opt", &["clone", "-q", "--bare", "shop", "bare"]);
    tree.git("opt/bare", &["repack", "-qad"]);
    let pack = std::fs::read_dir(tree.path().join("opt/bare/objects/pack")).unwrap().flatten();
    let pack = pack.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|end| end == "pack")).unwrap();
    std::fs::copy(pack, tree.path().join("opt/thing")).unwrap();
    // In an archive; of the base commit alone it tells nothing.
    for (from, to) in [("opt/shop/.git", "srv/later.tar"), ("testbed/.git", "srv/base.tar")] {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_dir_all("shop/.git", tree.path().join(from)).unwrap();
        tree.write(to, &tar.into_inner().unwrap());
    }
    // Of another project.
    tree.git("", &["init", "-q", "else"]);
    tree.write("else/readme", b"nothing of it");
    tree.git("else", &["add", "-A"]);
    tree.git("else", &["commit", "-qm", "one"]);
    check(
        &tree,
        &[
            (Kind::BareRepository, "/opt/bare"),
            (Kind::Bundle, "/opt/shop.bundle"),
            (Kind::Repository, "/opt/shop/.git"),
            (Kind::SourceCopy, "/opt/shop/src/shop"),
            (Kind::Pack, "/opt/thing"),
            (Kind::Archive, "/srv/later.tar"),
        ],
    );
}

#[test]
fn archives_behind_a_head_are_found() {
    let tree = Tree::new();
    let members = later("shop/");
    let behind = |head: &[u8], packed: &[u8]| [head, packed].concat();
    tree.write("srv/.cache/pip/http/a/b", &behind(b"cc=4,\x82\xa4body", &zipped(&borrowed(&members))));
    tree.write(
        "srv/.cache/pip/http/a/c",
        &behind(b"cc=4,\x82\xa4body", &gzip(&tarred(&borrowed(&later("s-2/shop/"))))),
    );
    tree.write("usr/bin/run", &behind(b"#!/usr/bin/env python3\n", &zipped(&borrowed(&members))));
    // One that only has the mark of an archive in its text is read as text.
    tree.write("usr/bin/speaks", format!("#!/bin/sh\necho PK\u{3}\u{4}\n{AFTER}").as_bytes());
    check(
        &tree,
        &[
            (Kind::PackageCache, "/srv/.cache/pip/http/a/b"),
            (Kind::PackageCache, "/srv/.cache/pip/http/a/c"),
            (Kind::Archive, "/usr/bin/run"),
            (Kind::GoldLines, "/usr/bin/speaks"),
        ],
    );
}

#[test]
fn what_is_left_of_the_fix_is_found() {
    let tree = Tree::new();
    let row = serde_json::json!({"instance_id": "shop__shop-1", "patch": GOLD, "FAIL_TO_PASS": []});
    tree.write("data/rows.jsonl.zst", &zstd::encode_all(row.to_string().as_bytes(), 3).unwrap());
    tree.write("home/dev/fix", GOLD.as_bytes());
    tree.write("home/dev/notes.gz", &gzip(AFTER.as_bytes()));
    tree.write("testbed/src/shop/.cart.py.swp", format!("b0VIM{AFTER}").as_bytes());
    tree.write("testbed/change.diff", b"--- a/src/shop/stock.py\n+++ b/src/shop/stock.py\n@@ -1 +1 @@\n-a\n+b\n");
    let mut code = vec![0xa7, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0, 1, 2, 3, 4, 99, 0, 0, 0];
    code.extend(b"z\x1cdiscount exceeds the maximum");
    tree.write("testbed/src/shop/__pycache__/cart.cpython-311.pyc", &code);
    tree.write("testbed/src/shop/__pycache__/gone.cpython-311.pyc", &code[..16]);
    check(
        &tree,
        &[
            (Kind::DatasetRows, "/data/rows.jsonl.zst"),
            (Kind::PatchFile, "/home/dev/fix"),
            (Kind::GoldLines, "/home/dev/notes.gz"),
            (Kind::PatchFile, "/testbed/change.diff"),
            (Kind::Backup, "/testbed/src/shop/.cart.py.swp"),
            (Kind::ByteCode, "/testbed/src/shop/__pycache__/cart.cpython-311.pyc"),
            (Kind::ByteCode, "/testbed/src/shop/__pycache__/gone.cpython-311.pyc"),
        ],
    );
}

#[test]
fn what_the_start_of_an_episode_removes_is_no_alarm() {
    let tree = Tree::new();
    tree.write("testbed/src/shop/cart.py", AFTER.as_bytes());
    tree.git("testbed", &["stash", "-q"]);
    tree.git("testbed", &["tag", "fixed", "stash@{0}"]);
    tree.write("testbed/src/shop/cart.py", AFTER.as_bytes());
    let kinds: Vec<Kind> = check(&tree, &[]).iter().map(|found| found.kind).collect();
    for kind in [Kind::Stash, Kind::Refs, Kind::Objects, Kind::ModifiedFile] {
        assert!(kinds.contains(&kind), "{kind:?} is not among {kinds:?}");
    }
}

#[test]
fn broken_files_are_noted_and_break_nothing() {
    let tree = Tree::new();
    let whole = gzip(&tarred(&borrowed(&later("shop/"))));
    for (name, data) in [
        ("a.gz", &whole[..whole.len() / 2]),
        ("b.zip", b"PK\x03\x04 and no more".as_slice()),
        ("c.pack", b"PACK\0\0\0\x02\0\0\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("d.deb", b"!<arch>\nname and no size"),
        ("e.xz", b"\xfd7zXZ\0\0\0\0\0\0\0\0\0"),
        ("f.zst", b"\x28\xb5\x2f\xfd\0\0\0"),
        ("g.bundle", b"# v2 git bundle\n"),
        ("objects/pack/pack-1.idx", b"\xfftOc\0\0\0\x02\xff\xff\xff\xff"),
        ("x.git/objects/00/00000000000000000000000000000000000000", b"\x78\x9c\0"),
    ] {
        tree.write(name, data);
    }
    // Behind them everything is still seen.
    tree.write("z/fix", GOLD.as_bytes());
    let alarms: Vec<String> = tree.audit().into_iter().filter(|found| found.alarm).map(|found| found.path).collect();
    assert!(alarms.contains(&"/z/fix".to_owned()), "{alarms:?}");
}

#[test]
fn files_are_judged_by_each_of_their_names() {
    let tree = Tree::new();
    tree.git("testbed", &["checkout", "-qb", "fix"]);
    tree.write("testbed/src/shop/cart.py", AFTER.as_bytes());
    tree.git("testbed", &["commit", "-qam", "fix"]);
    tree.git("testbed", &["checkout", "-q", "main"]);
    tree.git("", &["clone", "-q", "--bare", "testbed", "var/git/loose.git"]);
    tree.git("testbed", &["repack", "-qad"]);
    tree.git("", &["clone", "-q", "--bare", "testbed", "var/git/packed.git"]);
    tree.write("home/dev/fix.patch", GOLD.as_bytes());
    std::fs::create_dir_all(tree.path().join("srv/shop")).unwrap();
    std::fs::hard_link(tree.path().join("home/dev/fix.patch"), tree.path().join("srv/fix.patch")).unwrap();
    for (name, text) in later("home/shop/") {
        tree.write(&name, text.as_bytes());
        let (from, to) = (tree.path().join(&name), tree.path().join(name.replace("home/", "srv/")));
        std::fs::hard_link(from, to).unwrap();
    }
    check(
        &tree,
        &[
            (Kind::PatchFile, "/home/dev/fix.patch"),
            (Kind::SourceCopy, "/home/shop"),
            (Kind::PatchFile, "/srv/fix.patch"),
            (Kind::SourceCopy, "/srv/shop"),
            (Kind::BareRepository, "/var/git/loose.git"),
            (Kind::BareRepository, "/var/git/packed.git"),
        ],
    );
}

#[test]
fn what_was_unpacked_before_an_error_counts() {
    let tree = Tree::new();
    let mut trailed = gzip(GOLD.as_bytes());
    trailed.extend([0; 512]);
    tree.write("srv/fix.gz", &trailed);
    let mut broken = gzip(&tarred(&borrowed(&later("shop/"))));
    let end = broken.len() - 8;
    broken[end] ^= 1;
    tree.write("srv/shop.gz", &broken);
    check(&tree, &[(Kind::PatchFile, "/srv/fix.gz"), (Kind::Archive, "/srv/shop.gz")]);
}

#[test]
fn constants_of_the_base_commit_in_byte_code_are_no_sign_of_the_fix() {
    let mut tree = Tree::new();
    tree.write("testbed/src/shop/stock.py", b"WHY = \"discount exceeds the maximum\"\n");
    tree.commit();
    let mut code = vec![0xa7, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0, 1, 2, 3, 4, 37, 0, 0, 0];
    code.extend(b"z\x1cdiscount exceeds the maximum");
    tree.write("testbed/src/shop/__pycache__/stock.cpython-311.pyc", &code);
    check(&tree, &[]);
}
