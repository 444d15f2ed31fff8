//! A rating out of words.

/// The best rating.
const BEST: f64 = 10.0;

/// Returns the rating that an answer ends with, from 0 to 1; `None` where it does not end with a whole number from 0 to 10
/// between the tags.
pub fn rating(answer: &str) -> Option<f64> {
    let inner = answer.trim_end().strip_suffix("</rating>")?;
    let (_, number) = inner.rsplit_once("<rating>")?;
    let number: u8 = number.trim().parse().ok()?;
    Some(f64::from(number) / BEST).filter(|rating| *rating <= 1.0)
}
