//! The languages that are cut into spans, one row each.

use std::path::Path;

use tree_sitter::Query;

use crate::cut::template;

/// A language: a row of [`LANGUAGES`] and the file `languages/<name>.scm`, below what it shares with others.
///
/// The captures of a query: `@class`, `@function` and `@scope` are definitions with their `@name`, `@body` and
/// `@receiver`; `@outer` is what may stand around one, such as decorators; `@doc` is a docstring, `@base` a base class,
/// `@call` the name that is called, and `@import` an import.
pub(crate) struct Language {
    /// The name, as people know it.
    pub(crate) name: &'static str,
    /// Extensions of its files.
    pub(crate) extensions: &'static [&'static str],
    /// How the lines begin that belong to the definition below them: comments and attributes.
    pub(crate) lead: &'static [&'static str],
    /// `None` where the definitions are found without one.
    grammar: Option<fn() -> tree_sitter::Language>,
    query: &'static str,
}

const SLASHES: &[&str] = &["//", "/*", "*", "@"];

/// Every language.
pub(crate) const LANGUAGES: &[Language] = &[
    Language {
        name: "python",
        extensions: &["py", "pyi", "ipynb"],
        lead: &["#"],
        grammar: Some(|| tree_sitter_python::LANGUAGE.into()),
        query: include_str!("languages/python.scm"),
    },
    // There is no grammar for it; see `cython.rs`.
    Language { name: "cython", extensions: &["pyx", "pxd", "pxi"], lead: &["#"], grammar: None, query: "" },
    Language {
        name: "rust",
        extensions: &["rs"],
        lead: &["//", "/*", "*", "#["],
        grammar: Some(|| tree_sitter_rust::LANGUAGE.into()),
        query: include_str!("languages/rust.scm"),
    },
    Language {
        name: "javascript",
        extensions: &["js", "jsx", "mjs", "cjs"],
        lead: SLASHES,
        grammar: Some(|| tree_sitter_javascript::LANGUAGE.into()),
        query: concat!(include_str!("languages/ecmascript.scm"), include_str!("languages/javascript.scm")),
    },
    Language {
        name: "typescript",
        extensions: &["ts", "mts", "cts"],
        lead: SLASHES,
        grammar: Some(|| tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into()),
        query: concat!(include_str!("languages/ecmascript.scm"), include_str!("languages/typescript.scm")),
    },
    Language {
        name: "tsx",
        extensions: &["tsx"],
        lead: SLASHES,
        grammar: Some(|| tree_sitter_typescript::LANGUAGE_TSX.into()),
        query: concat!(include_str!("languages/ecmascript.scm"), include_str!("languages/typescript.scm")),
    },
    Language {
        name: "go",
        extensions: &["go"],
        lead: &["//", "/*", "*"],
        grammar: Some(|| tree_sitter_go::LANGUAGE.into()),
        query: include_str!("languages/go.scm"),
    },
    Language {
        name: "java",
        extensions: &["java"],
        lead: SLASHES,
        grammar: Some(|| tree_sitter_java::LANGUAGE.into()),
        query: include_str!("languages/java.scm"),
    },
    Language {
        name: "c",
        extensions: &["c", "h"],
        lead: &["//", "/*", "*"],
        grammar: Some(|| tree_sitter_c::LANGUAGE.into()),
        query: include_str!("languages/c.scm"),
    },
    Language {
        name: "cpp",
        extensions: &["cc", "cpp", "cxx", "hh", "hpp", "hxx", "cu"],
        lead: &["//", "/*", "*"],
        grammar: Some(|| tree_sitter_cpp::LANGUAGE.into()),
        query: include_str!("languages/cpp.scm"),
    },
];

impl Language {
    /// Returns whether definitions are found by a grammar.
    pub(crate) fn has_grammar(&self) -> bool {
        self.grammar.is_some()
    }

    /// Returns the place in [`LANGUAGES`] of the language of a file, by its extension; that of a template is what comes
    /// before its last one.
    pub(crate) fn of(path: &str) -> Option<usize> {
        let path = template::written(path).unwrap_or(path);
        let extension = Path::new(path).extension()?.to_str()?;
        LANGUAGES.iter().position(|language| language.extensions.contains(&extension))
    }

    /// Returns how the names of all files end that are of some language, without the first dot.
    pub(crate) fn endings() -> Vec<String> {
        let plain = LANGUAGES.iter().flat_map(|row| row.extensions).map(|extension| (*extension).to_owned());
        plain.chain(template::endings()).collect()
    }

    /// Returns the grammar and the query over it.
    pub(crate) fn load(&self) -> Result<(tree_sitter::Language, Query), String> {
        let Some(grammar) = self.grammar else { return Err(format!("there is no grammar for {}", self.name)) };
        let grammar = grammar();
        match Query::new(&grammar, self.query) {
            Ok(query) => Ok((grammar, query)),
            Err(err) => Err(format!("languages/{}.scm: {err}", self.name)),
        }
    }
}
