//! Curves as a plot.
//!
//! A few polygons and words: the crates for plots bring layouts of their own for what is two hundred lines of SVG.

use std::fmt::Write as _;

use super::{Comparison, Curve};
use crate::estimate::Interval;

/// Size of the field that the curves are in.
const FIELD: [f64; 2] = [454.0, 352.0];
/// Margins: left, top, bottom. The names stand at the right, in a margin as wide as they are.
const LEFT: f64 = 56.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 48.0;
/// Space between the field and the names.
const GAP: f64 = 18.0;
/// Width of a letter at most, on average over a name.
const LETTER: f64 = 6.4;
/// Letters of a name that are shown at most.
const LETTERS: usize = 40;
/// Height of a line of words.
const LINE: f64 = 14.0;
/// Half the size of a mark.
const MARK: f64 = 3.5;

/// Colours that differ in print and to colour-blind readers (Okabe and Ito), with dashes that differ in grey.
const STROKES: [(&str, &str); 6] = [
    ("#0072b2", "none"),
    ("#d55e00", "8 3"),
    ("#009e73", "2 3"),
    ("#cc79a7", "8 3 2 3"),
    ("#56b4e9", "5 2"),
    ("#e69f00", "1 2"),
];
/// The bounds, which have no marks.
const BOUNDS: [(&str, &str); 3] = [("random", "1 3"), ("first", "4 4"), ("oracle", "10 3")];
const GREY: &str = "#555555";

/// What stands at the points of a curve. There are as many as is needed for 30 curves that look different.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    Circle,
    Square,
    Triangle,
    Diamond,
    Ring,
}

const MARKS: [Mark; 5] = [Mark::Circle, Mark::Square, Mark::Triangle, Mark::Diamond, Mark::Ring];

/// How a curve is drawn.
#[derive(Debug, Clone, Copy)]
struct Look {
    colour: &'static str,
    dashes: &'static str,
    mark: Mark,
}

/// Where the values are on the page.
struct Axes {
    n: usize,
    low: f64,
    high: f64,
    /// Height of the field.
    field: f64,
}

impl Axes {
    /// Returns axes that hold every interval, on whole steps of 10, on a field that has room for the names.
    fn of(curves: &[Curve]) -> Self {
        let values = || curves.iter().flat_map(|curve| &curve.best);
        let low = values().map(|point| point.low).fold(f64::INFINITY, f64::min).clamp(0.0, 1.0);
        let high = values().map(|point| point.high).fold(0.0, f64::max);
        let low = ((low * 10.0).floor() * 10.0).min(90.0);
        let high = ((high * 10.0).ceil() * 10.0).clamp(low + 10.0, 100.0);
        let n = curves.iter().map(|curve| curve.best.len()).max().unwrap_or(1);
        Self { n, low, high, field: FIELD[1].max(curves.len() as f64 * LINE) }
    }

    fn x(&self, k: usize) -> f64 {
        LEFT + if self.n < 2 { 0.5 } else { (k as f64).ln() / (self.n as f64).ln() } * FIELD[0]
    }

    fn y(&self, percent: f64) -> f64 {
        self.bottom() - (percent - self.low) / (self.high - self.low) * self.field
    }

    fn right(&self) -> f64 {
        LEFT + FIELD[0]
    }

    fn bottom(&self) -> f64 {
        TOP + self.field
    }

    /// Returns the places of a figure of each point.
    fn places(&self, curve: &Curve, of: impl Fn(&Interval) -> f64) -> Vec<(f64, f64)> {
        let place = |(index, point)| (self.x(index + 1), self.y(of(point) * 100.0));
        curve.best.iter().enumerate().map(place).collect()
    }
}

/// How strongly a band is coloured, at most and of all bands together.
const BANDS: [f64; 2] = [0.12, 0.4];

