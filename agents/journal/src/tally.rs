//! The figures of a run, each with its denominator.

use std::collections::BTreeMap;

use serde::Serialize;

/// What became of one instance that was asked for: exactly one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Resolved.
    Solved,
    /// The tests ran and failed.
    Unsolved,
    /// There was no patch to judge.
    Empty,
    /// The patch did not apply.
    NotApplied,
    /// The tests ran into the time limit.
    TimedOut,
    /// The log shows no tests, or cannot be trusted.
    Errored,
    /// No patch or no verdict that counts, through no fault of the agent or the patch.
    Infrastructure,
    /// There is no result yet.
    Unfinished,
}

/// The figures of a run, as `summary.json` holds them. The counts from `solved` to `errored` add up to
/// `judged`, and with `infrastructure` and `unfinished` to `asked`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Instances of the dataset.
    pub dataset: usize,
    /// Instances that the commands of the run were asked for, whatever came of them.
    pub asked: usize,
    /// Of these, instances with a prediction.
    pub submitted: usize,
    /// Of these, instances with a result that counts.
    pub judged: usize,
    /// Patches that were resolved.
    pub solved: usize,
    /// Patches whose tests ran and failed.
    pub unsolved: usize,
    /// Predictions without a patch, also because the agent broke its sandbox; nothing is run for them.
    pub empty: usize,
    /// Patches that did not apply.
    pub not_applied: usize,
    /// Patches whose tests ran into the time limit.
    pub timed_out: usize,
    /// Patches whose log shows no tests or cannot be trusted, or that broke their sandbox.
    pub errored: usize,
    /// Instances that infrastructure kept from a patch or from a verdict.
    pub infrastructure: usize,
    /// Instances without a result as yet.
    pub unfinished: usize,
    /// Which these are.
    pub infrastructure_ids: Vec<String>,
    /// Which these are.
    pub unfinished_ids: Vec<String>,
    /// How the episodes ended, by exit status; empty where patches were only judged.
    pub exit_statuses: BTreeMap<String, usize>,
    /// `infrastructure` as a share of what was asked for, without the empty patches.
    pub infrastructure_share: f64,
    /// The share above which there is no rate.
    pub infrastructure_allowed: f64,
    /// The headline; absent when `no_rate` says why.
    pub resolved: Option<Rate>,
    /// Why there is no rate.
    pub no_rate: Option<String>,
}

/// A share with its 95% Wilson interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// `solved` as a share of `asked`.
    pub of_asked: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where the interval ends.
    pub high: f64,
}

impl Ending {
    /// Returns whether there is a result that counts.
    pub fn is_judged(self) -> bool {
        !matches!(self, Self::Infrastructure | Self::Unfinished)
    }
}

impl Tally {
    /// Counts one instance that was asked for.
    pub fn add(&mut self, instance_id: &str, ending: Ending) {
        self.asked += 1;
        match ending {
            Ending::Infrastructure => self.infrastructure_ids.push(instance_id.to_owned()),
            Ending::Unfinished => self.unfinished_ids.push(instance_id.to_owned()),
            _ => self.judged += 1,
        }
        *match ending {
            Ending::Solved => &mut self.solved,
            Ending::Unsolved => &mut self.unsolved,
            Ending::Empty => &mut self.empty,
            Ending::NotApplied => &mut self.not_applied,
            Ending::TimedOut => &mut self.timed_out,
            Ending::Errored => &mut self.errored,
            Ending::Infrastructure => &mut self.infrastructure,
            Ending::Unfinished => &mut self.unfinished,
        } += 1;
    }

    /// Works out the shares from the counts.
    pub fn finish(&mut self, allowed: f64) {
        self.infrastructure_ids.sort();
        self.unfinished_ids.sort();
        let run = self.asked - self.empty;
        self.infrastructure_allowed = allowed;
        self.infrastructure_share = if run == 0 { 0.0 } else { self.infrastructure as f64 / run as f64 };
        self.no_rate = if self.asked == 0 {
            Some("nothing was asked for".to_owned())
        } else if self.unfinished > 0 {
            Some(format!("{} of the {} asked are unfinished", self.unfinished, self.asked))
        } else if self.infrastructure_share > allowed {
            Some(format!(
                "infrastructure kept {} of the {run} that had to be run from a result ({:.2}%, {:.2}% at most)",
                self.infrastructure,
                self.infrastructure_share * 100.0,
                allowed * 100.0,
            ))
        } else {
            None
        };
        self.resolved = self.no_rate.is_none().then(|| wilson(self.solved, self.asked));
    }

    /// Returns the figures in a few lines.
    pub fn lines(&self) -> String {
        let counts = [
            (self.solved, "solved"),
            (self.unsolved, "unsolved"),
            (self.empty, "empty"),
            (self.not_applied, "did not apply"),
            (self.timed_out, "timed out"),
            (self.errored, "did not run"),
            (self.infrastructure, "infrastructure"),
            (self.unfinished, "unfinished"),
        ];
        let shown = counts.iter().enumerate().filter(|(index, (count, _))| *index < 2 || *count > 0);
        let shown: Vec<String> = shown.map(|(_, (count, name))| format!("{count} {name}")).collect();
        let account = format!(
            "asked: {}, judged: {}, infrastructure: {}, unfinished: {}",
            self.asked, self.judged, self.infrastructure, self.unfinished
        );
        let headline = match (&self.resolved, &self.no_rate) {
            (Some(rate), _) => format!(
                "resolved: {} of the {} asked (95% interval {} to {}); {account}",
                percent(rate.of_asked),
                self.asked,
                percent(rate.low),
                percent(rate.high),
            ),
            (None, why) => format!("no rate: {}; {account}", why.as_deref().unwrap_or_default()),
        };
        let hint = match self.unfinished == 0 && self.infrastructure_share > self.infrastructure_allowed {
            true => "\nhint: the same command tries these again; `--allow-infrastructure SHARE` accepts more",
            false => "",
        };
        let Self { asked, dataset, .. } = self;
        format!("{asked} of the dataset's {dataset} instances asked for: {}\n{headline}{hint}", shown.join(", "))
    }
}

