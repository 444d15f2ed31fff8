//! Plots as pixels.

use std::sync::Arc;

use anyhow::Context;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

/// Pixels for each of the plot's own units: 300 a printed inch where a plot is two thirds of a page's width.
const SCALE: f32 = 3.0;

/// The family of the font that words are set in, which is part of the program: it looks the same on every machine.
const FAMILY: &str = "DejaVu Sans Condensed";

/// Draws an SVG as PNG.
///
/// # Errors
/// When it is no SVG, or too large to be drawn.
pub(super) fn png(svg: &str) -> anyhow::Result<Vec<u8>> {
    let mut fonts = Database::new();
    fonts.load_font_data(dejavu::sans_condensed::regular().to_vec());
    fonts.set_sans_serif_family(FAMILY);
    let options = Options { font_family: FAMILY.to_owned(), fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).context("the plot cannot be read")?;
    let size = tree.size().to_int_size().scale_by(SCALE).context("the plot has no size")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).context("the plot is too large")?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().context("the plot cannot be written as PNG")
}
