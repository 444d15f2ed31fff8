//! The keys of the configuration, as the runner's page lists them.

use std::fmt::Write;

use expect_test::expect_file;
use runner::config::{Setting, manual};
use runner::plugs::plug;

const BEGIN: &str = "<!-- keys: UPDATE_EXPECT=1 cargo test -p tests --test it manual -->\n";
const END: &str = "<!-- end of keys -->";

#[test]
fn the_page_lists_every_key_with_its_doc_and_default() {
    let page = include_str!("../../agents/runner/README.md");
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let settings = manual(&plug::<codeact::CodeAct>(codeact::CONFIG)).unwrap();
    let mut table = String::from("| key | default | what |\n|---|---|---|\n");
    for Setting { key, doc, default, .. } in &settings {
        assert!(!doc.is_empty(), "`{key}` has no doc comment");
        let cell = |text: &str| text.replace('|', "\\|");
        writeln!(table, "| `{key}` | `{}` | {} |", cell(default), cell(doc)).unwrap();
    }
    assert!(settings.len() > 100, "{} keys", settings.len());
    expect_file!["../../agents/runner/README.md"].assert_eq(&format!("{before}{BEGIN}{table}{END}{after}"));
}
