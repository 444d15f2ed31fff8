//! The figures of a run, each with what it is out of.

use serde::Serialize;

/// What came of one submitted instance: exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Resolved.
    Solved,
    /// The tests ran and say no.
    Unsolved,
    /// There was no patch to judge.
    Empty,
    /// The patch did not apply.
    NotApplied,
    /// The tests ran into the time limit.
    TimedOut,
    /// The log shows no tests, or cannot be trusted.
    Errored,
    /// No verdict that counts, through no fault of the patch.
    Infrastructure,
    /// Nobody got to it yet.
    NotJudged,
}

/// The figures of a run, as `summary.json` holds them. The counts from `solved` to `not_judged` add up to `submitted`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Tally {
    /// Instances of the dataset.
    pub(crate) dataset: usize,
    /// Instances with a prediction.
    pub(crate) submitted: usize,
    /// Patches that were resolved.
    pub(crate) solved: usize,
    /// Patches whose tests ran and say no.
    pub(crate) unsolved: usize,
    /// Predictions without a patch; nothing is run for them.
    pub(crate) empty: usize,
    /// Patches that did not apply.
    pub(crate) not_applied: usize,
    /// Patches whose tests ran into the time limit.
    pub(crate) timed_out: usize,
    /// Patches whose log shows no tests, or cannot be trusted.
    pub(crate) errored: usize,
    /// Patches that infrastructure kept from a verdict.
    pub(crate) infrastructure: usize,
    /// Patches that nobody got to yet.
    pub(crate) not_judged: usize,
    /// `infrastructure` as a share of the submitted patches that are not empty, which are those that had to be run.
    pub(crate) infrastructure_share: f64,
    /// The share above which there is no rate.
    pub(crate) infrastructure_allowed: f64,
    /// The headline; absent when `no_rate` says why.
    pub(crate) resolved: Option<Rate>,
    /// Why there is no rate.
    pub(crate) no_rate: Option<String>,
}

/// A share with its 95% interval after Wilson.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Rate {
    /// `solved` as a share of `submitted`.
    pub(crate) of_submitted: f64,
    /// Where the interval begins.
    pub(crate) low: f64,
    /// Where the interval ends.
    pub(crate) high: f64,
}

impl Tally {
    /// Counts one submitted instance.
    pub(crate) fn add(&mut self, ending: Ending) {
        self.submitted += 1;
        *match ending {
            Ending::Solved => &mut self.solved,
            Ending::Unsolved => &mut self.unsolved,
            Ending::Empty => &mut self.empty,
            Ending::NotApplied => &mut self.not_applied,
            Ending::TimedOut => &mut self.timed_out,
            Ending::Errored => &mut self.errored,
            Ending::Infrastructure => &mut self.infrastructure,
            Ending::NotJudged => &mut self.not_judged,
        } += 1;
    }

    /// Works out the shares from the counts.
    pub(crate) fn finish(&mut self, allowed: f64) {
        let run = self.submitted - self.empty;
        self.infrastructure_allowed = allowed;
        self.infrastructure_share = if run == 0 { 0.0 } else { self.infrastructure as f64 / run as f64 };
        self.no_rate = if self.submitted == 0 {
            Some("nothing was submitted".to_owned())
        } else if self.not_judged > 0 {
            Some(format!("{} of {} submitted are not judged yet", self.not_judged, self.submitted))
        } else if self.infrastructure_share > allowed {
            Some(format!(
                "infrastructure kept {} of the {run} patches that had to be run from a verdict ({:.2}%, {:.2}% at most)",
                self.infrastructure,
                self.infrastructure_share * 100.0,
                allowed * 100.0,
            ))
        } else {
            None
        };
        self.resolved = self.no_rate.is_none().then(|| wilson(self.solved, self.submitted));
    }

