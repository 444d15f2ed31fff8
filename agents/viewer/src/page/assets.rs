//! The page's own parts.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};

/// The part that starts the others.
const BOOT: &str = "boot.js";

static ASSETS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets");

/// Returns the text of a part; empty where there is none.
pub(super) fn text(name: &str) -> &'static str {
    ASSETS.get_file(name).and_then(|file| file.contents_utf8()).unwrap_or_default()
}

/// Returns the parts of an ending, by name.
fn all(ending: &str) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    let mut folders = vec![&ASSETS];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        let files = folder.files().filter(|file| file.path().extension().is_some_and(|found| found == ending));
        found.extend(
            files.map(|file| (file.path().to_string_lossy().into_owned(), file.contents_utf8().unwrap_or_default())),
        );
    }
    found
}

/// Returns the modules by the names by which they import one another, as JSON.
pub(super) fn modules() -> String {
    let mut modules = all("js");
    modules.remove(BOOT);
    serde_json::to_string(&modules).unwrap_or_default()
}

/// Returns the styles.
pub(super) fn styles() -> String {
    all("css").into_values().collect::<Vec<_>>().join("\n")
}

/// Returns the page as it is served: without data, which it asks for.
pub(crate) fn served() -> String {
    let (before, after) = page("Spotter, live", "live");
    let modules = modules().replace('<', "\\u003c");
    format!("{before}<script type=\"application/json\" id=\"modules\">{}</script>\n{after}", escapes(&modules))
}

/// Returns the page up to its modules, and what comes behind them up to its data.
pub(super) fn page(title: &str, kind: &str) -> (String, String) {
    let title: String = title.chars().take(200).collect();
    let (styles, title) = (styles(), escaped(&title));
    let part = |name: &str| match name {
        "styles" => styles.as_str(),
        "boot" => text(BOOT),
        "title" => title.as_str(),
        "kind" => kind,
        _ => "",
    };
    let template = text("page.html");
    let (before, after) = template.split_once("{{modules}}").unwrap_or((template, ""));
    (ascii(&filled(before, part)), ascii(&filled(after, part)))
}

/// Returns a template with its `{{names}}` filled; what they are filled with is not looked at again.
fn filled<'a>(template: &str, part: impl Fn(&str) -> &'a str) -> String {
    let mut pieces = template.split("{{");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or(("", piece));
        filled.push_str(part(name));
        filled.push_str(rest);
    }
    filled
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Returns a text in which characters beyond ASCII are references, as the page is in an encoding that lacks most.
fn ascii(text: &str) -> String {
    let one = |letter: char| if letter.is_ascii() { letter.to_string() } else { format!("&#{};", u32::from(letter)) };
    text.chars().map(one).collect()
}

/// Returns JSON in which characters beyond ASCII are escapes.
fn escapes(json: &str) -> String {
    let one = |letter: char| match letter.is_ascii() {
        true => letter.to_string(),
        false => letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
    };
    json.chars().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_fills_its_place_and_no_other() {
        let (before, after) = page("\u{0}{{boot}} {{modules}} <é>", "file");
        assert!(before.contains("<title>\u{0}{{boot}} {{modules}} &lt;&#233;&gt;</title>"), "{before}");
        assert!(after.contains("await import('viewer/main.js')"));
        assert!(before.is_ascii() && after.is_ascii() && served().is_ascii());
    }
}
