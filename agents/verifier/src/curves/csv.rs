//! Curves as CSV.

use super::Comparison;
use crate::estimate::Interval;

/// Writes one figure a line, with its interval. `best`, `gain` (over another scorer, paired) and `closed` (of the gap between
/// random and oracle) are per cent and have a k; `auc` and `ece` are from 0 to 1; `slope`, `intercept` and `r_squared` are
/// of the fit of best@k in per cent; `rated` and `candidates` are counts. `deviation` is that of best@k over shuffles, in
/// points, and empty where all subsets were taken.
pub(super) fn write(comparison: &Comparison) -> String {
    let mut text = "figure,scorer,over,k,value,low,high,deviation\n".to_owned();
    let mut line = |figure: &str, scorer: &str, over: &str, cells: [String; 5]| {
        text += &format!("{figure},{},{},{}\n", quoted(scorer), quoted(over), cells.join(","));
    };
    for curve in &comparison.curves {
        for (index, (point, deviation)) in curve.best.iter().zip(&curve.deviation).enumerate() {
            line("best", &curve.name, "", percent(index + 1, Some(point), *deviation));
        }
        let plain = |value: String| [String::new(), value, String::new(), String::new(), String::new()];
        for (figure, value) in [("auc", &curve.auc), ("ece", &curve.ece)] {
            if let Some(value) = value {
                let [mean, low, high] = [value.mean, value.low, value.high].map(|value| format!("{value:.4}"));
                line(figure, &curve.name, "", [String::new(), mean, low, high, String::new()]);
            }
        }
        if let Some(fit) = curve.fit {
            let parts = [("slope", fit.slope), ("intercept", fit.intercept), ("r_squared", fit.r_squared)];
            parts.into_iter().for_each(|(part, value)| line(part, &curve.name, "", plain(format!("{value:.4}"))));
        }
        line("rated", &curve.name, "", plain(curve.rated.to_string()));
        line("candidates", &curve.name, "", plain(curve.candidates.to_string()));
    }
    for gain in &comparison.gains {
        for (index, point) in gain.difference.iter().enumerate() {
            line("gain", &gain.scorer, &gain.over, percent(index + 1, Some(point), None));
        }
    }
    for closed in &comparison.closed {
        for (index, point) in closed.share.iter().enumerate() {
            line("closed", &closed.scorer, "", percent(index + 1, point.as_ref(), None));
        }
    }
    text
}

fn percent(k: usize, point: Option<&Interval>, deviation: Option<f64>) -> [String; 5] {
    let cell = |share: Option<f64>| {
        share.map_or(String::new(), |share| format!("{:.3}", (share * 100_000.0).round() / 1000.0 + 0.0))
    };
    let of = |part: fn(&Interval) -> f64| cell(point.map(part));
    [k.to_string(), of(|point| point.mean), of(|point| point.low), of(|point| point.high), cell(deviation)]
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