    /// Returns the figures in a few lines.
    pub(crate) fn lines(&self) -> String {
        let counts = [
            (self.solved, "solved"),
            (self.unsolved, "unsolved"),
            (self.empty, "empty"),
            (self.not_applied, "did not apply"),
            (self.timed_out, "timed out"),
            (self.errored, "did not run"),
            (self.infrastructure, "infrastructure"),
            (self.not_judged, "not judged"),
        ];
        let shown = counts.iter().enumerate().filter(|(index, (count, _))| *index < 2 || *count > 0);
        let shown: Vec<String> = shown.map(|(_, (count, name))| format!("{count} {name}")).collect();
        let headline = match (&self.resolved, &self.no_rate) {
            (Some(rate), _) => format!(
                "resolved: {} of the {} submitted (95% interval {} to {}); infrastructure: {}",
                percent(rate.of_submitted),
                self.submitted,
                percent(rate.low),
                percent(rate.high),
                percent(self.infrastructure_share),
            ),
            (None, Some(why)) if self.infrastructure_share > self.infrastructure_allowed => format!(
                "no rate: {why}\nhint: the same command tries these again; `--allow-infrastructure SHARE` accepts more"
            ),
            (None, why) => format!("no rate: {}", why.as_deref().unwrap_or_default()),
        };
        format!(
            "{} of the dataset's {} instances submitted: {}\n{headline}",
            self.submitted,
            self.dataset,
            shown.join(", ")
        )
    }
}

/// Returns a share with its 95% interval after Wilson; `total` is not 0.
fn wilson(count: usize, total: usize) -> Rate {
    const Z: f64 = 1.959_963_984_540_054;
    let (n, share) = (total as f64, count as f64 / total as f64);
    let scale = 1.0 + Z * Z / n;
    let centre = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
    Rate { of_submitted: share, low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(endings: &[(Ending, usize)], allowed: f64, expected: &Expect) {
        let mut tally = Tally { dataset: 300, ..Tally::default() };
        for (ending, count) in endings {
            (0..*count).for_each(|_| tally.add(*ending));
        }
        tally.finish(allowed);
        expected.assert_eq(&tally.lines());
    }

    #[test]
    fn the_rate_is_of_all_submitted_with_wilsons_interval() {
        check(
            &[(Ending::Solved, 20), (Ending::Unsolved, 70), (Ending::Empty, 10)],
            0.02,
            &expect![[r#"
                100 of the dataset's 300 instances submitted: 20 solved, 70 unsolved, 10 empty
                resolved: 20.0% of the 100 submitted (95% interval 13.3% to 28.9%); infrastructure: 0.0%"#]],
        );
        check(
            &[(Ending::Solved, 1)],
            0.02,
            &expect![[r#"
                1 of the dataset's 300 instances submitted: 1 solved, 0 unsolved
                resolved: 100.0% of the 1 submitted (95% interval 20.7% to 100.0%); infrastructure: 0.0%"#]],
        );
        let rate = wilson(0, 10);
        assert!(rate.low == 0.0 && (rate.high - 0.2775).abs() < 1e-4, "{rate:?}");
    }

    #[test]
    fn infrastructure_beyond_the_allowed_share_leaves_no_rate() {
        // 2 of 100 that had to be run are 2%, and 2 of 98 are more: the empty one is not run.
        check(
            &[(Ending::Solved, 98), (Ending::Infrastructure, 2)],
            0.02,
            &expect![[r#"
                100 of the dataset's 300 instances submitted: 98 solved, 0 unsolved, 2 infrastructure
                resolved: 98.0% of the 100 submitted (95% interval 93.0% to 99.4%); infrastructure: 2.0%"#]],
        );
        check(
            &[(Ending::Solved, 96), (Ending::Empty, 2), (Ending::Infrastructure, 2)],
            0.02,
            &expect![[r#"
                100 of the dataset's 300 instances submitted: 96 solved, 0 unsolved, 2 empty, 2 infrastructure
                no rate: infrastructure kept 2 of the 98 patches that had to be run from a verdict (2.04%, 2.00% at most)
                hint: the same command tries these again; `--allow-infrastructure SHARE` accepts more"#]],
        );
        check(
            &[(Ending::Solved, 96), (Ending::Empty, 2), (Ending::Infrastructure, 2)],
            0.1,
            &expect![[r#"
                100 of the dataset's 300 instances submitted: 96 solved, 0 unsolved, 2 empty, 2 infrastructure
                resolved: 96.0% of the 100 submitted (95% interval 90.2% to 98.4%); infrastructure: 2.0%"#]],
        );
    }

    #[test]
    fn what_is_not_judged_yet_leaves_no_rate() {
        check(
            &[(Ending::Solved, 1), (Ending::TimedOut, 1), (Ending::NotJudged, 3)],
            1.0,
            &expect![[r#"
                5 of the dataset's 300 instances submitted: 1 solved, 0 unsolved, 1 timed out, 3 not judged
                no rate: 3 of 5 submitted are not judged yet"#]],
        );
        check(
            &[],
            1.0,
            &expect![[r#"
            0 of the dataset's 300 instances submitted: 0 solved, 0 unsolved
            no rate: nothing was submitted"#]],
        );
    }
}