/// Returns the chance that one of `k` results, drawn without putting back from `n` of which `solved` are solved, is solved:
/// the unbiased estimator of pass@k. `None` with fewer than `k` results.
pub fn pass_at_k(n: u64, solved: u64, k: u64) -> Option<f64> {
    if k == 0 || n < k || solved > n {
        return None;
    }
    // C(n - solved, k) / C(n, k), factor by factor, so that nothing grows large. Where fewer than k are unsolved, one factor is 0.
    Some(1.0 - (n - solved + 1..=n).map(|i| 1.0 - k as f64 / i as f64).product::<f64>())
}

/// Returns a share with its 95% Wilson interval; `total` is not 0.
pub fn wilson(count: usize, total: usize) -> Rate {
    const Z: f64 = 1.959_963_984_540_054;
    let (n, share) = (total as f64, count as f64 / total as f64);
    let scale = 1.0 + Z * Z / n;
    let centre = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
    Rate { of_asked: share, low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
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
            (0..*count).for_each(|_| tally.add("a", *ending));
        }
        tally.finish(allowed);
        expected.assert_eq(&tally.lines());
    }

    #[test]
    fn the_rate_is_of_all_asked_with_wilsons_interval() {
        check(
            &[(Ending::Solved, 20), (Ending::Unsolved, 70), (Ending::Empty, 10)],
            0.02,
            &expect![[r#"
                100 of the dataset's 300 instances asked for: 20 solved, 70 unsolved, 10 empty
                resolved: 20.0% of the 100 asked (95% interval 13.3% to 28.9%); asked: 100, judged: 100, infrastructure: 0, unfinished: 0"#]],
        );
        check(
            &[(Ending::Solved, 1)],
            0.02,
            &expect![[r#"
                1 of the dataset's 300 instances asked for: 1 solved, 0 unsolved
                resolved: 100.0% of the 1 asked (95% interval 20.7% to 100.0%); asked: 1, judged: 1, infrastructure: 0, unfinished: 0"#]],
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
                100 of the dataset's 300 instances asked for: 98 solved, 0 unsolved, 2 infrastructure
                resolved: 98.0% of the 100 asked (95% interval 93.0% to 99.4%); asked: 100, judged: 98, infrastructure: 2, unfinished: 0"#]],
        );
        check(
            &[(Ending::Solved, 96), (Ending::Empty, 2), (Ending::Infrastructure, 2)],
            0.02,
            &expect![[r#"
                100 of the dataset's 300 instances asked for: 96 solved, 0 unsolved, 2 empty, 2 infrastructure
                no rate: infrastructure kept 2 of the 98 that had to be run from a result (2.04%, 2.00% at most); asked: 100, judged: 98, infrastructure: 2, unfinished: 0
                hint: the same command tries these again; `--allow-infrastructure SHARE` accepts more"#]],
        );
        check(
            &[(Ending::Solved, 96), (Ending::Empty, 2), (Ending::Infrastructure, 2)],
            0.1,
            &expect![[r#"
                100 of the dataset's 300 instances asked for: 96 solved, 0 unsolved, 2 empty, 2 infrastructure
                resolved: 96.0% of the 100 asked (95% interval 90.2% to 98.4%); asked: 100, judged: 98, infrastructure: 2, unfinished: 0"#]],
        );
    }

    /// Expected values by going through all ways to draw k of n in Python.
    #[test]
    fn pass_at_k_is_the_share_of_draws_with_a_solved_one() {
        for (n, solved, k, expected) in [
            (16, 3, 1, 0.1875),
            (16, 3, 4, 0.607_142_857_142_857_1),
            (16, 3, 8, 0.9),
            (5, 0, 3, 0.0),
            (5, 5, 1, 1.0),
            (5, 1, 5, 1.0),
            (10, 4, 2, 0.666_666_666_666_666_6),
            (8, 1, 3, 0.375),
        ] {
            let found = pass_at_k(n, solved, k).unwrap();
            assert!((found - expected).abs() < 1e-12, "{k} of {n} with {solved}: {found}");
        }
        assert_eq!([pass_at_k(3, 1, 4), pass_at_k(0, 0, 1), pass_at_k(2, 3, 1), pass_at_k(2, 1, 0)], [None; 4]);
    }

    #[test]
    fn what_is_unfinished_leaves_no_rate() {
        check(
            &[(Ending::Solved, 1), (Ending::TimedOut, 1), (Ending::Unfinished, 3)],
            1.0,
            &expect![[r#"
                5 of the dataset's 300 instances asked for: 1 solved, 0 unsolved, 1 timed out, 3 unfinished
                no rate: 3 of the 5 asked are unfinished; asked: 5, judged: 2, infrastructure: 0, unfinished: 3"#]],
        );
        check(
            &[],
            1.0,
            &expect![[r#"
                0 of the dataset's 300 instances asked for: 0 solved, 0 unsolved
                no rate: nothing was asked for; asked: 0, judged: 0, infrastructure: 0, unfinished: 0"#]],
        );
    }
}
