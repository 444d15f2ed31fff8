//! The cache on disk: shared, checked, bounded, and never needed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

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

/// Returns the names of the packs below a folder.
fn packs(folder: &Path) -> HashSet<PathBuf> {
    let lists = files(folder).into_iter().filter(|path| path.ends_with("units"));
    lists.map(|path| path.parent().unwrap().to_owned()).collect()
}

/// Makes a file or folder look as if it was last written to some time ago.
fn age(path: &Path, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    std::fs::File::open(path).unwrap().set_modified(then).unwrap();
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
    // Files that were just written are not noted, so that these are older ones.
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/spans");
    let folder = tempfile::tempdir().unwrap();
    let expected = answer(&open(&tree, &Cache::new(folder.path(), 1 << 30)));
    assert!(expected.contains("cart.py"), "{expected}");
    let noted = files(folder.path()).into_iter().find(|path| path.to_string_lossy().contains("/trees/")).unwrap();
    assert!(std::fs::metadata(noted).unwrap().len() > 200, "the manifest names files");
    for number in 0..files(folder.path()).len() {
        for damage in
            [|bytes: &mut Vec<u8>| flip(bytes), |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() / 2), Vec::clear]
        {
            let path = files(folder.path()).swap_remove(number);
            let sound = std::fs::read(&path).unwrap();
            let mut bytes = sound.clone();
            damage(&mut bytes);
            std::fs::write(&path, &bytes).unwrap();
            let index = open(&tree, &Cache::new(folder.path(), 1 << 30));
            assert_eq!(answer(&index), expected, "{}", path.display());
            assert_eq!(packs(folder.path()).len(), 1, "{}", path.display());
            assert!(index.notes().is_empty(), "{}: {:?}", path.display(), index.notes());
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
    assert_eq!(packs(folder.path()).len(), 1, "what is the same has the same name");
}

#[test]
fn episodes_that_start_together_index_a_tree_once() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    for cache in [Cache::none(), Cache::new(folder.path(), 1 << 30)] {
        let mut reused: Vec<usize> = std::thread::scope(|scope| {
            let episodes: Vec<_> = (0..8).map(|_| scope.spawn(|| open(shop.path(), &cache.clone()).reused())).collect();
            episodes.into_iter().map(|episode| episode.join().unwrap()).collect()
        });
        reused.sort_unstable();
        assert_eq!(reused, [0, 2, 2, 2, 2, 2, 2, 2]);
        assert_eq!(open(shop.path(), &cache).reused(), 2, "also when no other is under way");
        assert_eq!(open(shop.path(), &Cache::none()).reused(), 0);
    }
}

#[test]
fn a_want_of_handles_removes_no_pack() {
    const FOLDER: &str = "SEARCH_TEST_CACHE";
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/spans");
    if let Some(folder) = std::env::var_os(FOLDER) {
        let _ = CodeIndex::open(&tree, &Cache::new(folder, 1 << 30), &Options::default());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    drop(open(&tree, &Cache::new(folder.path(), 1 << 30)));
    let (before, all) = (packs(folder.path()), open(&tree, &Cache::none()).size().0);
    for handles in 3..32 {
        let limited = Command::new("sh")
            .args(["-c", "ulimit -n $0; exec \"$@\""])
            .arg(handles.to_string())
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "cache::a_want_of_handles_removes_no_pack"])
            .env(FOLDER, folder.path())
            .output();
        assert!(limited.is_ok());
        assert_eq!(packs(folder.path()), before, "{handles} handles");
        assert_eq!(open(&tree, &Cache::new(folder.path(), 1 << 30)).reused(), all, "{handles} handles");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_told_of_and_not_needed() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    // A file in place of the folder keeps root out, too.
    let place = folder.path().join("cache");
    std::fs::write(&place, "").unwrap();
    let index = open(shop.path(), &Cache::new(&place, 1 << 30));
    assert_eq!(answer(&index), answer(&open(shop.path(), &Cache::none())));
    assert!(index.notes().iter().any(|note| note.contains("cannot be written")), "{:?}", index.notes());
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_loses_nothing() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"])
        .arg(folder.path())
        .status();
    assert!(mounted.is_ok_and(|status| status.success()), "needs root: mounting a small disk is not allowed here");
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
    let (shop, other, folder) = (shop(), shop(), tempfile::tempdir().unwrap());
    let mut known = HashSet::new();
    let mut fill = |number: u64, max: u64| {
        write(shop.path(), &[("shop/prices.py", &format!("def f{number}():\n    pass\n"))]);
        drop(open(shop.path(), &Cache::new(folder.path(), max)));
        let now = packs(folder.path());
        now.iter().filter(|pack| known.insert((*pack).clone())).for_each(|pack| age(&pack.join("units"), 90 - number));
        now
    };
    let packs = [0, 1, 2].map(|number| fill(number, 1 << 30));
    assert_eq!(packs.each_ref().map(HashSet::len), [1, 2, 3]);
    drop(open(other.path(), &Cache::new(folder.path(), 1 << 30)));
    // The first pack holds the other file of the tree, and stays; so does what is new.
    let left = fill(3, 1);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.is_superset(&packs[0]), "{left:?}");
    let manifests = files(folder.path()).into_iter().filter(|path| path.to_string_lossy().contains("/trees/"));
    assert_eq!(manifests.count(), 1, "those of other trees go, too");
    assert_eq!(open(shop.path(), &Cache::new(folder.path(), 1 << 30)).reused(), 2);
}

#[test]
fn what_killed_processes_left_is_removed() {
    let (shop, folder) = (shop(), tempfile::tempdir().unwrap());
    drop(open(shop.path(), &Cache::new(folder.path(), 1 << 30)));
    let repository = packs(folder.path()).into_iter().next().unwrap().parent().unwrap().to_owned();
    let partials = [".partial-old", ".partial-new", "trees/.partial-old", "trees/.partial-new"];
    for partial in partials.map(|name| repository.join(name)) {
        std::fs::create_dir(&partial).unwrap();
        std::fs::write(partial.join("x"), "x").unwrap();
        age(&partial, if partial.ends_with(".partial-old") { 4000 } else { 60 });
    }
    write(shop.path(), &[("shop/new.py", "x = 1\n")]);
    drop(open(shop.path(), &Cache::new(folder.path(), 1 << 30)));
    assert_eq!(partials.map(|name| repository.join(name).exists()), [false, true, false, true]);
}
