//! The data card for people.

use super::{CallForm, Card, Percentiles};

/// Returns `README.md`.
pub(super) fn readme(card: &Card) -> String {
    let settings = &card.settings;
    let mut text = format!(
        "# Trajectories for {}\n\n{} rows of {} episodes on {} instances, of {} episodes read.\nTokens are {}.\n",
        settings.target.name(),
        card.rows,
        card.episodes,
        card.instances,
        card.episodes_read,
        card.tokens,
    );
    text.push_str(if settings.all_verdicts {
        "Episodes of every verdict are kept.\n"
    } else {
        "Only resolved episodes are kept.\n"
    });
    if settings.allow_benchmarks {
        text.push_str("Repositories of SWE-bench's test set are not kept out: a model trained on this cannot be measured by it.\n");
    }
    if settings.calls == CallForm::Text && !settings.pretokenized {
        text.push_str(
            "Calls are text and the tools are described in the system message, so there is no column for them.\n",
        );
    }
    text.push_str("Answers that were sampled in a row are trained; what was said to the model is not.\n");
    text.push_str("\n| per row | mean | min | 25 % | 50 % | 75 % | 90 % | 95 % | 99 % | max |\n|---|---|---|---|---|---|---|---|---|---|\n");
    for (name, spread) in [("messages", card.messages_per_row), ("tokens", card.tokens_per_row)] {
        let Percentiles { mean, min, p25, p50, p75, p90, p95, p99, max } = spread;
        text.push_str(&format!(
            "| {name} | {mean:.1} | {min} | {p25} | {p50} | {p75} | {p90} | {p95} | {p99} | {max} |\n"
        ));
    }
    let dropped = [("Episodes", &card.episodes_dropped), ("Rows", &card.rows_dropped)];
    for (name, dropped) in dropped.into_iter().filter(|(_, dropped)| !dropped.is_empty()) {
        text.push_str(&format!("\n{name} that were left out:\n\n"));
        dropped.iter().for_each(|(why, number)| text.push_str(&format!("- {number}: {why}\n")));
    }
    let sets = [("Training", &card.train_repositories), ("Validation", &card.validation_repositories)];
    for (name, repositories) in sets.into_iter().filter(|(_, repositories)| !repositories.is_empty()) {
        text.push_str(&format!("\n{name}, episodes by repository:\n\n"));
        repositories.iter().for_each(|(name, number)| text.push_str(&format!("- {name}: {number}\n")));
    }
    text
}
