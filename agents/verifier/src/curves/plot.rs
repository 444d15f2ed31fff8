//! Curves as a plot.
//!
//! A few polygons and words: the crates for plots bring fonts and rasters for what is a hundred lines of SVG.

use std::fmt::Write as _;

use super::{Comparison, Curve};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 420.0;
/// Margins: left, top, right (where the names stand), bottom.
const MARGINS: [f64; 4] = [56.0, 20.0, 130.0, 48.0];
/// Colours that differ in print and to colour-blind readers (Okabe and Ito), with dashes that differ in grey.
const STROKES: [(&str, &str); 6] = [
    ("#0072b2", ""),
    ("#d55e00", "8 3"),
    ("#009e73", "2 3"),
    ("#cc79a7", "8 3 2 3"),
    ("#56b4e9", "5 2"),
    ("#e69f00", "1 2"),
];
/// The bounds.
const BOUND: (&str, &str) = ("#555555", "4 4");
/// Height of a line of words.
const LINE: f64 = 14.0;

/// Where the values are on the page.
struct Axes {
    n: usize,
    low: f64,
    high: f64,
}

impl Axes {
    fn x(&self, k: usize) -> f64 {
        let share = (k as f64).ln() / (self.n.max(2) as f64).ln();
        MARGINS[0] + share * (WIDTH - MARGINS[0] - MARGINS[2])
    }

    fn y(&self, percent: f64) -> f64 {
        let share = (percent - self.low) / (self.high - self.low);
        HEIGHT - MARGINS[3] - share * (HEIGHT - MARGINS[1] - MARGINS[3])
    }
}

/// Draws best@k in per cent over k, on a logarithmic scale, each curve with its name at its end, scorers with their
/// intervals.
pub(super) fn svg(comparison: &Comparison) -> String {
    let axes = axes(&comparison.curves);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    grid(&mut text, &axes, comparison.instances);
    let mut strokes = STROKES.iter().cycle();
    let styled: Vec<(&Curve, (&str, &str))> = comparison
        .curves
        .iter()
        .map(|curve| {
            let is_bound = matches!(curve.name.as_str(), "random" | "first" | "oracle");
            (curve, if is_bound { BOUND } else { strokes.next().copied().unwrap_or(BOUND) })
        })
        .collect();
    // Only the scorers' own, so that what lies over one another can still be told apart.
    for (curve, (colour, _)) in styled.iter().filter(|(_, stroke)| *stroke != BOUND) {
        band(&mut text, &axes, curve, colour);
    }
    for (curve, (colour, dashes)) in &styled {
        let points: Vec<String> = points(curve, &axes, |point| point.mean).collect();
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>",
            points.join(" ")
        );
    }
    names(&mut text, &axes, &styled);
    text + "</svg>\n"
}

/// Returns axes that hold every interval, on whole steps of 10.
fn axes(curves: &[Curve]) -> Axes {
    let values = || curves.iter().flat_map(|curve| &curve.best);
    let low = values().map(|point| point.low).fold(f64::INFINITY, f64::min).clamp(0.0, 1.0);
    let high = values().map(|point| point.high).fold(0.0, f64::max);
    let low = (low * 10.0).floor() * 10.0;
    let high = ((high * 10.0).ceil() * 10.0).max(low + 10.0);
    Axes { n: curves.iter().map(|curve| curve.best.len()).max().unwrap_or(1), low, high }
}

fn grid(text: &mut String, axes: &Axes, instances: usize) {
    let (left, right) = (MARGINS[0], WIDTH - MARGINS[2]);
    let (top, bottom) = (MARGINS[1], HEIGHT - MARGINS[3]);
    let mut percent = axes.low;
    while percent <= axes.high + 1e-9 {
        let y = axes.y(percent);
        let _ = writeln!(text, "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#dddddd\"/>");
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{percent:.0}</text>",
            left - 6.0,
            y + 4.0
        );
        percent += 10.0;
    }
    let mut k = 1;
    while k <= axes.n {
        let x = axes.x(k);
        let _ = writeln!(text, "<path d=\"M{x:.1} {bottom:.1}v5\" stroke=\"#000000\"/>");
        let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{k}</text>", bottom + 18.0);
        k *= 2;
    }
    let _ = writeln!(text, "<path d=\"M{left:.1} {top:.1}V{bottom:.1}H{right:.1}\" fill=\"none\" stroke=\"#000000\"/>");
    let middle = (left + right) / 2.0;
    let _ = writeln!(
        text,
        "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">candidates an instance, k (logarithmic)</text>",
        bottom + 38.0
    );
    let middle = (top + bottom) / 2.0;
    let _ = writeln!(
        text,
        "<text transform=\"translate(16 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">resolved, % of {instances} \
         instances</text>"
    );
}

fn band(text: &mut String, axes: &Axes, curve: &Curve, colour: &str) {
    let upper: Vec<String> = points(curve, axes, |point| point.high).collect();
    let mut lower: Vec<String> = points(curve, axes, |point| point.low).collect();
    lower.reverse();
    let _ = writeln!(
        text,
        "<polygon points=\"{} {}\" fill=\"{colour}\" fill-opacity=\"0.12\" stroke=\"none\"/>",
        upper.join(" "),
        lower.join(" ")
    );
}

fn points<'a>(
    curve: &'a Curve,
    axes: &'a Axes,
    of: impl Fn(&crate::estimate::Interval) -> f64 + 'a,
) -> impl Iterator<Item = String> + 'a {
    let place = move |(index, point)| format!("{:.1},{:.1}", axes.x(index + 1), axes.y(of(point) * 100.0));
    curve.best.iter().enumerate().map(place)
}

/// Writes the names at the ends of the curves, moved apart where they would overlap.
fn names(text: &mut String, axes: &Axes, styled: &[(&Curve, (&str, &str))]) {
    let end = |curve: &Curve| curve.best.last().map(|point| point.mean * 100.0);
    let mut places: Vec<(f64, f64, &str, &str)> = styled
        .iter()
        .filter_map(|(curve, (colour, _))| {
            let percent = end(curve)?;
            Some((axes.y(percent), percent, curve.name.as_str(), *colour))
        })
        .collect();
    places.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut free = f64::NEG_INFINITY;
    for (y, percent, name, colour) in places {
        let y = y.max(free);
        free = y + LINE;
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        let x = WIDTH - MARGINS[2] + 6.0;
        let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name} {percent:.1}</text>", y + 4.0);
    }
}
