//! Definitions that an edit has doubled.

use std::collections::{BTreeMap, BTreeSet};

use search::{Span, SpanKind};

/// Returns the classes and functions of a Python file that are defined twice in one block now and were not before.
pub(crate) fn new_doubles(path: &str, before: &str, after: &str) -> BTreeSet<String> {
    let known = doubles(path, before);
    doubles(path, after).into_iter().filter(|name| !known.contains(name)).collect()
}

/// A definition as it stands in the file.
struct Definition<'a> {
    /// The lines of decorators above it.
    decorators: Vec<&'a str>,
    /// The number of the line that opens the block it is in; 0 for the module. Branches of a condition have their own.
    block: usize,
}

fn doubles(path: &str, text: &str) -> BTreeSet<String> {
    let outline = search::outline(path, text);
    let lines = edit::lines(text);
    let mut names: BTreeMap<&str, Vec<Definition<'_>>> = BTreeMap::new();
    for span in &outline.spans {
        if let Some(definition) = definition(span, &lines) {
            names.entry(span.path()).or_default().push(definition);
        }
    }
    let doubled = names.into_iter().filter(|(_, definitions)| is_doubled(definitions));
    doubled.map(|(name, _)| name.to_owned()).collect()
}

fn definition<'a>(span: &Span, lines: &[&'a str]) -> Option<Definition<'a>> {
    let defines = [SpanKind::Class, SpanKind::Function, SpanKind::Method].contains(&span.kind);
    let line = |number: usize| lines.get(number.checked_sub(1)?).copied();
    let signature = line(span.signature as usize).filter(|_| defines)?;
    let keywords = ["def ", "async def ", "class "];
    if !keywords.iter().any(|keyword| signature.trim_start().starts_with(keyword)) {
        return None;
    }
    let above = (span.start as usize..span.signature as usize).filter_map(line).map(str::trim);
    let decorators = above.filter(|line| line.starts_with('@')).collect();
    let filled =
        |number: &usize| line(*number).is_some_and(|line| !line.trim().is_empty() && !line.trim().starts_with('#'));
    let outer = |number: &usize| line(*number).is_some_and(|line| indent(line) < indent(signature));
    let block = (1..span.start as usize).rev().filter(filled).find(outer).unwrap_or(0);
    Some(Definition { decorators, block })
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Returns whether one of the definitions takes the place of another by mistake. Accessors of a property, overloads and
/// implementations that are registered belong together.
fn is_doubled(definitions: &[Definition<'_>]) -> bool {
    let has = |definition: &Definition<'_>, names: &[&str]| {
        definition.decorators.iter().any(|decorator| {
            let name = decorator.trim_start_matches('@').split('(').next().unwrap_or_default();
            names
                .iter()
                .any(|ending| name.rsplit('.').next() == Some(*ending) && (name.contains('.') || *ending == "overload"))
        })
    };
    let joins = |definition: &Definition<'_>| has(definition, &["setter", "getter", "deleter", "register", "overload"]);
    definitions.iter().enumerate().any(|(at, later)| {
        let earlier = definitions.iter().take(at).filter(|earlier| earlier.block == later.block);
        let mut replaced = earlier.filter(|earlier| !has(earlier, &["overload"]));
        !joins(later) && replaced.next().is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> String {
        new_doubles("a.py", "", text).into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn doubles_are_told_from_what_belongs_together() {
        let f = "def f():\n    pass\n";
        assert_eq!(check(&format!("{f}\n\n{f}")), "f");
        assert_eq!(check(&format!("{f}\n\ndef g():\n    pass\n")), "");
        assert_eq!(check("class C:\n    def f(self):\n        pass\n\n    def f(self):\n        pass\n"), "C.f");
        assert_eq!(check("class C:\n    x = 1\n\n\nclass C:\n    y = 2\n"), "C");
        let property = "class C:\n    @property\n    def x(self):\n        return 1\n\n    ";
        assert_eq!(check(&format!("{property}@x.setter\n    def x(self, x):\n        pass\n")), "");
        assert_eq!(check(&format!("{property}@property\n    def x(self):\n        return 2\n")), "C.x");
        let overloads = "@overload\ndef f(a: int) -> int: ...\n@typing.overload\ndef f(a: str) -> str: ...\ndef f(a):\n    return a\n";
        assert_eq!(check(overloads), "");
        assert_eq!(check(&format!("{overloads}\n\ndef f(a):\n    return 2\n")), "f");
        assert_eq!(check("if x:\n    def f():\n        pass\nelse:\n    def f():\n        pass\n"), "");
        assert_eq!(check("try:\n    from a import f\nexcept ImportError:\n    def f():\n        pass\n"), "");
        assert_eq!(
            check("@show.register(int)\ndef _(a):\n    pass\n\n\n@show.register(str)\ndef _(a):\n    pass\n"),
            ""
        );
        // What was doubled before is none of the edit's.
        let twice = format!("{f}\n\n{f}");
        assert!(new_doubles("a.py", &twice, &format!("{twice}X = 1\n")).is_empty());
    }
}