/// Draws best@k in per cent over k, on a logarithmic scale, each curve with its name at its end, scorers with their
/// intervals.
pub(super) fn svg(comparison: &Comparison) -> String {
    let axes = Axes::of(&comparison.curves);
    let looks = looks(&comparison.curves);
    let named: Vec<String> = comparison.curves.iter().map(caption).collect();
    let letters = named.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let (width, height) = (axes.right() + GAP + letters as f64 * LETTER + 8.0, axes.bottom() + BOTTOM);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         height=\"{height:.0}\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    grid(&mut text, &axes, comparison.instances);
    // Only the scorers' own, and paler the more there are, so that what lies over one another can still be told apart.
    let scorers = || comparison.curves.iter().zip(&looks).filter(|(_, look)| look.mark != Mark::None);
    let opacity = BANDS[0].min(BANDS[1] / scorers().count().max(1) as f64);
    for (curve, look) in scorers() {
        band(&mut text, &axes, curve, (look.colour, opacity));
    }
    for (curve, look) in comparison.curves.iter().zip(&looks) {
        line(&mut text, &axes, curve, look);
    }
    names(&mut text, &axes, comparison.curves.iter().zip(&looks).zip(&named));
    text + "</svg>\n"
}

/// Returns how each curve is drawn: the bounds in grey without marks, scorers each in its own way.
fn looks(curves: &[Curve]) -> Vec<Look> {
    let mut scorers = STROKES.iter().cycle().zip(MARKS.iter().cycle());
    let look = |curve: &Curve| match BOUNDS.iter().find(|(name, _)| *name == curve.name) {
        Some((_, dashes)) => Look { colour: GREY, dashes, mark: Mark::None },
        None => match scorers.next() {
            Some(((colour, dashes), mark)) => Look { colour, dashes, mark: *mark },
            None => Look { colour: GREY, dashes: "none", mark: Mark::Ring },
        },
    };
    curves.iter().map(look).collect()
}

/// Returns the name of a curve, shortened in its middle, with where it ends.
fn caption(curve: &Curve) -> String {
    let letters: Vec<char> = curve.name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let half = LETTERS / 2;
    let name: String = match letters.len() > LETTERS {
        true => letters[..half].iter().chain(&['…']).chain(&letters[letters.len() - half + 1..]).collect(),
        false => letters.iter().collect(),
    };
    match curve.best.last() {
        Some(point) => format!("{name} {:.1}", point.mean * 100.0),
        None => name,
    }
}

fn grid(text: &mut String, axes: &Axes, instances: usize) {
    let (left, right, bottom) = (LEFT, axes.right(), axes.bottom());
    let mut percent = axes.low;
    while percent <= axes.high + 1e-9 {
        let y = axes.y(percent);
        let _ = writeln!(text, "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#dddddd\"/>");
        let (x, y) = (left - 6.0, y + 4.0);
        let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{percent:.0}</text>");
        percent += 10.0;
    }
    // Powers of two, and the last one where there is room for it.
    let powers = std::iter::successors(Some(1), |k: &usize| k.checked_mul(2)).take_while(|k| *k <= axes.n);
    let mut ks: Vec<usize> = powers.collect();
    if ks.last().is_some_and(|last| axes.x(axes.n) - axes.x(*last) > 24.0) {
        ks.push(axes.n);
    }
    for k in ks {
        let x = axes.x(k);
        let _ = writeln!(text, "<path d=\"M{x:.1} {bottom:.1}v5\" stroke=\"#000000\"/>");
        let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{k}</text>", bottom + 18.0);
    }
    let _ = writeln!(text, "<path d=\"M{left:.1} {TOP:.1}V{bottom:.1}H{right:.1}\" fill=\"none\" stroke=\"#000000\"/>");
    let (x, y) = ((left + right) / 2.0, bottom + 38.0);
    let _ = writeln!(
        text,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">candidates per instance, k (logarithmic scale)</text>"
    );
    let middle = (TOP + bottom) / 2.0;
    let _ = writeln!(
        text,
        "<text transform=\"translate(16 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">resolved, % of {instances} \
         instances</text>"
    );
}

