//! `search --recall`: how often a search for an issue finds the file that its solution changes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::search::{CUTS, Case, Measured, measure};
use anyhow::Context;
use clap::Args;
use dataset::{Row, load_path};
use grading::old_files;
use serde_json::json;

use super::index::{TreeArgs, failed, project};
use crate::console::say;
use crate::failed::Failed;
use crate::output::{print, print_json};

#[derive(Debug, Args)]
pub(crate) struct Recall {
    /// Measures instead of searching: the issue of each row of this dataset file is the query. May be repeated.
    #[arg(long, value_name = "ROWS", requires = "trees")]
    pub(crate) recall: Vec<PathBuf>,
    /// Folder of source trees for `--recall`, each named as the instance, or `<project>-<version>` as a source package
    /// unpacks; the nearest version that has a changed file counts.
    #[arg(long, value_name = "DIR")]
    pub(crate) trees: Option<PathBuf>,
    /// Also measures each part of the ranking by leaving it out.
    #[arg(long)]
    pub(crate) features: bool,
}

pub(crate) fn run(args: &Recall, tree: &TreeArgs, json: bool) -> Result<ExitCode, Failed> {
    let trees = args.trees.clone().unwrap_or_default();
    let folders = folders(&trees).map_err(Failed::Usage)?;
    let (mut cases, mut without): (Vec<Case>, usize) = (Vec::new(), 0);
    for path in &args.recall {
        for row in load_path(path, None).map_err(|err| Failed::Usage(err.into()))? {
            if cases.iter().any(|case| case.id == row.instance_id) {
                continue;
            }
            match case(&row, &folders) {
                Some(case) => cases.push(case),
                None => without += 1,
            }
        }
    }
    if cases.is_empty() {
        let message = format!("no row has its tree in `{}` ({without} rows)", trees.display());
        return Err(Failed::Usage(anyhow::anyhow!(message)));
    }
    say(&format!("{} issues; {without} more have no tree here", cases.len()));
    let mut done = 0;
    let told = |case: &Case, rank: Option<usize>| {
        done += 1;
        tracing::info!("{}: {}", case.id, rank.map_or("not found".to_owned(), |rank| format!("rank {}", rank + 1)));
    };
    let measured = measure(&cases, &tree.open_cache(), args.features, told).map_err(failed)?;
    tracing::info!("{done} measured");
    if json {
        print_json(&json!({ "cuts": CUTS, "cases": cases.len(), "without_tree": without, "methods": measured }))?;
    } else {
        print(&table(&measured))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(measured: &[Measured]) -> String {
    let cuts: String = CUTS.iter().map(|cut| format!("{:>8}", format!("@{cut}"))).collect();
    let mut table = format!("{:<28}{cuts}\n", "share of issues found");
    for Measured { method, cases, found } in measured {
        let share = |found: &usize| 100.0 * *found as f64 / (*cases).max(1) as f64;
        let shares: String = found.iter().map(|found| format!("{:>7.1}%", share(found))).collect();
        table.push_str(&format!("{method:<28}{shares}\n"));
    }
    table
}

/// Returns the names of the folders of trees.
fn folders(trees: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(trees).with_context(|| format!("cannot read `{}`", trees.display()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

/// Returns a row as a case, on its own tree or on that of the nearest version.
fn case(row: &Row, folders: &[PathBuf]) -> Option<Case> {
    let gold: Vec<String> = old_files(&row.patch).into_iter().map(str::to_owned).collect();
    let name = plain(row.repo.rsplit('/').next()?);
    let wanted = numbers(&row.version);
    let mut near: Vec<(Vec<u64>, &PathBuf)> = Vec::new();
    for folder in folders {
        match project(folder) {
            _ if folder.ends_with(&row.instance_id) => near.push((Vec::new(), folder)),
            (project, Some(version)) if plain(&project) == name => {
                near.push((distance(&wanted, &numbers(&version)), folder));
            }
            _ => {}
        }
    }
    near.sort();
    let there = |tree: &Path| gold.iter().any(|path| tree.join(path).is_file());
    let (_, tree) = near.into_iter().find(|(_, tree)| there(tree))?;
    let issue = row.problem_statement.clone();
    let repository = project(tree).0;
    Some(Case { id: row.instance_id.clone(), issue, tree: tree.clone(), repository, gold })
}

/// Returns a project's name as others may spell it.
fn plain(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

/// Returns how far a version is from another, part by part.
fn distance(wanted: &[u64], other: &[u64]) -> Vec<u64> {
    let part = |version: &[u64], at: usize| version.get(at).copied().unwrap_or_default();
    (0..4).map(|at| part(wanted, at).abs_diff(part(other, at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_version_with_a_changed_file_is_taken() {
        let trees = tempfile::tempdir().unwrap();
        for (tree, file) in
            [("foo-bar-1.9", "old.py"), ("Foo_Bar-2.1.1", "a.py"), ("foo-bar-2.0", "b.py"), ("foo-2.0", "a.py")]
        {
            std::fs::create_dir(trees.path().join(tree)).unwrap();
            std::fs::write(trees.path().join(tree).join(file), "").unwrap();
        }
        let folders = folders(trees.path()).unwrap();
        let tree_of = |instance_id: &str, patch: &str| {
            let row = Row {
                instance_id: instance_id.to_owned(),
                repo: "who/foo.bar".to_owned(),
                version: "2.0".to_owned(),
                patch: patch.to_owned(),
                ..Row::default()
            };
            let case = case(&row, &folders)?;
            Some(case.tree.file_name().unwrap().to_string_lossy().into_owned())
        };
        assert_eq!(tree_of("i", "--- a/b.py\n+++ b/b.py\n").as_deref(), Some("foo-bar-2.0"));
        assert_eq!(tree_of("i", "--- a/a.py\n").as_deref(), Some("Foo_Bar-2.1.1"));
        assert_eq!(tree_of("i", "--- a/none.py\n"), None);
        assert_eq!(tree_of("foo-2.0", "--- a/a.py\n").as_deref(), Some("foo-2.0"));
    }
}
