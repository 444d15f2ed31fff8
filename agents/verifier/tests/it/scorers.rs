//! Scorers without a model, and the comparison of scorers.

use env_core::Patch;
use verifier::curves::{Comparison, Rated, Scores};
use verifier::{Candidate, Candidates, First, Labels, Majority, Oracle, Random, Scorer};

fn candidates(lines: &[&str]) -> Candidates {
    let head = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,0 +2 @@\n";
    let one = |line: &&str| {
        let text = if line.is_empty() { String::new() } else { format!("{head}+{line}\n") };
        Candidate { patch: Patch(text), ..Candidate::default() }
    };
    let candidates = lines.iter().map(one).enumerate().map(|(place, one)| Candidate { place, ..one }).collect();
    Candidates { instance_id: "a__b-1".to_owned(), candidates }
}

#[tokio::test]
async fn the_majority_is_told_by_what_patches_do() {
    let scores = Majority.rate(&candidates(&["x = 1", "x=1  # one", "x = 2", "", "# nothing"])).await.unwrap();
    assert_eq!(scores, [Some(0.4), Some(0.4), Some(0.2), None, None]);
}

#[tokio::test]
async fn the_bounds_rate_by_place_by_chance_and_by_verdict() {
    let candidates = candidates(&["x", "y", "z"]);
    let first = First.rate(&candidates).await.unwrap();
    assert!(first[0] > first[1] && first[1] > first[2]);
    let random = Random { seed: 1 }.rate(&candidates).await.unwrap();
    assert_eq!(random, Random { seed: 1 }.rate(&candidates).await.unwrap());
    assert_ne!(random, Random { seed: 2 }.rate(&candidates).await.unwrap());
    let oracle = Oracle::new([("a__b-1".to_owned(), vec![Some(false), None, Some(true)])].into());
    assert_eq!(oracle.rate(&candidates).await.unwrap(), [Some(0.0), None, Some(1.0)]);
    // Also of a few of them, the bounds say what they say of all.
    let bounds: [(&dyn Scorer, _); 3] = [
        (&First, vec![first[0], first[2]]),
        (&Random { seed: 1 }, vec![random[0], random[2]]),
        (&oracle, vec![Some(0.0), Some(1.0)]),
    ];
    for (bound, expected) in bounds {
        assert_eq!(bound.rate(&candidates.of(&[0, 2])).await.unwrap(), expected, "{}", bound.name());
        let subsets = bound.rate_subsets(&candidates, &[vec![0, 2]]).await.unwrap();
        assert_eq!(subsets, [expected], "{}", bound.name());
    }
}

#[test]
fn scorers_stand_between_the_bounds_in_table_csv_and_plot() {
    let id = |name: &str| format!("a__b-{name}");
    let labels = Labels::from([(id("1"), vec![false, true]), (id("2"), vec![true, false]), (id("3"), vec![false])]);
    let scores = Scores::from([(id("1"), vec![Some(0.1), Some(0.9)]), (id("2"), vec![Some(0.2), None])]);
    let comparison = Comparison::new(&[Rated::once("mine & yours", scores)], &labels, 2);
    let names: Vec<&str> = comparison.curves.iter().map(|curve| curve.name.as_str()).collect();
    assert_eq!(names, ["random", "first", "mine & yours", "oracle"]);
    let at_two: Vec<i64> = comparison.curves.iter().map(|curve| (curve.best[1].mean * 300.0).round() as i64).collect();
    assert_eq!(at_two, [100, 100, 200, 200]);
    assert_eq!((comparison.instances, comparison.short), (3, 1));
    assert_eq!((comparison.curves[2].rated, comparison.curves[2].candidates), (3, 5));
    let closed = comparison.closed[0].share.iter().map(|share| share.map(|share| share.mean));
    assert_eq!(closed.collect::<Vec<_>>(), [None, Some(1.0)]);

    let csv = comparison.csv();
    let lines = |figure: &str| csv.lines().filter(|line| line.starts_with(figure)).count();
    assert_eq!(["best,", "gain,", "closed,", "slope,"].map(lines), [8, 4, 2, 4], "{csv}");
    assert!(csv.contains("\nbest,mine & yours,,2,66.667,"), "{csv}");
    let svg = comparison.svg();
    assert!(svg.contains("mine &amp; yours 66.7</text>") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(!svg.contains("NaN"), "{svg}");
}
