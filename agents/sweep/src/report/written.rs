//! A report in the form that was asked for.

use super::columns::{COMPARED_LEGEND, SAMPLES_LEGEND, legend};
use super::summary::Report;
use super::table::{Table, escape};

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
            Format::Table => Ok(self.parts(Table::text, str::to_owned, str::to_owned)),
            Format::Markdown => Ok(self.parts(Table::markdown, |line| format!("- {line}"), escape)),
            Format::Json => Ok(serde_json::to_string_pretty(self)? + "\n"),
            Format::Csv => self.csv(),
        }
    }

    /// Returns the table of the comparisons alone; `None` without any.
    pub fn comparison_table(&self) -> Option<String> {
        (!self.comparisons.is_empty()).then(|| format!("{}{COMPARED_LEGEND}\n", self.compared().text()))
    }

    /// Returns the tables with what is said below them.
    fn parts(&self, draw: fn(&Table) -> String, list: fn(&str) -> String, quote: fn(&str) -> String) -> String {
        let figures = self.figures();
        let below: Vec<String> = self
            .remarks()
            .iter()
            .map(|line| quote(line))
            .chain(legend(&figures).into_iter().map(str::to_owned))
            .collect();
        let parts = [
            (self.samples(), vec![SAMPLES_LEGEND.to_owned()]),
            (self.exit_statuses(), Vec::new()),
            (self.compared(), vec![COMPARED_LEGEND.to_owned()]),
        ];
        let all = [(figures, below)].into_iter().chain(parts.into_iter().filter(|(table, _)| !table.is_empty()));
        let drawn = all.map(|(table, below)| {
            let below: String = below.iter().map(|line| list(line) + "\n").collect();
            draw(&table) + if below.is_empty() { "" } else { "\n" } + &below
        });
        drawn.collect::<Vec<_>>().join("\n")
    }
}
