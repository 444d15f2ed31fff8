//! Figures, comparisons and forms of reports.

use agent_core::{OutcomeClass, Restored, Spending};
use expect_test::{Expect, expect};
use journal::Ended;
use serde_json::{Value, json};
use sweep::report::{By, Format, Report};

use crate::written_run::Written;

/// Every way in which an episode can end.
const ENDINGS: &str = "
    moto__moto-1 solved 10 1000 0.5
    moto__moto-2 unsolved 20 3000 0.25
    moto__moto-3 stuck 30 5000 0.25
    moto__moto-4 stuck_empty 30 5000 0.25
    dask__dask-1 empty 5 500 0.05
    dask__dask-2 not_applied 5 500 ?
    dask__dask-3 no_verdict 10 1000 0.1
    dask__dask-4 broken 10 1000 0.1
    dask__dask-5 model_failed 1 100 0.0
    dask__dask-6 error
    dask__dask-7 begun
    dask__dask-8 asked
    dask__dask-9 outdated 10 1000 0.1
";

fn report(written: &Written, runs: &[&str], by: By, compare: Option<[&str; 2]>) -> Report {
    let facts: Vec<_> = runs.iter().flat_map(|run| written.facts(run)).collect();
    Report::new(&facts, by, compare).unwrap()
}

/// Checks the tables of a report on one run.
fn check(lines: &str, by: By, format: Format, expected: &Expect) {
    let written = Written::new();
    written.cell("run", "codeact", lines);
    expected.assert_eq(&report(&written, &["run"], by, None).write(format).unwrap());
}

