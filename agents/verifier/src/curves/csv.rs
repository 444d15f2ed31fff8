//! Curves as CSV.

use super::Comparison;
use crate::estimate::Interval;

/// Writes one line a scorer and k; `over` is empty for best@k itself, else the line is of the paired difference.
pub(super) fn write(comparison: &Comparison) -> String {
    let mut text = "scorer,over,k,percent,low,high\n".to_owned();
    let mut lines = |scorer: &str, over: &str, points: &[Interval]| {
        for (index, Interval { mean, low, high }) in points.iter().enumerate() {
            let [mean, low, high] = [mean, low, high].map(|share| share * 100.0 + 0.0);
            text += &format!("{},{},{},{mean:.3},{low:.3},{high:.3}\n", quoted(scorer), quoted(over), index + 1);
        }
    };
    comparison.curves.iter().for_each(|curve| lines(&curve.name, "", &curve.best));
    comparison.gains.iter().for_each(|gain| lines(&gain.scorer, &gain.over, &gain.difference));
    text
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
