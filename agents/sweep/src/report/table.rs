//! Tables for people.

/// What stands in place of a figure that is not known.
pub(crate) const MISSING: &str = "-";

/// A table for people.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    titles: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Returns a table without rows.
    pub fn new(titles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { titles: titles.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns whether there is a column of this title.
    pub(super) fn has(&self, title: &str) -> bool {
        self.titles.iter().any(|one| one == title)
    }

    /// Returns the table without the columns of which nothing is known in any row.
    #[must_use]
    pub fn known(self) -> Self {
        let is_known = |column: usize| self.rows.iter().any(|row| row.get(column).is_some_and(|cell| cell != MISSING));
        let kept: Vec<usize> = (0..self.titles.len()).filter(|column| is_known(*column)).collect();
        let of = |row: &[String]| kept.iter().filter_map(|column| row.get(*column).cloned()).collect();
        Self { titles: of(&self.titles), rows: self.rows.iter().map(|row| of(row)).collect() }
    }

    /// Returns it as lines with columns of equal width.
    pub fn text(&self) -> String {
        let lines = || std::iter::once(&self.titles).chain(&self.rows);
        let width = |column: usize| lines().filter_map(|row| Some(row.get(column)?.chars().count())).max();
        let widths: Vec<usize> = (0..self.titles.len()).map(|column| width(column).unwrap_or_default()).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        lines().map(line).collect()
    }

    /// Returns it as Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = "|---".repeat(self.titles.len()) + "|\n";
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        line(&self.titles) + &rule + &rows
    }
}

/// Returns a text that Markdown shows as it is.
pub(super) fn escape(text: &str) -> String {
    let special = |c: char| matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '|' | '~');
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if special(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