#[test]
fn each_ending_is_counted_once_and_each_figure_is_of_what_it_says() {
    check(
        ENDINGS,
        By::Cell,
        Format::Table,
        &expect![[r#"
            cell     asked  solved  unsolved  infrastructure  unfinished  resolved               ±      empty  stuck  turns       tokens      seconds     cost      per solved
            codeact  13     1       5         4 (36.4%)       3           7.7%* (1.4% to 33.3%)  25.0%  15.4%  7.7%   13.1 of 10  1810 of 10  10.0 of 10  ≥$1.6000  ≥$1.6000

            * codeact: 3 of the 13 asked are unfinished
            resolved: of asked, with its 95% Wilson interval
            ±: standard deviation of the solved share in half-size samples of the judged patches that are not empty
            empty, stuck: of asked; stuck: went in circles and has a patch; infrastructure: of asked without the empty patches
            turns, tokens, seconds: means over the episodes that ended, or over the N of these of which they are known
            cost: of all episodes that ended, solved or not, ≥ where not every price is known; per solved: cost by solved ones

            cell     exit status   episodes  of ended
            codeact  submitted     7         63.6%
            codeact  limit stuck   2         18.2%
            codeact  error         1         9.1%
            codeact  model failed  1         9.1%
        "#]],
    );
}

#[test]
fn rows_are_repositories() {
    check(
        ENDINGS,
        By::Repository,
        Format::Csv,
        &expect![[r#"
        run,cell,group,asked,judged,solved,unsolved,infrastructure,unfinished,ended,resolved,resolved_of,resolved_low,resolved_high,provisional,deviation,deviation_of,empty,empty_of,stuck,stuck_of,stuck_of_ended,infrastructure_share,infrastructure_of,turns,turns_of,tokens,tokens_of,prompt_tokens,prompt_tokens_of,completion_tokens,completion_tokens_of,seconds,seconds_of,cost,cost_of,cost_unknown,cost_per_solved,cost_per_solved_of,exit_status.error,exit_status.limit_stuck,exit_status.model_failed,exit_status.submitted
        run,codeact,dask/dask,9,2,0,2,4,3,7,0,9,0,0.2991450484195441,3 of the 9 asked are unfinished,-,-,0.1111111111111111,9,0,9,0,0.5,8,6.833333333333333,6,683.3333333333334,6,615,6,68.33333333333333,6,10,6,0.35,5,2,-,-,1,0,1,5
        run,codeact,moto/moto,4,4,1,3,0,0,4,0.25,4,0.04558726080970055,0.6993581574175981,-,0.4714045207910317,3,0.25,4,0.25,4,0.5,0,3,22.5,4,3500,4,3150,4,350,4,10,4,1.25,4,0,1.25,1,0,2,0,2
    "#]],
    );
}

#[test]
fn a_figure_that_is_not_known_is_missing_and_not_0() {
    // Patches that were only judged, and a cell of which nothing has come yet.
    let written = Written::new();
    written.cell("run", "evaluate", "a__a-1 given\n a__a-2 given");
    written.cell("run", "planned", "a__a-1 asked\n a__a-2 begun");
    let report = report(&written, &["run"], By::Cell, None);
    expect![[r#"
        | cell | asked | solved | unsolved | infrastructure | unfinished | resolved | ± | empty |
        |---|---|---|---|---|---|---|---|---|
        | evaluate | 2 | 2 | 0 | 0 | 0 | 100.0% (34.2% to 100.0%) | 0.0% | 0.0% |
        | planned | 2 | 0 | 0 | 0 | 2 | - | - | - |

        - planned: there is no result of the 2 asked for yet
        - resolved: of asked, with its 95% Wilson interval
        - ±: standard deviation of the solved share in half-size samples of the judged patches that are not empty
        - empty, stuck: of asked; stuck: went in circles and has a patch; infrastructure: of asked without the empty patches
    "#]].assert_eq(&report.write(Format::Markdown).unwrap());
    let figures = |row: usize| serde_json::to_value(&report.rows[row].figures).unwrap();
    for key in ["stuck", "turns", "tokens", "seconds", "cost"] {
        assert_eq!((figures(0)[key].clone(), figures(1)[key].clone()), (Value::Null, Value::Null), "{key}");
    }
    for key in ["resolved", "empty", "deviation"] {
        assert_eq!(figures(1)[key], Value::Null, "{key}");
    }
    assert!(report.write(Format::Csv).unwrap().lines().nth(2).unwrap().contains(",-,-,-,-,"));
}

#[test]
fn a_server_that_tells_no_tokens_leaves_their_mean_open() {
    check(
        "a__a-1 solved 10 0 0.5",
        By::Cell,
        Format::Table,
        &expect![[r#"
            cell     asked  solved  unsolved  infrastructure  unfinished  resolved                  empty  stuck  turns  seconds  cost     per solved
            codeact  1      1       0         0               0           100.0% (20.7% to 100.0%)  0.0%   0.0%   10.0   10.0     $0.5000  $0.5000

            resolved: of asked, with its 95% Wilson interval
            empty, stuck: of asked; stuck: went in circles and has a patch; infrastructure: of asked without the empty patches
            turns, tokens, seconds: means over the episodes that ended, or over the N of these of which they are known
            cost: of all episodes that ended, solved or not, ≥ where not every price is known; per solved: cost by solved ones

            cell     exit status  episodes  of ended
            codeact  submitted    1         100.0%
        "#]],
    );
}

#[test]
fn samples_have_their_mean_and_pass_at_k() {
    // a: 2 of 3 solved; b: 1 of 2 results; c: none of 3.
    let lines = "
        a__a-1#0 solved\n a__a-1#1 solved\n a__a-1#2 unsolved
        b__b-1#0 unsolved\n b__b-1#1 solved\n b__b-1#2 error
        c__c-1#0 empty\n c__c-1#1 unsolved\n c__c-1#2 unsolved";
    check(
        lines,
        By::Cell,
        Format::Table,
        &expect![[r#"
            cell     asked  solved  unsolved  infrastructure  unfinished  resolved                 ±      empty  stuck
            codeact  9      3       5         1 (12.5%)       0           33.3%* (12.1% to 64.6%)  23.3%  11.1%  0.0%

            * codeact: infrastructure kept 1 of the 8 that had to be run from a result (12.50%, 2.00% at most)
            resolved: of asked, with its 95% Wilson interval
            ±: standard deviation of the solved share in half-size samples of the judged patches that are not empty
            empty, stuck: of asked; stuck: went in circles and has a patch; infrastructure: of asked without the empty patches

            cell     samples  instances  mean           pass@1  pass@2  pass@3      best known
            codeact  3        3          33.3% ± 19.2%  38.9%   66.7%   50.0% of 2  66.7%

            mean: of the samples' rates, each of what was asked for in it, with its standard error; pass@k: unbiased, over the instances with at least k results; best known: instances of which any sample is solved

            cell     exit status  episodes  of ended
            codeact  submitted    8         88.9%
            codeact  error        1         11.1%
        "#]],
    );
    check(
        lines,
        By::Instance,
        Format::Markdown,
        &expect![[r#"
            | cell | instance | asked | solved | unsolved | infrastructure | unfinished | resolved | ± | empty | stuck |
            |---|---|---|---|---|---|---|---|---|---|---|
            | codeact | a\_\_a-1 | 3 | 2 | 1 | 0 | 0 | 66.7% (20.8% to 93.9%) | 47.1% | 0.0% | 0.0% |
            | codeact | b\_\_b-1 | 3 | 1 | 1 | 1 (33.3%) | 0 | 33.3%\* (6.1% to 79.2%) | 50.0% | 0.0% | 0.0% |
            | codeact | c\_\_c-1 | 3 | 0 | 3 | 0 | 0 | 0.0% (0.0% to 56.1%) | 0.0% | 33.3% | 0.0% |

            - \* codeact b\_\_b-1: infrastructure kept 1 of the 3 that had to be run from a result (33.33%, 2.00% at most)
            - resolved: of asked, with its 95% Wilson interval
            - ±: standard deviation of the solved share in half-size samples of the judged patches that are not empty
            - empty, stuck: of asked; stuck: went in circles and has a patch; infrastructure: of asked without the empty patches

            | cell | instance | samples | instances | mean | pass@1 | pass@2 | pass@3 | best known |
            |---|---|---|---|---|---|---|---|---|
            | codeact | a\_\_a-1 | 3 | 1 | 66.7% ± 33.3% | 66.7% | 100.0% | 100.0% | 100.0% |
            | codeact | b\_\_b-1 | 3 | 1 | 50.0% ± 50.0% of 2 | 50.0% | 100.0% | - | 100.0% |
            | codeact | c\_\_c-1 | 3 | 1 | 0.0% ± 0.0% | 0.0% | 0.0% | 0.0% | 0.0% |

            - mean: of the samples' rates, each of what was asked for in it, with its standard error; pass@k: unbiased, over the instances with at least k results; best known: instances of which any sample is solved
        "#]],
    );
}

#[test]
fn infrastructure_beyond_what_is_allowed_marks_the_rate() {
    let written = Written::new();
    let lines: String = (0..60).map(|number| format!("a__a-{number} solved\n")).collect();
    written.cell("run", "codeact", &(lines + "a__a-99 no_verdict"));
    let why = |allowed: Option<f64>| {
        let run = written.open("run");
        let facts = sweep::report::CellFacts::read(&run, "run", "codeact", allowed);
        let report = Report::new(&[facts], By::Cell, None).unwrap();
        report.rows[0].figures.resolved.clone().unwrap().provisional
    };
    // 1 of 61 is 1.6%.
    assert_eq!(why(None), None);
    assert_eq!(
        why(Some(0.01)).as_deref(),
        Some("infrastructure kept 1 of the 61 that had to be run from a result (1.64%, 1.00% at most)")
    );
    std::fs::write(written.folder("run").join("codeact/config.yaml"), "evaluation: {infrastructure: 0.001}").unwrap();
    assert!(why(None).unwrap().contains("0.10% at most"));
}

#[test]
fn two_runs_are_compared_on_the_episodes_of_which_both_have_a_result() {
    let written = Written::new();
    written.cell(
        "base",
        "codeact",
        "a__a-1 solved\n a__a-2 unsolved\n a__a-3 solved\n a__a-4 empty\n a__a-5 error\n a__a-6 solved",
    );
    written.cell(
        "tuned",
        "codeact+temperature=0.5",
        "a__a-1 solved\n a__a-2 solved\n a__a-3 stuck\n a__a-4 solved\n a__a-5 solved\n a__a-7 solved",
    );
    let report = report(&written, &["base", "tuned"], By::Cell, None);
    expect![[r#"
        second                         first         pairs  second resolved  first resolved  both  neither  won  lost  p       method  left out
        tuned/codeact+temperature=0.5  base/codeact  4      75.0%            50.0%           1     0        2    1     1.0000  exact   2 asked of one alone, 1 without a result
        pairs: of the same instance and sample, with a result in both; won: solved by the second alone, lost: by the first alone; p: McNemar's test, two-sided
    "#]].assert_eq(&report.comparison_table().unwrap());
    assert_eq!(
        serde_json::to_value(&report.comparisons).unwrap(),
        json!([{
            "first": "base/codeact", "second": "tuned/codeact+temperature=0.5", "pairs": 4, "both": 1, "neither": 0,
            "won": 2, "lost": 1, "first_resolved": {"count": 2, "of": 4, "share": 0.5},
            "second_resolved": {"count": 3, "of": 4, "share": 0.75}, "asked_of_one": 2, "without_result": 1,
            "p": 1.0, "method": "exact",
        }])
    );
}

#[test]
fn cells_are_compared_by_name_sample_by_sample() {
    let written = Written::new();
    let lines =
        |ending: &str| (0..30).map(|number| format!("a__a-{number}#{} {ending}\n", number % 3)).collect::<String>();
    written.cell("run", "a", &lines("unsolved"));
    written.cell("run", "b", &lines("solved"));
    written.cell("other", "a", "a__a-0#1 solved");
    let cells: Vec<_> = ["run", "other"].iter().flat_map(|run| written.facts(run)).collect();
    let compared = |names: [&str; 2]| match Report::new(&cells, By::Cell, Some(names)) {
        Ok(report) => {
            let one = &report.comparisons[0];
            format!(
                "{} pairs, won {}, lost {}, p {:.2e}, {:?}",
                one.pairs,
                one.won,
                one.lost,
                one.p.unwrap_or(9.0),
                one.method
            )
        }
        Err(err) => err.to_string(),
    };
    for (names, expected) in [
        (["run/a", "b"], expect!["30 pairs, won 30, lost 0, p 1.19e-7, Some(ChiSquared)"]),
        (["b", "run/a"], expect!["30 pairs, won 0, lost 30, p 1.19e-7, Some(ChiSquared)"]),
        // The same instance as another sample is no pair.
        (["run/a", "other/a"], expect!["0 pairs, won 0, lost 0, p 9.00e0, None"]),
        (
            ["a", "b"],
            expect![[r#"
            several runs have a cell `a`
            hint: name its run as well, as in `run/a`"#]],
        ),
        (
            ["run/c", "b"],
            expect![[r#"
            there is no cell `run/c`
            hint: did you mean `run/a`?"#]],
        ),
        (
            ["nothing like it", "b"],
            expect![[r#"
            there is no cell `nothing like it`
            hint: the cells are `run/a`, `run/b`, `other/a`"#]],
        ),
    ] {
        expected.assert_eq(&compared(names));
    }
    // Two runs of several cells: those of the same name.
    let report = Report::new(&cells, By::Cell, None).unwrap();
    assert_eq!(report.comparisons.iter().map(|one| one.second.as_str()).collect::<Vec<_>>(), ["other/a"]);
}

#[test]
fn names_that_would_steer_a_terminal_or_break_a_form_are_harmless() {
    let written = Written::new();
    written.cell("run", "cell,\"with|\u{1b}[2J", "a__a\u{9b}-1 solved\n b__b-2#1 dropped");
    let written = report(&written, &["run"], By::Instance, None);
    for format in [Format::Table, Format::Markdown, Format::Csv] {
        let text = written.write(format).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
    expect![[r#"run,"cell,""with|�[2J",a__a�-1,1,1,1,0,0,0,1,1,1,0.20654"#]]
        .assert_eq(&written.write(Format::Csv).unwrap().lines().nth(1).unwrap()[..60]);
    expect![[r#"
        | cell | instance | asked | solved | unsolved | infrastructure | unfinished | resolved | empty | stuck |
        |---|---|---|---|---|---|---|---|---|---|
        | cell,"with\|�\[2J | a\_\_a�-1 | 1 | 1 | 0 | 0 | 0 | 100.0% (20.7% to 100.0%) | 0.0% | 0.0% |

        - run/cell,"with\|�\[2J: 1 episodes are no longer asked for and are not counted
        - resolved: of asked, with its 95% Wilson interval
        - empty, stuck: of asked; stuck: went in circles and has a patch; infrastructure: of asked without the empty patches
    "#]].assert_eq(&written.write(Format::Markdown).unwrap());
}

#[test]
fn a_run_of_a_version_without_spending_in_its_journal_is_read_from_its_outcomes() {
    let written = Written::new();
    written.cell("run", "codeact", "a__a-1 solved\n a__a-2 error");
    let folder = written.folder("run").join("codeact/a__a-1");
    std::fs::create_dir_all(&folder).unwrap();
    let outcome = json!({
        "type": "outcome", "exit_status": "submitted", "patch": "+a\n",
        "spending": {
            "steps": 7, "queries": 7, "usage": {"prompt_tokens": 90, "completion_tokens": 9}, "cost": 0.125,
            "unpriced_queries": 0, "seconds": 3.0, "model_seconds": 1.0, "tool_seconds": 1.0,
        },
    });
    std::fs::write(folder.join("trajectory.jsonl"), format!("{{\"type\":\"header\"}}\n{outcome}\n")).unwrap();
    let figures = report(&written, &["run"], By::Cell, None).rows[0].figures.clone();
    assert_eq!((figures.turns.unwrap().mean, figures.tokens.unwrap().mean), (7.0, 99.0));
    let cost = figures.cost.unwrap();
    assert_eq!((cost.total, cost.of, cost.unknown, cost.per_solved), (0.125, 1, 1, Some(0.125)));
}

#[test]
fn a_cell_whose_samples_a_stop_rule_cut_says_so_and_has_no_pass_at_k_beyond_what_all_have() {
    let lines = "
        a__a-1#0 solved\n b__b-1#0 unsolved\n c__c-1#0 unsolved
        b__b-1#1 solved\n c__c-1#1 unsolved
        c__c-1#2 unsolved";
    check(
        lines,
        By::Cell,
        Format::Table,
        &expect![[r#"
        cell     asked  solved  unsolved  infrastructure  unfinished  resolved               ±      empty  stuck
        codeact  6      2       4         0               0           33.3% (9.7% to 70.0%)  21.1%  0.0%   0.0%

        run/codeact: its samples are not of the same instances, because a `stop` rule skips the samples of solved instances; those are not in the figures, so resolved, mean and pass@k are biased
        resolved: of asked, with its 95% Wilson interval
        ±: standard deviation of the solved share in half-size samples of the judged patches that are not empty
        empty, stuck: of asked; stuck: went in circles and has a patch; infrastructure: of asked without the empty patches

        cell     samples  instances  mean           pass@1  best known
        codeact  3        3          27.8% ± 14.7%  50.0%   66.7%

        mean: of the samples' rates, each of what was asked for in it, with its standard error; pass@k: unbiased, over the instances with at least k results; best known: instances of which any sample is solved

        cell     exit status  episodes  of ended
        codeact  submitted    6         100.0%
    "#]],
    );
}

#[test]
fn what_a_branch_took_over_from_its_parent_is_no_cost_of_its_own() {
    let written = Written::new();
    written.cell("run", "codeact", "a__a-1 asked");
    let spending = |cost: f64| Spending { steps: 4, queries: 4, cost, ..Spending::default() };
    let restored = Restored { queries: 2, cost: 0.75, ..Restored::default() };
    let ended = Ended {
        exit_status: "submitted".to_owned(),
        class: OutcomeClass::Submitted,
        error: None,
        spending: Some(Spending { restored, ..spending(1.0) }),
        config: None,
    };
    let dir = written.cell_dir("run", "codeact", 0);
    dir.end(&dir.episode("a__a-1").unwrap(), "a__a-1", ended).unwrap();
    let figures = &report(&written, &["run"], By::Cell, None).rows[0].figures;
    assert_eq!(figures.cost.map(|cost| cost.total), Some(0.25));
    assert_eq!(figures.turns.map(|turns| turns.mean), Some(4.0));
    // What nothing was taken over in is written as before, and what earlier versions wrote is read.
    let text = serde_json::to_string(&spending(1.0)).unwrap();
    assert!(!text.contains("restored"), "{text}");
    assert_eq!(serde_json::from_str::<Spending>(&text).unwrap().paid(), spending(1.0));
}
