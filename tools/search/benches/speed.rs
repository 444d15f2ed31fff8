//! What an index costs on the source packages in `SPOTTER_TREES`: cold, from the cache, another version, an edit, a
//! query, and the memory of an episode.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark may panic, and says aloud what it skips")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use criterion::{BatchSize, Criterion};
use search::{Cache, CodeIndex, Options, SearchRequest};

const PROJECTS: [&str; 3] = ["django", "sympy", "scikit-learn"];
const EPISODES: usize = 64;
const QUERIES: [&str; 4] = [
    "get_queryset",
    "cache key collision when two users have the same name",
    "TypeError: cannot unpack non-iterable NoneType object",
    "simplify does not terminate\nCalling simplify on a Piecewise with a Matrix hangs in solve_linear_system",
];

fn open(root: &Path, cache: &Cache) -> CodeIndex {
    CodeIndex::open(root, cache, &Options::default()).expect("the tree can be indexed")
}

/// Returns the trees of a project, the latest first.
fn find(trees: &Path, project: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(trees).into_iter().flatten().flatten().map(|entry| entry.path());
    let prefix = format!("{project}-");
    let is_one = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix));
    let mut found: Vec<PathBuf> = entries.filter(is_one).collect();
    found.sort_by(|a, b| b.cmp(a));
    found
}

/// Prints what is measured once: the first tree, the next version of it, and what an episode adds to memory.
fn once(project: &str, trees: &[PathBuf]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cache = Cache::new(folder.path(), 1 << 30);
    let mut first = None;
    for tree in trees.iter().take(2) {
        let begin = Instant::now();
        let index = open(tree, &cache);
        let (seconds, (files, spans)) = (begin.elapsed().as_secs_f64(), index.size());
        let share = seconds / *first.get_or_insert(seconds);
        let name = tree.file_name().unwrap_or_default().to_string_lossy();
        let reused = index.reused();
        println!("{name}: {seconds:.3}s ({share:.2} of the first), {files} files, {spans} spans, {reused} reused");
    }
    println!("{project}: peak memory {} KiB", memory("VmHWM"));
    for (cache, kept) in [(cache, "on disk"), (Cache::none(), "in memory")] {
        let Some(tree) = trees.first() else { return };
        let files = open(tree, &cache).size().0;
        let before = memory("VmRSS");
        let episodes: Vec<CodeIndex> = (0..EPISODES).map(|number| episode(open(tree, &cache), number)).collect();
        let each = memory("VmRSS").saturating_sub(before) / EPISODES;
        println!("{project}: {each} KiB an episode, of {} on {files} files, packs {kept}", episodes.len());
    }
}

/// Edits a few files and asks a few questions.
fn episode(mut index: CodeIndex, number: usize) -> CodeIndex {
    let paths: Vec<String> = index.paths().map(str::to_owned).collect();
    for path in paths.iter().cycle().skip(number * 37).step_by(101).take(5) {
        let text = index.file(path).expect("the file is indexed").map(|(_, text)| text).unwrap_or_default();
        let changed = format!("{text}\n\ndef added():\n    pass\n").into_bytes();
        index.update(vec![(path.clone(), Some(changed))]).expect("the edit is indexed");
    }
    for query in QUERIES {
        index.search(&SearchRequest::text(query)).expect("the query is answered");
    }
    index
}

/// Returns a figure of the process's memory in KiB.
fn memory(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

fn bench(criterion: &mut Criterion, project: &str, root: &Path) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cache = Cache::new(folder.path(), 1 << 30);
    let mut group = criterion.benchmark_group(project);
    group.sample_size(10);
    group.bench_function("cold", |bencher| bencher.iter(|| open(root, &Cache::none())));
    let index = open(root, &cache);
    group.bench_function("warm", |bencher| bencher.iter(|| open(root, &Cache::new(folder.path(), 1 << 30))));
    let paths: Vec<&str> = index.paths().collect();
    let path = paths.get(paths.len() / 2).copied().unwrap_or_default();
    let text = index.file(path).expect("the file is indexed").map(|(_, text)| text).unwrap_or_default();
    let changed = Some(format!("{text}\n\ndef added():\n    pass\n").into_bytes());
    group.sample_size(50);
    group.bench_function("edit", |bencher| {
        bencher.iter_batched(
            || (index.clone(), vec![(path.to_owned(), changed.clone())]),
            |(mut index, changes)| index.update(changes),
            BatchSize::SmallInput,
        );
    });
    for (number, query) in QUERIES.iter().enumerate() {
        let request = SearchRequest::text(*query);
        group.bench_function(format!("query {number}"), |bencher| bencher.iter(|| index.search(&request)));
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let Some(trees) = std::env::var_os("SPOTTER_TREES").map(PathBuf::from) else {
        println!("SKIPPED: SPOTTER_TREES names no folder of source packages");
        return;
    };
    for project in PROJECTS {
        let found = find(&trees, project);
        match found.first() {
            Some(root) => {
                once(project, &found);
                bench(&mut criterion, project, root);
            }
            None => println!("SKIPPED: no `{project}-*` in SPOTTER_TREES"),
        }
    }
    criterion.final_summary();
}
