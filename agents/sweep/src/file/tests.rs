//! Sweep files that are wrong.

use expect_test::{Expect, expect};

use super::*;

fn check(text: &str, expected: &Expect) {
    let parsed = File::parse(Path::new("s.yaml"), text.to_owned());
    expected.assert_eq(&parsed.map_or_else(|err| err.to_string(), |file| format!("{:?}", file.spec.samples)));
}

#[test]
fn a_wrong_file_is_refused_with_place_and_hint() {
    check("matrx: {}\n", &expect![[""]]);
    check("instances:\n  dataset: demo\n  ids: [a]\n  slise: ':1'\n", &expect![[""]]);
    check("temperature: 1\n", &expect![[""]]);
    check("base: config.yaml\n", &expect![[""]]);
    check("matrix: []\n", &expect![[""]]);
    check("matrix: {}\n", &expect![[""]]);
    check("workers: many\n", &expect![[""]]);
    check("workers: 0\n", &expect![[""]]);
    check("samples: {count: 0}\n", &expect![[""]]);
    check("samples: -1\n", &expect![[""]]);
    check("budget:\n  cost: 0\n", &expect![[""]]);
    check("budget: {hours: .inf}\n", &expect![[""]]);
    check("instances: {ids: demo}\n", &expect![[""]]);
    check("order: random\n", &expect![[""]]);
    check("", &expect![[""]]);
    check("- a\n", &expect![[""]]);
    check("samples: {count: 3, overrides: {0: {model.temperature: 0}}}\n", &expect![[""]]);
}
