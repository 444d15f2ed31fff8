//! Command lines in the text of a call.

/// Programs whose command stands in their own arguments, and words of the shell that come before one.
const BEFORE: [&str; 24] = [
    "sudo", "env", "time", "timeout", "nohup", "nice", "command", "exec", "xargs", "stdbuf", "builtin", "eval", "if",
    "then", "else", "elif", "while", "until", "do", "!", "{", "watch", "setsid", "script",
];

/// Shells, whose command is one argument.
const SHELLS: [&str; 7] = ["bash", "sh", "zsh", "dash", "ksh", "eval", "script"];

/// How deep commands may stand in the arguments of others.
const DEPTH: usize = 4;

/// Hands each simple command of a text to `look` as its words, from the name of the program on, until it says yes; returns
/// whether it did. Separators, quotes, substitutions and commands that another program runs are understood; what cannot
/// be read as a command line is split at blanks.
pub(super) fn any_command(text: &str, look: &impl Fn(&[String]) -> bool) -> bool {
    any_below(text, DEPTH, look)
}

fn any_below(text: &str, depth: usize, look: &impl Fn(&[String]) -> bool) -> bool {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    // Line by line, as a text with a document or a program in it has odd quotes.
    joined.lines().flat_map(simple_commands).any(|piece| {
        let words = words(piece);
        let start = words.iter().position(|word| !is_before(word)).unwrap_or(words.len());
        let command = &words[start..];
        if !command.is_empty() && look(command) {
            return true;
        }
        // A whole command in quotes where a command stands is one in a call of another language.
        let quoted = command.first().is_some_and(|first| first.contains(' '));
        let runs = quoted || words.iter().any(|word| SHELLS.contains(&base(word)));
        runs && depth > 0 && words.iter().any(|word| word.contains(' ') && any_below(word, depth - 1, look))
    })
}

/// Returns the name of a program without its folder.
pub(super) fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_before(word: &str) -> bool {
    let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    });
    let is_time = word.starts_with(|first: char| first.is_ascii_digit());
    BEFORE.contains(&base(word)) || is_assignment || is_time || word.starts_with('-')
}

fn words(piece: &str) -> Vec<String> {
    shlex::split(piece)
        .unwrap_or_else(|| piece.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect())
}

/// Splits a line where one command ends and another begins; within double quotes only where a substitution does.
fn simple_commands(line: &str) -> Vec<&str> {
    let bytes = line.as_bytes();
    let (mut pieces, mut from, mut quote, mut at) = (Vec::new(), 0, None, 0);
    while at < bytes.len() {
        let byte = bytes[at];
        let substitutes = byte == b'`' || (byte == b'$' && bytes.get(at + 1) == Some(&b'('));
        match (quote, byte) {
            (None | Some(b'"'), b'\\') => at += 1,
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            (None, b';' | b'&' | b'|' | b'(' | b')') => {
                pieces.push(&line[from..at]);
                from = at + 1;
            }
            (None | Some(b'"'), _) if substitutes => {
                pieces.push(&line[from..at]);
                at += usize::from(byte == b'$');
                from = at + 1;
                quote = None;
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(&line[from.min(line.len())..]);
    if quote.is_some() {
        // An apostrophe of prose, or a quote over several lines: each part counts.
        return line.split([';', '&', '|', '(', ')', '`', '\'', '"']).collect();
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_behind_separators_quotes_and_other_programs() {
        for (text, expected) in [
            ("cd /r && ls -l", "cd /r|ls -l"),
            ("A=1 sudo -E timeout 10s /usr/bin/git log", "/usr/bin/git log"),
            ("echo 'a; b' | wc", "echo a; b|wc"),
            ("echo \"$(git log)\"", "echo|$|git log"),
            ("bash -lc 'cd x; git log'", "bash -lc cd x; git log|cd x|git log"),
            ("cat <<E\ndon't; git log\nE", "cat <<E|don|t|git log|E"),
            ("git log \\\n --all", "git log --all"),
        ] {
            let seen = std::cell::RefCell::new(Vec::new());
            assert!(!any_command(text, &|words| {
                seen.borrow_mut().push(words.join(" "));
                false
            }));
            assert_eq!(seen.into_inner().join("|"), expected, "{text}");
        }
    }
}
