//! Times and sizes, as Slurm writes them.

/// Returns a time in seconds: `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours`, `days-hours:minutes` or
/// `days-hours:minutes:seconds`.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let numbers = |text: &str| text.split(':').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>();
    let (days, [hours, minutes, seconds]) = match text.split_once('-') {
        Some((days, rest)) => {
            let parts = match *numbers(rest)? {
                [hours] => [hours, 0, 0],
                [hours, minutes] => [hours, minutes, 0],
                [hours, minutes, seconds] => [hours, minutes, seconds],
                _ => return None,
            };
            (days.parse::<u64>().ok()?, parts)
        }
        None => match *numbers(text)? {
            [minutes] => (0, [0, minutes, 0]),
            [minutes, seconds] => (0, [0, minutes, seconds]),
            [hours, minutes, seconds] => (0, [hours, minutes, seconds]),
            _ => return None,
        },
    };
    let units = [(days, 86_400), (hours, 3600), (minutes, 60), (seconds, 1)];
    units.into_iter().try_fold(0_u64, |sum, (count, unit)| sum.checked_add(count.checked_mul(unit)?))
}

/// Returns a size in megabytes of 1024 × 1024 bytes, rounded up: a whole number with `K`, `M`, `G`, `T`, or nothing, which
/// is `M`.
pub(super) fn megabytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
    let size: u64 = digits.parse().ok().filter(|size| *size > 0)?;
    match text.get(digits.len()..)? {
        "K" => Some(size.div_ceil(1024)),
        "" | "M" => Some(size),
        "G" => size.checked_mul(1024),
        "T" => size.checked_mul(1024 * 1024),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_slurm_reads_them() {
        let times = ["30", "30:15", "4:00:00", "1-0", "2-12", "1-2:30", "1-2:30:05"];
        let expected = [1800, 1815, 14_400, 86_400, 216_000, 95_400, 95_405];
        assert_eq!(times.map(seconds), expected.map(Some));
        let wrong = ["", "4h", "1:2:3:4", "-1", "1-", "99999999999999999999", "18446744073709551615"];
        assert_eq!(wrong.map(seconds), [None; 7]);
    }

    #[test]
    fn sizes_are_read_as_slurm_reads_them() {
        let sizes = ["8G", "512", "512M", "1025K", "2T"];
        assert_eq!(sizes.map(megabytes), [8192, 512, 512, 2, 2 * 1024 * 1024].map(Some));
        let wrong = ["", "G", "0G", "8GB", "8GM", "1.5G", "-1", "99999999999999999999G", "18446744073709551615T"];
        assert_eq!(wrong.map(megabytes), [None; 9]);
    }
}
