//! A patch without what does not matter to what it does.

use super::shape::shape;

/// Returns the lines that a patch removes and adds, file by file in the order of their paths, without white space,
/// comments and empty lines, so that patches that do the same in other words of layout are one text (after Agentless'
/// vote). Empty when nothing but comments is changed.
pub fn normalized(patch: &str) -> String {
    let mut files: Vec<(String, String)> = shape(patch)
        .into_iter()
        .map(|file| {
            let mark = comment_mark(&file.path);
            let lines = |sign: char, lines: &mut dyn Iterator<Item = &str>| {
                let kept = lines.map(|line| bare(line, mark)).filter(|line| !line.is_empty());
                kept.fold(String::new(), |text, line| format!("{text}{sign}{line}\n"))
            };
            let changes = file.hunks.iter().map(|hunk| {
                let removed = lines('-', &mut hunk.removed.iter().map(|(_, line)| line.as_str()));
                removed + &lines('+', &mut hunk.added.iter().map(|(_, line)| line.as_str()))
            });
            let changes: String = changes.collect();
            (file.path, changes)
        })
        .filter(|(_, changes)| !changes.is_empty())
        .collect();
    files.sort();
    files.into_iter().map(|(path, changes)| format!("{path}\n{changes}")).collect()
}

/// Returns what begins a comment in a file of this name.
fn comment_mark(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "py" | "pyx" | "rb" | "sh" | "toml" | "yaml" | "yml" | "cfg" => Some("#"),
        "rs" | "js" | "jsx" | "ts" | "tsx" | "go" | "java" | "c" | "h" | "cc" | "cpp" | "hpp" | "php" | "kt" => {
            Some("//")
        }
        _ => None,
    }
}

/// Returns a line without white space and without the comment at its end. White space in text between quotes stays.
fn bare(line: &str, mark: Option<&str>) -> String {
    let (mut kept, mut quote, mut escaped) = (String::new(), None, false);
    for (at, letter) in line.char_indices() {
        match quote {
            Some(open) => {
                if letter == open && !escaped {
                    quote = None;
                }
                escaped = letter == '\\' && !escaped;
            }
            None if mark.is_some_and(|mark| line[at..].starts_with(mark)) => break,
            None if letter.is_whitespace() => continue,
            None if matches!(letter, '"' | '\'') => quote = Some(letter),
            None => {}
        }
        kept.push(letter);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(path: &str, lines: &str) -> String {
        let count = lines.lines().count();
        format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1,0 +2,{count} @@\n{lines}")
    }

    #[test]
    fn layout_comments_and_the_order_of_files_do_not_matter() {
        let (one, two) = (patch("a.py", "+x = 1  # why\n"), patch("b.py", "+    y=2\n+\n"));
        let (same_one, same_two) = (patch("a.py", "+\tx=1\n+# more\n"), patch("b.py", "+y = 2\n"));
        assert_eq!(normalized(&(one.clone() + &two)), normalized(&(same_two.clone() + &same_one)));
        assert_ne!(normalized(&one), normalized(&two));
        assert_eq!(normalized(&patch("a.py", "+# nothing\n")), "");
    }

    #[test]
    fn text_between_quotes_is_kept_as_it_is() {
        let cases =
            [("+x = 'a b'\n", "+x = 'ab'\n"), ("+x = '#1'\n", "+x = '#2'\n"), ("+x = '\\'#1'\n", "+x = '\\'#2'\n")];
        for (one, other) in cases {
            assert_ne!(normalized(&patch("a.py", one)), normalized(&patch("a.py", other)), "{one}");
        }
    }
}
