//! What an index costs on the source packages in `SPOTTER_TREES`: cold, from the cache, an edit, a query.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark may panic, and says aloud what it skips")]

use std::path::{Path, PathBuf};

use criterion::{BatchSize, Criterion};
use search::{Cache, CodeIndex, Options, SearchRequest};

const PROJECTS: [&str; 3] = ["django", "sympy", "scikit-learn"];
const QUERIES: [&str; 4] = [
    "get_queryset",
    "cache key collision when two users have the same name",
    "TypeError: cannot unpack non-iterable NoneType object",
    "simplify does not terminate\nCalling simplify on a Piecewise with a Matrix hangs in solve_linear_system",
];

fn open(root: &Path, cache: &Cache) -> CodeIndex {
    CodeIndex::open(root, cache, &Options::default()).expect("the tree can be indexed")
}

/// Returns the latest tree of a project.
fn tree(trees: &Path, project: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(trees).ok()?.flatten().map(|entry| entry.path());
    let is_one = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(project));
    entries.filter(is_one).max()
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
        match tree(&trees, project) {
            Some(root) => bench(&mut criterion, project, &root),
            None => println!("SKIPPED: no `{project}-*` in SPOTTER_TREES"),
        }
    }
    criterion.final_summary();
}
