//! Cuts a file into parts that can be indexed each for itself, so that a change costs no more than the definitions that
//! it touches.
//!
//! In Python the parts are the functions of modules and classes, and what is between them. They are told by their
//! indentation alone, before anything is parsed; a file that is not plainly laid out is one part.

use rustc_hash::FxHashSet;

use crate::cut::key::Key;
use crate::cut::row::{Row, RowKind, rows};

/// Bytes below which a file is not worth cutting.
const SMALL: usize = 2_000;
/// Classes in classes beyond which no cuts are made.
const DEEPEST: usize = 4;

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// Lines to be put before the text when it is parsed, which stand for the classes around it; only the first part of
    /// a file has none.
    pub(crate) prefix: String,
    pub(crate) text: &'a str,
    pub(crate) key: Key,
}

/// Returns the parts of a file, which make up its text.
pub(crate) fn parts<'a>(path: &str, text: &'a str) -> Vec<Part<'a>> {
    let is_python = path.ends_with(".py") || path.ends_with(".pyi");
    let cuts = if is_python && text.len() >= SMALL { rows(text).map(|rows| cuts(&rows)) } else { None };
    let (mut parts, mut keys): (Vec<Part<'a>>, _) = (Vec::new(), FxHashSet::default());
    let mut cuts = cuts.unwrap_or_default().into_iter().peekable();
    let (mut start, mut prefix) = (0, String::new());
    while start < text.len() || parts.is_empty() {
        let next = cuts.next();
        let end = next.as_ref().map_or(text.len(), |cut| cut.at);
        let text = text.get(start..end).unwrap_or_default();
        let mut key = Key::of(&[path, &prefix, text]);
        while !keys.insert(key) {
            key = key.next();
        }
        parts.push(Part { prefix: std::mem::take(&mut prefix), text, key });
        start = end;
        prefix = next.map(|cut| cut.prefix).unwrap_or_default();
    }
    parts
}

/// Where a part begins, in bytes.
struct Cut {
    at: usize,
    prefix: String,
}

/// A definition that is open.
struct OpenBlock<'a> {
    indent: usize,
    /// The name of a class, and how its body is indented. Functions are not cut.
    class: Option<(&'a str, Option<usize>)>,
}

struct Cutter<'a> {
    rows: &'a [Row<'a>],
    open: Vec<OpenBlock<'a>>,
    cuts: Vec<Cut>,
    /// The row of the last cut.
    last: usize,
}

