//! Curves as tables.

use sweep::report::Table;
use verifier::curves::{Comparison, Curve, Rated};
use verifier::estimate::Interval;
use verifier::{Labels, Pool};

/// Compares scorers by the candidates that have a verdict.
pub(super) fn compared(pool: &Pool, rated: &[Rated], labels: &Labels, n: usize) -> Comparison {
    let judged = |one: &Rated| Rated { scores: pool.of_judged(&one.scores), ..one.clone() };
    let judged: Vec<Rated> = rated.iter().map(judged).collect();
    Comparison::new(&judged, labels, n)
}

/// Returns best@k of all scorers in per cent with intervals, what they gain, and how well they tell and calibrate.
pub(super) fn tables(comparison: &Comparison) -> String {
    let n = comparison.curves.iter().map(|curve| curve.best.len()).max().unwrap_or_default();
    let ks: Vec<usize> = (1..=n).collect();
    let heads =
        |first: &str| std::iter::once(first.to_owned()).chain(ks.iter().map(|k| k.to_string())).collect::<Vec<_>>();
    let mut best = Table::new(heads("best@k, %"));
    for curve in &comparison.curves {
        best.add(row(&curve.name, curve.best.iter().map(percent)));
    }
    let mut gains = Table::new(heads("gain, points"));
    for gain in &comparison.gains {
        gains.add(row(&format!("{} over {}", gain.scorer, gain.over), gain.difference.iter().map(signed)));
    }
    for curve in comparison.curves.iter().filter(|curve| is_scorer(curve)) {
        let shares = comparison.closed(curve).into_iter();
        let shares = shares.map(|share| share.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0)));
        gains.add(row(&format!("{}: of the gap to the oracle", curve.name), shares));
    }
    let gains = if gains.is_empty() { String::new() } else { format!("\n{}", gains.text()) };
    format!("{}{gains}\n{}", best.text(), quality(comparison).text())
}

/// Returns AUC, calibration error and fit of each scorer.
fn quality(comparison: &Comparison) -> Table {
    let mut quality = Table::new(["scorer", "AUC", "ECE", "rated", "fit of best@k, %"]);
    for curve in &comparison.curves {
        let figure = |figure: Option<f64>| figure.map_or("-".to_owned(), |figure| format!("{figure:.3}"));
        let fit = curve.fit.map_or("-".to_owned(), |fit| {
            let sign = if fit.intercept < 0.0 { '-' } else { '+' };
            let (slope, intercept) = (fit.slope, fit.intercept.abs());
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
    format!(
        "rates are of {} instances with a verdict, for k up to {n}{short}; intervals hold 95 %, by bootstrap over instances\nfor k below the number of candidates, `majority` and `learned` still go by the agreement of all of them",
        comparison.instances
    )
}

fn is_scorer(curve: &Curve) -> bool {
    !matches!(curve.name.as_str(), "random" | "first" | "oracle")
}

fn row(name: &str, cells: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(cells).collect()
}

fn percent(point: &Interval) -> String {
    let [mean, low, high] = [point.mean, point.low, point.high].map(|share| share * 100.0);
    format!("{mean:.1} [{low:.1}, {high:.1}]")
}

fn signed(point: &Interval) -> String {
    // Rounding leaves no minus before a zero.
    let [mean, low, high] = [point.mean, point.low, point.high].map(|share| (share * 1000.0).round() / 10.0 + 0.0);
    format!("{mean:+.1} [{low:+.1}, {high:+.1}]")
}