/// Draws the intervals of a curve: a band, or of a single point a bar.
fn band(text: &mut String, axes: &Axes, curve: &Curve, (colour, opacity): (&str, f64)) {
    let (upper, mut lower) = (axes.places(curve, |point| point.high), axes.places(curve, |point| point.low));
    if let ([(x, high)], [(_, low)]) = (upper.as_slice(), lower.as_slice()) {
        let _ = writeln!(text, "<path d=\"M{x:.1} {high:.1}V{low:.1}\" stroke=\"{colour}\" stroke-opacity=\"0.4\"/>");
        return;
    }
    lower.reverse();
    let (upper, lower) = (joined(&upper), joined(&lower));
    let _ = writeln!(
        text,
        "<polygon points=\"{upper} {lower}\" fill=\"{colour}\" fill-opacity=\"{opacity:.3}\" stroke=\"none\"/>"
    );
}

fn line(text: &mut String, axes: &Axes, curve: &Curve, Look { colour, dashes, mark }: &Look) {
    let places = axes.places(curve, |point| point.mean);
    if let [(_, y)] = places.as_slice() {
        // One point is no line, and a bound has no mark.
        let (left, right) = (LEFT, axes.right());
        let _ = writeln!(
            text,
            "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"{colour}\" stroke-width=\"1\" stroke-dasharray=\"{dashes}\"/>"
        );
    }
    let points = joined(&places);
    let _ = writeln!(
        text,
        "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>"
    );
    for (x, y) in places {
        let corners: &[(f64, f64)] = match mark {
            Mark::None => continue,
            Mark::Circle | Mark::Ring => {
                let fill = if *mark == Mark::Ring { "#ffffff" } else { colour };
                let _ = writeln!(
                    text,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{MARK}\" fill=\"{fill}\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
                );
                continue;
            }
            Mark::Square => &[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
            Mark::Triangle => &[(0.0, -1.3), (1.2, 0.9), (-1.2, 0.9)],
            Mark::Diamond => &[(0.0, -1.4), (1.4, 0.0), (0.0, 1.4), (-1.4, 0.0)],
        };
        let corners: Vec<(f64, f64)> = corners.iter().map(|(dx, dy)| (x + dx * MARK, y + dy * MARK)).collect();
        let _ = writeln!(text, "<polygon points=\"{}\" fill=\"{colour}\"/>", joined(&corners));
    }
}

fn joined(places: &[(f64, f64)]) -> String {
    places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// Writes the names at the ends of the curves, moved apart where they would overlap, each with a line to its curve.
fn names<'a>(text: &mut String, axes: &Axes, named: impl Iterator<Item = ((&'a Curve, &'a Look), &'a String)>) {
    let place = |((curve, look), name): ((&'a Curve, &'a Look), &'a String)| {
        Some((axes.places(curve, |point| point.mean).pop()?, look.colour, name))
    };
    let mut ends: Vec<((f64, f64), &str, &String)> = named.filter_map(place).collect();
    ends.sort_by(|one, other| one.0.1.total_cmp(&other.0.1));
    // Down from the top, and those that would then stand below the field up again.
    let mut heights: Vec<f64> = Vec::with_capacity(ends.len());
    for ((_, y), ..) in &ends {
        heights.push(heights.last().map_or(*y, |above: &f64| y.max(above + LINE)));
    }
    let mut free = axes.bottom();
    for height in heights.iter_mut().rev() {
        *height = height.min(free);
        free = *height - LINE;
    }
    let x = axes.right() + GAP;
    for (((end, y), colour, name), height) in ends.into_iter().zip(heights) {
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        // A single point is drawn as a line over the whole field.
        let from = if axes.n < 2 { axes.right() } else { end + MARK + 2.0 };
        let _ = writeln!(
            text,
            "<path d=\"M{from:.1} {y:.1}L{:.1} {height:.1}\" stroke=\"{colour}\" stroke-width=\"0.6\"/>",
            x - 3.0
        );
        let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>", height + 4.0);
    }
}
