//! A report in the form that was asked for.

use super::columns::{COMPARED_LEGEND, LEGEND, SAMPLES_LEGEND};
use super::summary::Report;
use super::table::Table;

/// The form of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Tables for people.
    #[default]
    Table,
    /// One JSON object with all figures.
    Json,
    /// A line for each row with all its figures. Comparisons are left out.
    Csv,
    /// The tables for people as Markdown.
    Markdown,
}

impl Report {
    /// Returns the report in a form.
    ///
    /// # Errors
    /// When it cannot be written so.
    pub fn write(&self, format: Format) -> anyhow::Result<String> {
        match format {
            Format::Table => Ok(self.parts(Table::text, |line| line.to_owned(), "\n")),
            Format::Markdown => Ok(self.parts(Table::markdown, |line| format!("- {line}"), "\n")),
            Format::Json => Ok(serde_json::to_string_pretty(self)? + "\n"),
            Format::Csv => self.csv(),
        }
    }

    /// Returns the table of the comparisons alone; `None` without any.
    pub fn comparison_table(&self) -> Option<String> {
        (!self.comparisons.is_empty()).then(|| format!("{}{COMPARED_LEGEND}\n", self.compared().text()))
    }

    /// Returns the tables with what is said below them.
    fn parts(&self, draw: fn(&Table) -> String, say: fn(&str) -> String, between: &str) -> String {
        let remarks = self.remarks();
        let mut parts = vec![(self.figures(), remarks.iter().map(String::as_str).chain(LEGEND).collect::<Vec<_>>())];
        parts.push((self.samples(), vec![SAMPLES_LEGEND]));
        parts.push((self.exit_statuses(), Vec::new()));
        parts.push((self.compared(), vec![COMPARED_LEGEND]));
        let is_drawn = |(index, (table, _)): &(usize, (Table, Vec<&str>))| *index == 0 || !table.is_empty();
        let drawn = parts.into_iter().enumerate().filter(is_drawn).map(|(_, (table, lines))| {
            let lines: String = lines.into_iter().map(|line| say(line) + "\n").collect();
            let gap = if lines.is_empty() { "" } else { between };
            draw(&table) + gap + &lines
        });
        drawn.collect::<Vec<_>>().join("\n")
    }
}
