//! A short diff of two texts.

use agent_core::same_but_noise;

use crate::shown::harmless;

/// Lines that are shown of each side.
const LINES: usize = 4;
/// Characters that are shown of a line.
const WIDTH: usize = 160;

/// Returns the first lines in which two texts differ, `-` before those of the first and `+` before those of the second.
/// Lines that differ by noise alone count as equal.
pub(crate) fn diff(then: &str, now: &str) -> String {
    let (then, now): (Vec<&str>, Vec<&str>) = (then.lines().collect(), now.lines().collect());
    let same = |(one, other): &(&&str, &&str)| same_but_noise(one, other);
    let start = then.iter().zip(&now).take_while(same).count();
    let (then, now) = (then.get(start..).unwrap_or_default(), now.get(start..).unwrap_or_default());
    let end = then.iter().rev().zip(now.iter().rev()).take_while(same).count();
    let mut out = vec![format!("line {}:", start + 1)];
    for (sign, lines) in [('-', then), ('+', now)] {
        let lines = lines.get(..lines.len() - end).unwrap_or_default();
        out.extend(lines.iter().take(LINES).map(|line| format!("{sign} {}", cut(line))));
        if lines.len() > LINES {
            out.push(format!("{sign} … {} more lines", lines.len() - LINES));
        }
    }
    out.join("\n")
}

fn cut(line: &str) -> String {
    let line = harmless(line);
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::diff;

    fn check(then: &str, now: &str, expected: &Expect) {
        expected.assert_eq(&diff(then, now));
    }

    #[test]
    fn the_lines_that_differ_are_shown_and_noise_is_not() {
        check(
            "a in 0.1s\nb\nc\nd",
            "a in 0.9s\nx\ny\nd",
            &expect![[r#"
            line 2:
            - b
            - c
            + x
            + y"#]],
        );
        check(
            "a\nb",
            "a",
            &expect![[r#"
            line 2:
            - b"#]],
        );
        check(
            "",
            "1\n2\n3\n4\n5\n6\u{1b}",
            &expect![[r#"
            line 1:
            + 1
            + 2
            + 3
            + 4
            + … 2 more lines"#]],
        );
        check("same\n", "same\n", &expect!["line 2:"]);
    }
}
