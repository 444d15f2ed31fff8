//! The whole of an export.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use journal::Run;
use prompts::Prompts;
use serde::Serialize;

use super::balance::sets;
use super::gather::{Candidate, Gathered, Means, gather};
use super::{Form, Settings};
use crate::counts::Counts;
use crate::out::Out;
use crate::sft::{
    self, CallForm, FileFacts, Percentiles, Places, Spool, by_repository, write_card, write_sets, write_text,
};
use crate::tokens::Counter;

/// What a data set is made of; `card.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Card {
    /// Version of Spotter.
    pub spotter: String,
    /// What was asked for.
    pub settings: Settings,
    /// How tokens are counted.
    pub tokens: String,
    /// Episodes that the runs have.
    pub episodes_read: usize,
    /// The set that is trained on.
    pub train: Set,
    /// The set that is only measured on.
    pub validation: Set,
    /// Episodes that were left out, by reason.
    pub episodes_dropped: Counts,
    /// Answers of the model in the episodes.
    pub answers_per_row: Percentiles,
    /// Tokens of rows.
    pub tokens_per_row: Percentiles,
    /// The files but the card itself.
    pub files: Vec<FileFacts>,
}

/// What one set has.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Set {
    /// Resolved episodes.
    pub resolved: usize,
    /// Unresolved episodes.
    pub unresolved: usize,
    /// Of all these, those of on-policy runs.
    pub on_policy: usize,
    /// Their instances.
    pub instances: usize,
    /// Episodes by repository.
    pub repositories: BTreeMap<String, usize>,
}

/// Writes judged episodes as rows with YES and NO, the trainer's configuration and the data card into a folder, and
/// returns the card. The texts are those of `prompts`. Each run comes with whether it is on-policy: of the model whose episodes are to be verified.
///
/// # Errors
/// When the settings contradict one another, no row is left, or something cannot be read or written.
pub fn export(
    runs: &[(Run, bool)],
    settings: &Settings,
    counter: &Counter,
    prompts: &Prompts,
    out: Out<'_>,
) -> anyhow::Result<Card> {
    settings.check()?;
    let rows = sft::Settings { calls: CallForm::Text, ..sft::Settings::new(settings.target) };
    let folder = out.begin()?;
    let mut spool = Spool::create(folder)?;
    let means = Means { settings, rows: &rows, counter, prompts };
    let Gathered { candidates, episodes, mut dropped } = gather(runs, &means, &mut spool)?;
    let (train, validation) = sets(candidates, settings, &mut dropped);
    if train.is_empty() {
        out.give_up();
        let reasons: Vec<String> = dropped.iter().map(|(why, number)| format!("{number} {why}")).collect();
        bail!(
            "no row is left of {episodes} episodes\nhint: it takes resolved and unresolved ones; left out: {}",
            reasons.join(", ")
        );
    }
    let all = || train.iter().chain(&validation);
    let mut card = Card {
        spotter: env!("CARGO_PKG_VERSION").to_owned(),
        settings: settings.clone(),
        tokens: counter.describe(),
        episodes_read: episodes,
        train: set(&train),
        validation: set(&validation),
        episodes_dropped: dropped,
        answers_per_row: Percentiles::of(all().map(|one| one.answers).collect()),
        tokens_per_row: Percentiles::of(all().map(|one| one.tokens).collect()),
        files: Vec::new(),
    };
    card.files = write_sets([places(&train), places(&validation)], &spool, &rows, folder)?;
    card.files.push(write_text(folder, "README.md".to_owned(), &readme(&card))?);
    write_card(folder, &card)?;
    Ok(card)
}

fn places(candidates: &[Candidate]) -> Places {
    candidates.iter().map(|one| one.place.clone()).collect()
}

fn set(candidates: &[Candidate]) -> Set {
    let resolved = candidates.iter().filter(|one| one.resolved).count();
    Set {
        resolved,
        unresolved: candidates.len() - resolved,
        on_policy: candidates.iter().filter(|one| one.on_policy).count(),
        instances: candidates.iter().map(|one| one.instance_id.as_str()).collect::<BTreeSet<_>>().len(),
        repositories: by_repository(candidates.iter().map(|one| one.repository.as_str())),
    }
}

/// Returns `README.md`.
fn readme(card: &Card) -> String {
    let Card { settings, episodes_read, tokens, .. } = card;
    let shown = match settings.form {
        Form::Log => "the log of an episode",
        Form::Spans => {
            "the issue, the patch of an episode before and after, and what its record holds of the code around it,"
        }
    };
    let mut text = format!(
        "# Verifier data for {}\n\nEach row shows {shown} and asks whether it did what it was asked for; the \
         answer, which alone is trained, is what judging its patch said.\nOf {episodes_read} episodes read. Tokens are \
         {tokens}.\n",
        settings.target.name()
    );
    if settings.allow_benchmarks {
        text.push_str("Repositories of SWE-bench's test set are not kept out: a model trained on this cannot be measured by it.\n");
    }
    text.push_str("\n| set | resolved | unresolved | on-policy | instances |\n|---|---|---|---|---|\n");
    for (name, set) in [("training", &card.train), ("validation", &card.validation)] {
        let Set { resolved, unresolved, on_policy, instances, .. } = set;
        text.push_str(&format!("| {name} | {resolved} | {unresolved} | {on_policy} | {instances} |\n"));
    }
    if let Some(share) = settings.on_policy_share {
        let [total, on_policy] = [&card.train, &card.validation]
            .map(|set| [set.resolved + set.unresolved, set.on_policy])
            .into_iter()
            .fold([0, 0], |[total, on], [more, more_on]| [total + more, on + more_on]);
        text.push_str(&format!(
            "\nOn-policy are {:.1} % of the rows; {:.1} % were asked for, from which the ratio and whole episodes may differ a \
             little.\n",
            100.0 * on_policy as f64 / total.max(1) as f64,
            100.0 * share
        ));
    }
    let Percentiles { mean, p50, p90, max, .. } = card.tokens_per_row;
    text.push_str(&format!("\nTokens of a row: mean {mean:.1}, 50 % {p50}, 90 % {p90}, max {max}.\n"));
    if !card.episodes_dropped.is_empty() {
        text.push_str("\nEpisodes that were left out:\n\n");
    }
    card.episodes_dropped.iter().for_each(|(why, number)| text.push_str(&format!("- {number}: {why}\n")));
    text
}
