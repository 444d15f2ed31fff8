//! Curves as tables.

use sweep::report::Table;
use verifier::curves::{Comparison, Curve, Rated};
use verifier::estimate::{EXACT, Interval, SHUFFLES};
use verifier::{Labels, Pool};

/// Compares scorers by the candidates that have a verdict.
pub(super) fn compared(pool: &Pool, rated: &[Rated], labels: &Labels, n: usize) -> Comparison {
    let judged = |one: &Rated| Rated { scores: pool.of_judged(&one.scores), ..one.clone() };
    let judged: Vec<Rated> = rated.iter().map(judged).collect();
    Comparison::new(&judged, labels, n)
}

/// Returns best@k of all scorers in per cent with intervals, what they gain, and how well they tell and calibrate.
pub(super) fn tables(comparison: &Comparison) -> String {
    let ks = ks(comparison.curves.iter().map(|curve| curve.best.len()).max().unwrap_or_default());
    let heads = |first: &str, names: Vec<String>| std::iter::once(first.to_owned()).chain(names).collect::<Vec<_>>();
    let names = comparison.curves.iter().map(|curve| curve.name.clone()).collect();
    let mut best = Table::new(heads("best@k, %", names));
    for k in &ks {
        let cell = |curve: &Curve| {
            let deviation = curve.deviation.get(k - 1).copied().flatten();
            let deviation = deviation.map_or(String::new(), |share| format!(" ± {:.1}", share * 100.0));
            curve.best.get(k - 1).map_or(String::new(), percent) + &deviation
        };
        best.add(row(&k.to_string(), comparison.curves.iter().map(cell)));
    }
    let over = comparison.gains.iter().map(|gain| format!("{} over {}", gain.scorer, gain.over));
    let closed = comparison.closed.iter().map(|closed| format!("{}, % of random to oracle", closed.scorer));
    let mut gains = Table::new(heads("gain, points", over.chain(closed).collect()));
    for k in ks.iter().filter(|_| !comparison.gains.is_empty()) {
        let over = comparison.gains.iter().map(|gain| gain.difference.get(k - 1).map_or(String::new(), signed));
        let closed = comparison.closed.iter().map(|closed| {
            let share = closed.share.get(k - 1).copied().flatten();
            share.map_or("-".to_owned(), |share| whole(&share))
        });
        gains.add(row(&k.to_string(), over.chain(closed)));
    }
    let gains = if gains.is_empty() { String::new() } else { format!("\n{}", gains.text()) };
    format!("{}{gains}\n{}", best.text(), quality(comparison).text())
}

/// Returns which k have a row: all, or of very many the powers of two and the last.
fn ks(n: usize) -> Vec<usize> {
    (1..=n).filter(|k| n <= 16 || k.is_power_of_two() || *k == n).collect()
}

/// Returns AUC, calibration error and fit of each scorer.
fn quality(comparison: &Comparison) -> Table {
    let mut quality = Table::new(["scorer", "AUC", "ECE", "rated", "fit of best@k, %"]);
    for curve in &comparison.curves {
        let figure = |figure: Option<Interval>| {
            figure.map_or("-".to_owned(), |Interval { mean, low, high }| format!("{mean:.3} [{low:.3}, {high:.3}]"))
        };
        let fit = curve.fit.map_or("-".to_owned(), |fit| {
            let sign = if fit.intercept < 0.0 { '-' } else { '+' };
            let (slope, intercept) = ((fit.slope * 100.0).round() / 100.0 + 0.0, fit.intercept.abs());
            format!("{slope:.2} ln k {sign} {intercept:.2}, R² {:.3}", fit.r_squared)
        });
        let rated = format!("{}/{}", curve.rated, curve.candidates);
        quality.add(vec![curve.name.clone(), figure(curve.auc), figure(curve.ece), rated, fit]);
    }
    quality
}

/// Returns of how many instances the figures are, and what is particular about them.
pub(super) fn remarks(comparison: &Comparison) -> String {
    let short = match comparison.short {
        0 => String::new(),
        short => format!("; {short} of them have fewer candidates than that, and count with what they have"),
    };
    let n = comparison.curves.first().map_or(0, |curve| curve.best.len());
    let is_drawn = comparison.curves.iter().any(|curve| curve.deviation.iter().any(Option::is_some));
    let subsets = match is_drawn {
        true => format!(
            "best@k is the mean over all subsets of k candidates; where ± stands, the mean over {SHUFFLES} shuffles with a fixed \
             seed for instances with more than {EXACT} subsets, with its standard deviation over shuffles"
        ),
        false => "best@k is the mean over all subsets of k candidates".to_owned(),
    };
    format!(
        "rates are of {} instances with a verdict, for k up to {n}{short}; intervals hold 95 %, by bootstrap over instances\n{subsets}",
        comparison.instances
    )
}

fn row(name: &str, cells: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells).collect()
}

fn percent(point: &Interval) -> String {
    let [mean, low, high] = [point.mean, point.low, point.high].map(|share| share * 100.0);
    format!("{mean:.1} [{low:.1}, {high:.1}]")
}

fn whole(point: &Interval) -> String {
    let [mean, low, high] = [point.mean, point.low, point.high].map(|share| (share * 100.0).round() + 0.0);
    format!("{mean:.0} [{low:.0}, {high:.0}]")
}

fn signed(point: &Interval) -> String {
    // Rounding leaves no minus before a zero.
    let [mean, low, high] = [point.mean, point.low, point.high].map(|share| (share * 1000.0).round() / 10.0 + 0.0);
    format!("{mean:+.1} [{low:+.1}, {high:+.1}]")
}
