//! The cache on disk: shared, checked, bounded, and never needed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use search::{Cache, CodeIndex, Options, SearchRequest};

use crate::tree::{SHOP, shop, write};

fn open(root: &Path, cache: &Cache) -> CodeIndex {
    CodeIndex::open(root, cache, &Options::default()).unwrap()
}

/// Returns every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten();
    walk.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

fn answer(index: &CodeIndex) -> String {
    format!("{:?}", index.search(&SearchRequest::text("round the price of a cart")).unwrap())
}

#[test]
fn a_second_start_and_a_second_tree_index_only_what_is_new() {
    let (shop, other, folder) = (shop(), shop(), tempfile::tempdir().unwrap());
    let cold = open(shop.path(), &Cache::new(folder.path(), 1 << 30));
    assert_eq!((cold.reused(), cold.size().0), (0, 2));
    // A new handle stands for another process.
    let warm = open(shop.path(), &Cache::new(folder.path(), 1 << 30));
    assert_eq!(warm.reused(), 2);
    assert_eq!(answer(&warm), answer(&cold));
    write(other.path(), &[("shop/prices.py", "def changed():\n    pass\n"), ("shop/new.py", "x = 1\n")]);
    let second = open(other.path(), &Cache::new(folder.path(), 1 << 30));
    assert_eq!((second.reused(), second.size().0), (1, 3));
    assert_eq!(answer(&second), answer(&open(other.path(), &Cache::none())), "the packs' other files leave no trace");
}

#[test]
fn a_changed_file_is_read_again_even_when_its_size_is_the_same() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    let cache = Cache::new(folder.path(), 1 << 30);
    drop(open(shop.path(), &cache));
    let text = SHOP[1].1.replace("round_price", "count_price");
    write(shop.path(), &[("shop/prices.py", &text)]);
    let index = open(shop.path(), &cache);
    assert_eq!(index.file("shop/prices.py").unwrap().unwrap().1, text);
}

#[test]
fn a_broken_cache_is_made_anew() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    let expected = answer(&open(shop.path(), &Cache::new(folder.path(), 1 << 30)));
    for number in 0..files(folder.path()).len() {
        for damage in
            [|bytes: &mut Vec<u8>| flip(bytes), |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2), Vec::clear]
        {
            let path = files(folder.path()).swap_remove(number);
            let mut bytes = std::fs::read(&path).unwrap();
            damage(&mut bytes);
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(answer(&open(shop.path(), &Cache::new(folder.path(), 1 << 30))), expected, "{}", path.display());
        }
    }
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
}

#[test]
fn processes_at_the_same_time_do_not_disturb_each_other() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    let expected = answer(&open(shop.path(), &Cache::none()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let index = open(shop.path(), &Cache::new(folder.path(), 1 << 30));
                    assert_eq!(answer(&index), expected);
                    assert!(index.notes().is_empty(), "{:?}", index.notes());
                }
            });
        }
    });
    let partial = files(folder.path()).into_iter().find(|path| path.to_string_lossy().contains(".partial"));
    assert_eq!(partial, None);
}

#[test]
fn a_cache_that_cannot_be_written_is_told_of_and_not_needed() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    // A file in the place of the folder keeps root out, too.
    let place = folder.path().join("cache");
    std::fs::write(&place, "").unwrap();
    let index = open(shop.path(), &Cache::new(&place, 1 << 30));
    assert_eq!(answer(&index), answer(&open(shop.path(), &Cache::none())));
    assert!(index.notes().iter().any(|note| note.contains("cannot be written")), "{:?}", index.notes());
}

#[test]
fn a_full_disk_loses_nothing() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"])
        .arg(folder.path())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("SKIPPED: mounting a small disk is not allowed here");
        return;
    }
    let index = open(shop.path(), &Cache::new(folder.path(), 1 << 30));
    let told = index.notes().to_vec();
    let found = answer(&index);
    drop(index);
    std::process::Command::new("umount").arg(folder.path()).status().unwrap();
    assert_eq!(found, answer(&open(shop.path(), &Cache::none())));
    assert!(told.iter().any(|note| note.contains("cannot be written")), "{told:?}");
}

#[test]
fn the_cache_keeps_to_its_size() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    let packs = || files(folder.path()).iter().filter(|path| path.ends_with("units")).count();
    for number in 0..4 {
        write(shop.path(), &[("shop/prices.py", &format!("def f{number}():\n    pass\n"))]);
        drop(open(shop.path(), &Cache::new(folder.path(), 1 << 30)));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(packs(), 4);
    drop(open(shop.path(), &Cache::new(folder.path(), 1)));
    assert!(packs() <= 2, "{} packs", packs());
    assert_eq!(open(shop.path(), &Cache::new(folder.path(), 1 << 30)).reused(), 2);
}
