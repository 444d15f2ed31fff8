//! Plots as pixels.

use std::sync::Arc;

use anyhow::Context;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

/// Pixels for each of the plot's own units: 300 a printed inch where a plot is two thirds of a page's width.
const SCALE: f32 = 3.0;

/// Draws an SVG as PNG.
///
/// # Errors
/// When it is no SVG, or too large to be drawn.
pub(super) fn png(svg: &str) -> anyhow::Result<Vec<u8>> {
    // The font is part of the program, so that a plot looks the same on every machine.
    let mut fonts = Database::new();
    fonts.load_font_data(dejavu::sans_condensed::regular().to_vec());
    let family = fonts.faces().find_map(|face| Some(face.families.first()?.0.clone()));
    let family = family.context("the font of plots has no name")?;
    fonts.set_sans_serif_family(family.clone());
    let options = Options { font_family: family, fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).context("the plot cannot be read")?;
    let size = tree.size().to_int_size().scale_by(SCALE).context("the plot has no size")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).context("the plot is too large")?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().context("the plot cannot be written as PNG")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many pixels of a picture are dark.
    fn dark(svg: &str) -> usize {
        let pixels = Pixmap::decode_png(&png(svg).unwrap()).unwrap();
        pixels.pixels().iter().filter(|pixel| pixel.red() < 100).count()
    }

    #[test]
    fn words_are_set_in_the_font_of_the_program() {
        let svg = |words: &str| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"80\" height=\"20\" font-family=\"Helvetica, sans-serif\">\
                 <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/><text x=\"4\" y=\"14\">{words}</text></svg>"
            )
        };
        assert_eq!(dark(&svg("")), 0);
        assert!(dark(&svg("best@k…")) > 500);
        assert!(png("no plot").is_err());
    }
}