fn cuts(rows: &[Row<'_>]) -> Vec<Cut> {
    let mut cutter = Cutter { rows, open: Vec::new(), cuts: Vec::new(), last: 0 };
    let (mut above, mut decorated) = (0, false);
    for (number, row) in rows.iter().enumerate() {
        match row.kind {
            RowKind::Blank | RowKind::Comment => continue,
            RowKind::Inner => {}
            _ if decorated => decorated = cutter.begin(row),
            _ => {
                cutter.close(above, number);
                let (is_definition, may_cut) = cutter.is_definition(row);
                if is_definition && may_cut {
                    cutter.cut(cutter.lead(above, number));
                }
                decorated = is_definition && cutter.begin(row);
            }
        }
        above = number + 1;
    }
    cutter.cuts
}

impl<'a> Cutter<'a> {
    /// Ends what a statement of lower indentation ends: before the comments between, as far as they are of lower
    /// indentation, too. `above` is the row after the last statement.
    fn close(&mut self, above: usize, number: usize) {
        let indent = |row: usize| self.rows.get(row).map_or(0, |row| row.indent);
        let least = indent(number);
        let is_comment = |row: &usize| self.rows.get(*row).is_some_and(|row| row.kind == RowKind::Comment);
        let comments = (above..number).filter(is_comment).map(|row| (row, indent(row).max(least)));
        let ends: Vec<(usize, usize)> = comments.chain([(number, least)]).collect();
        let mut at = above;
        for (row, level) in ends {
            let open = self.open.len();
            while self.open.last().is_some_and(|around| around.indent >= level) {
                self.open.pop();
            }
            if self.open.len() < open {
                self.cut(at);
            }
            at = row + 1;
        }
    }

    /// Returns whether a row begins a definition of the module or of the innermost class, and whether a part may end
    /// before it: a class has to begin with some statement.
    fn is_definition(&mut self, row: &Row<'_>) -> (bool, bool) {
        let (level, is_first) = match self.open.last_mut() {
            None => (0, false),
            Some(OpenBlock { class: Some((_, body)), .. }) => {
                let is_first = body.is_none();
                (*body.get_or_insert(row.indent), is_first)
            }
            Some(OpenBlock { class: None, .. }) => return (false, false),
        };
        let defines = matches!(row.kind, RowKind::Decorator | RowKind::Function | RowKind::Class(_));
        (defines && row.indent == level, !is_first)
    }

    /// Opens the definition that a row begins; returns whether it is yet to come, below a decorator.
    fn begin(&mut self, row: &Row<'a>) -> bool {
        let class = match row.kind {
            RowKind::Decorator => return true,
            RowKind::Class(name) if self.open.len() < DEEPEST => Some((name, None)),
            _ => None,
        };
        self.open.push(OpenBlock { indent: row.indent, class });
        false
    }

    /// Returns the first of the comments right above a definition. All that follow the last statement belong to it when
    /// one of them is of lower indentation: at the end of a part that one would end what is around it.
    fn lead(&self, above: usize, number: usize) -> usize {
        let indent = self.rows.get(number).map_or(0, |row| row.indent);
        let is_comment = |row: &&Row<'_>| row.kind == RowKind::Comment;
        let between = self.rows.get(above..number).unwrap_or_default();
        if between.iter().filter(is_comment).any(|row| row.indent < indent) {
            return above;
        }
        number - between.iter().rev().take_while(is_comment).take_while(|row| row.indent == indent).count()
    }

    /// Cuts before a row. A part of nothing but blank lines stays with the one before it.
    fn cut(&mut self, number: usize) {
        let between = self.rows.get(self.last..number).unwrap_or_default();
        if between.iter().all(|row| row.kind == RowKind::Blank) && self.cuts.pop().is_none() {
            return;
        }
        let mut prefix = String::new();
        for OpenBlock { indent, class } in &self.open {
            if let Some((name, body)) = class {
                let body = body.unwrap_or(indent + 4);
                prefix += &format!("{:indent$}class {name}:\n{:body$}pass\n", "", "");
            }
        }
        if prefix.is_empty() {
            prefix.push_str("pass\n");
        }
        self.cuts.extend(self.rows.get(number).map(|row| Cut { at: row.at, prefix }));
        self.last = number;
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let text = format!("{}{text}", "# fill\n".repeat(SMALL / 7 + 1));
        let parts = parts("a.py", &text);
        assert_eq!(parts.iter().map(|part| part.text).collect::<String>(), text);
        let shown = parts.iter().map(|part| {
            let classes: Vec<&str> =
                part.prefix.lines().filter_map(|line| line.trim().strip_prefix("class ")).collect();
            format!("-- {}\n{}", classes.concat(), part.text.replace("# fill\n", ""))
        });
        expected.assert_eq(&shown.collect::<String>());
    }

    #[test]
    fn functions_and_what_is_between_them_are_parts() {
        check(
            "import a\n\n# Of b.\n@c(\n  1)\ndef b():\n    def d():\n        pass\n    # Still b.\n\n# Between.\n\nx = '''\ndef y\n'''\n\nclass A(\n    B):\n    '''Doc.'''\n\n    def e(self): pass\n\n    z = 1\n\n    class F:\n        async def g(self):\n            return [\n1]\n\n    # Of A.\n# Of the module.\ny = 1\n\nclass H:\n    # First.\n    def i(self):\n        pass\n\n# Low.\n\n    @j\n    def k(self):\n        pass\n",
            expect![[r#"
                -- 
                import a

                -- 
                # Of b.
                @c(
                  1)
                def b():
                    def d():
                        pass
                    # Still b.
                -- 

                # Between.

                x = '''
                def y
                '''

                -- 
                class A(
                    B):
                    '''Doc.'''

                -- A:
                    def e(self): pass
                -- A:

                    z = 1

                -- A:
                    class F:
                        async def g(self):
                            return [
                1]
                -- A:

                    # Of A.
                -- 
                # Of the module.
                y = 1

                -- 
                class H:
                    # First.
                    def i(self):
                        pass
                -- H:

                # Low.

                    @j
                    def k(self):
                        pass
            "#]],
        );
    }

    #[test]
    fn what_is_not_plainly_laid_out_stays_whole() {
        for text in
            ["x = (\ndef a():\n    pass\n", "def a():\n\tpass\n\ndef b():\n\tpass\n", "x = 'a\ndef a():\n    pass\n"]
        {
            let text = text.to_owned() + &"y = 1\n".repeat(SMALL);
            assert_eq!(parts("a.py", &text).len(), 1, "{text:.40}");
        }
        assert_eq!(parts("a.rs", &"def a():\n    pass\n".repeat(SMALL)).len(), 1);
        assert_eq!(parts("a.py", "").len(), 1);
    }

    #[test]
    fn equal_parts_of_a_file_have_keys_of_their_own() {
        let text = "def a():\n    pass\n\n\n".repeat(SMALL / 10);
        let parts = parts("a.py", &text);
        let mut keys: Vec<Key> = parts.iter().map(|part| part.key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!((keys.len(), parts.len()), (SMALL / 10, SMALL / 10));
    }
}
