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
    page(
        "Spotter, live",
        &format!("<script type=\"application/json\" id=\"modules\">{}</script>\n", modules().replace('<', "\\u003c")),
        "live",
    )
}

/// Returns the head of the page, up to its data.
pub(super) fn page(title: &str, modules: &str, kind: &str) -> String {
    let title: String = title.chars().take(200).collect();
    ascii(&text("page.html").replace("{{styles}}", &styles()).replace("{{boot}}", text(BOOT)))
        .replace("{{title}}", &ascii(&escaped(&title)))
        .replace("{{kind}}", kind)
        .replace("{{modules}}", modules)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Returns a text in which characters beyond ASCII are references, as the page is in an encoding that lacks most.
fn ascii(text: &str) -> String {
    let one = |letter: char| if letter.is_ascii() { letter.to_string() } else { format!("&#{};", u32::from(letter)) };
    text.chars().map(one).collect()
}
