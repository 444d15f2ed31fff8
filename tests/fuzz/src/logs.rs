//! Logs: every parser in every dialect, read whole, in blocks, and for a verdict only.

use std::io::Cursor;

use env_core::Dialect;
use grading::{EvalType, GradingSpec, Parser, Reading, Unread, conclude, grade, read_log};

/// How much of a log is read at a time; see `Blocks` in grading.
const BLOCK: usize = 256 << 10;
/// A log that starts so is one of ours, and would not be with anything before it.
const OWN_START: &[u8] = b">>>>> Applying Patch\n";

/// Takes a log; its first byte chooses what else is tried with it.
pub fn logs(data: &[u8]) {
    let Some((choice, log)) = data.split_first() else { return };
    let choice = usize::from(*choice);
    let parser = Parser::ALL[choice % Parser::ALL.len()];
    for dialect in Dialect::ALL {
        let Ok(reading) = read_log(Cursor::new(log), parser, dialect) else { panic!("memory cannot be read") };
        if let Ok(statuses) = &reading.statuses {
            assert!(statuses.iter().all(|(test, _)| !test.contains('\n')), "a test's name has several lines");
        }
        verdict_needs_no_more_than_its_tests(log, &reading, parser, dialect, choice);
        if dialect == Dialect::SweGym {
            blocks_change_nothing(log, &reading, parser, choice);
        }
    }
}

/// A verdict is the same whether all tests were kept in memory or only those of its lists.
fn verdict_needs_no_more_than_its_tests(
    log: &[u8],
    reading: &Reading,
    parser: Parser,
    dialect: Dialect,
    choice: usize,
) {
    let names = || reading.statuses.iter().flat_map(|map| map.iter().map(|(test, _)| test.to_owned()));
    // Names that are cut inside their brackets stand for others in one dialect.
    let cut = |name: String| match name.find('[') {
        Some(at) if choice & 8 != 0 => name.get(..=at).unwrap_or(&name).to_owned(),
        _ => name,
    };
    let fail_to_pass = names().step_by(2).map(cut).chain(["absent".to_owned()]).collect();
    let pass_to_pass = names().skip(1).step_by(3).collect();
    let eval_type = if choice & 16 == 0 { EvalType::PassAndFail } else { EvalType::FailOnly };
    let spec = GradingSpec { dialect, parser, eval_type, fail_to_pass, pass_to_pass };
    let Ok(graded) = grade(Cursor::new(log), &spec) else { panic!("memory cannot be read") };
    assert_eq!(graded.report, conclude(reading, &spec), "{parser:?} {dialect:?}");
    assert_eq!(graded.failure, reading.statuses.as_ref().err().copied());
    assert_eq!((graded.infra, graded.unread), (reading.infra, reading.unread.clone()));
}

/// The log is read the same when the end of a block falls into it. That takes long, so only some logs are tried.
fn blocks_change_nothing(log: &[u8], reading: &Reading, parser: Parser, choice: usize) {
    if choice & 0xC0 != 0x40 || log.is_empty() || log.starts_with(OWN_START) {
        return;
    }
    let before = choice.wrapping_mul(37) % log.len();
    let mut shifted = vec![b'-'; BLOCK - before - 1];
    shifted.push(b'\n');
    shifted.extend_from_slice(log);
    let Ok(moved) = read_log(Cursor::new(&shifted), parser, Dialect::SweGym) else { panic!("memory cannot be read") };
    assert_eq!(moved.statuses, reading.statuses, "{parser:?} with {before} bytes in the first block");
    let first = |unread: &Unread, lines: u64| unread.first.clone().map(|(line, text)| (line + lines, text));
    assert_eq!(first(&moved.unread, 0), first(&reading.unread, 1));
    assert_eq!(moved.unread.invalid_bytes, reading.unread.invalid_bytes);
}
