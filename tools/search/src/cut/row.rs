//! The lines of a Python file, as far as it takes to know where statements begin.

/// A line: where it starts, how far it is indented, and what it is.
pub(crate) struct Row<'a> {
    pub(crate) at: usize,
    pub(crate) indent: usize,
    pub(crate) kind: RowKind<'a>,
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowKind<'a> {
    Blank,
    Comment,
    Decorator,
    Function,
    Class(&'a str),
    Other,
    /// Goes on with what the line above began.
    Inner,
}

/// Returns the lines of a text; nothing when it does not end as it should.
pub(crate) fn rows(text: &str) -> Option<Vec<Row<'_>>> {
    let (mut scan, mut rows, mut at) = (Scan::default(), Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        let inner = scan.quote.is_some() || scan.brackets > 0 || scan.continued;
        let content = line.trim_start_matches(' ');
        let kind = if inner { RowKind::Inner } else { RowKind::of(content)? };
        rows.push(Row { at, indent: line.len() - content.len(), kind });
        scan.line(line.as_bytes())?;
        at += line.len();
    }
    (scan.quote.is_none() && scan.brackets == 0).then_some(rows)
}

/// Reads lines as far as it takes to know where statements begin.
#[derive(Default)]
struct Scan {
    /// The quote that ends the string at hand, once or three times.
    quote: Option<(u8, usize)>,
    brackets: usize,
    continued: bool,
}

impl Scan {
    fn line(&mut self, line: &[u8]) -> Option<()> {
        self.continued = false;
        let mut at = 0;
        while let Some(byte) = line.get(at) {
            let run = |quote: u8| line.iter().skip(at).take(3).take_while(|byte| **byte == quote).count();
            at += match (self.quote, *byte) {
                (_, b'\\') => {
                    self.continued = self.quote.is_none();
                    2
                }
                (Some((quote, times)), byte) if byte == quote && run(quote) >= times => {
                    self.quote = None;
                    times
                }
                // Only a string of three quotes continues by itself.
                (Some((_, 1)), b'\n') => return None,
                (Some(_), _) => 1,
                (None, b'#') => return Some(()),
                (None, quote @ (b'"' | b'\'')) => {
                    let times = if run(quote) >= 3 { 3 } else { 1 };
                    self.quote = Some((quote, times));
                    times
                }
                (None, b'(' | b'[' | b'{') => {
                    self.brackets += 1;
                    1
                }
                (None, b')' | b']' | b'}') => {
                    self.brackets = self.brackets.checked_sub(1)?;
                    1
                }
                (None, _) => 1,
            };
        }
        Some(())
    }
}

impl<'a> RowKind<'a> {
    /// Returns what a line without its indentation is; nothing for one that is indented by more than spaces.
    fn of(content: &'a str) -> Option<Self> {
        if content.trim().is_empty() {
            return Some(Self::Blank);
        }
        let word = content.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        Some(match word {
            "" if content.starts_with('#') => Self::Comment,
            "" if content.starts_with('@') => Self::Decorator,
            "" if content.starts_with(char::is_whitespace) => return None,
            "def" => Self::Function,
            "async" if content.split_whitespace().nth(1) == Some("def") => Self::Function,
            "class" => {
                let name = content.get(word.len()..)?.trim_start();
                Self::Class(name.split(|c: char| !c.is_alphanumeric() && c != '_').next()?)
            }
            _ => Self::Other,
        })
    }
}
