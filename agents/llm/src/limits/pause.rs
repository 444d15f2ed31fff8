//! For how long a server's headers ask to be left alone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;

/// Names of what is left of a limit, and of when there is more again.
const LIMITS: [(&str, &str); 4] = [
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
];

/// The longest pause for a limit that an answer says is used up; one of a day says so with `Retry-After`.
const LONGEST: Duration = Duration::from_secs(60);

/// Returns for how long no request is to be sent: `Retry-After`, or until there is more of a limit that is used up.
pub(crate) fn pause(
    headers: &HeaderMap,
    status: u16,
    retry_after: Option<Duration>,
    now: SystemTime,
) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let until_more = |(left, reset): &(&str, &str)| {
        let is_used_up = text(left)?.parse::<f64>().ok()? <= 0.0;
        parse(text(reset)?, now).filter(|_| is_used_up).map(|pause| pause.min(LONGEST))
    };
    let used_up = LIMITS.iter().filter_map(until_more).max();
    // Said with an answer, it is about something else.
    retry_after.filter(|_| status >= 400).into_iter().chain(used_up).max().filter(|pause| !pause.is_zero())
}

/// Reads `1s`, `6m0s`, `2m59.56s`, `250ms`, a number of seconds, or seconds or milliseconds since 1970.
fn parse(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        let since_1970 = match number {
            _ if number < 1e9 => return Duration::try_from_secs_f64(number).ok(),
            _ if number < 1e12 => number,
            _ => number / 1000.0,
        };
        let now = now.duration_since(UNIX_EPOCH).ok()?;
        return Some(Duration::try_from_secs_f64(since_1970).ok()?.saturating_sub(now));
    }
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (number, after) = rest.split_at(end);
        let unit = after.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(after.len());
        let scale = match after.get(..unit)? {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * scale;
        rest = after.get(unit..)?;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause_of(status: u16, retry_after: Option<u64>, headers: &[(&'static str, &'static str)]) -> Option<u128> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        pause(&headers, status, retry_after.map(Duration::from_secs), now).map(|pause| pause.as_millis())
    }

    #[test]
    fn a_limit_that_is_used_up_pauses_until_there_is_more() {
        const LEFT: &str = "x-ratelimit-remaining-requests";
        const RESET: &str = "x-ratelimit-reset-requests";
        for (reset, expected) in
            [("1s", 1000), ("6m0s", 60_000), ("250ms", 250), ("0m2.5s", 2500), ("7", 7000), ("1h", 60_000)]
        {
            assert_eq!(pause_of(200, None, &[(LEFT, "0"), (RESET, reset)]), Some(expected), "{reset}");
            assert_eq!(pause_of(200, None, &[(LEFT, "1"), (RESET, reset)]), None, "{reset}");
        }
        let since_1970 = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000004")];
        assert_eq!(pause_of(429, None, &since_1970), Some(4000));
        assert_eq!(pause_of(429, None, &[(LEFT, "0"), (RESET, "soon")]), None);
        assert_eq!(pause_of(429, Some(9), &[(LEFT, "0"), (RESET, "1s")]), Some(9000));
        assert_eq!(pause_of(200, Some(9), &[]), None);
    }
}
