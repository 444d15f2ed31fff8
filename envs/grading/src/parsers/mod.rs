//! The parsers of test logs, one a family of test runners.
//!
//! Every parser reads a log line by line, in one pass. What they do with odd lines is what the official harness does:
//! names are cut at blanks, a later line overwrites an earlier one, and words such as `ERROR:` count as a status of their
//! own. What differs all the same is listed in the docs of the crate.

mod django;
mod pytest;
mod seaborn;
mod sympy;
pub(crate) mod text;

use env_core::{Dialect, StatusMap};

use self::django::Django;
use self::pytest::Flavor;
use self::text::lines;
use crate::parser::Parser;
use crate::tally::Tally;

impl Parser {
    /// Returns the statuses of all tests in a log, as the official parser of that dialect reads them.
    pub fn parse(self, log: &str, dialect: Dialect) -> StatusMap {
        let mut tally = Tally::default();
        LineParser::new(self, dialect).read(log, &mut tally);
        tally.finish().0
    }
}

/// A parser at work on one log, which may come in parts.
pub(crate) struct LineParser {
    parser: Parser,
    dialect: Dialect,
    django: Django,
}

impl LineParser {
    pub(crate) fn new(parser: Parser, dialect: Dialect) -> Self {
        Self { parser, dialect, django: Django::default() }
    }

    /// Reads the next part of the log, which ends where a line ends, or is the last before a new start.
    pub(crate) fn read(&mut self, text: &str, tally: &mut Tally<'_>) {
        let (dialect, lines) = (self.dialect, lines(text));
        match self.parser {
            Parser::Pytest => {
                tally.each_line(lines, |line, tally| pytest::read_line(line, dialect, Flavor::Plain, tally));
            }
            Parser::PytestOptions => {
                tally.each_line(lines, |line, tally| pytest::read_line(line, dialect, Flavor::Options, tally));
            }
            Parser::Matplotlib => {
                tally.each_line(lines, |line, tally| pytest::read_line(line, dialect, Flavor::Matplotlib, tally));
            }
            Parser::PytestV2 => {
                tally.each_line(lines, |line, tally| pytest::read_line_v2(line, dialect, false, tally));
            }
            Parser::Pydantic => {
                tally.each_line(lines, |line, tally| pytest::read_line_v2(line, dialect, true, tally));
            }
            Parser::Seaborn => tally.each_line(lines, seaborn::read_line),
            Parser::Sympy => tally.each_line(lines, |line, tally| sympy::read_line(line, dialect, tally)),
            Parser::Django => tally.each_line(lines, |line, tally| self.django.read_line(line, tally)),
        }
    }
}
