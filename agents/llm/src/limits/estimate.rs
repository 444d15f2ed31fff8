//! How many tokens a request will take, before it is sent.

use agent_core::Usage;
use serde::Serialize;
use serde_json::Value;

/// Tokens a byte of a request before any answer tells: code and prose have about half as many.
const FIRST_RATE: f64 = 0.5;
/// What is added to the most that was seen.
const MARGIN: f64 = 1.1;
/// Tokens of an answer before any answer tells, where the request sets no limit on it.
const FIRST_OUTPUT: f64 = 4096.0;

/// Learns from answers how many tokens requests take.
#[derive(Debug, Default)]
pub(crate) struct Estimate {
    /// The most tokens a byte of a request that were seen.
    rate: Option<f64>,
    /// The longest answer that was seen.
    output: Option<f64>,
}

/// What is known of a request before it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    bytes: f64,
    /// The limit on the answer that it sets.
    limit: Option<f64>,
}

/// How many tokens a request may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) prompt: f64,
    pub(crate) output: f64,
}

impl Tokens {
    pub(crate) fn total(self) -> f64 {
        self.prompt + self.output
    }

    /// Returns them as a usage without anything cached.
    pub(crate) fn usage(self) -> Usage {
        Usage { prompt_tokens: self.prompt as u64, completion_tokens: self.output as u64, cached_tokens: 0 }
    }
}

impl Size {
    /// Returns that of a body, of which `field` returns those that limit the answer.
    pub(crate) fn of<'a>(body: &impl Serialize, field: impl Fn(&str) -> Option<&'a Value>) -> Self {
        let limit = ["max_completion_tokens", "max_tokens", "max_output_tokens"];
        let limit = limit.iter().find_map(|name| field(name)?.as_f64());
        let mut count = Count(0);
        // Counting never fails.
        let _ = serde_json::to_writer(&mut count, body);
        Self { bytes: count.0 as f64, limit }
    }
}

impl Estimate {
    pub(crate) fn of(&self, size: Size) -> Tokens {
        let rate = self.rate.map_or(FIRST_RATE, |rate| rate * MARGIN);
        let longest = self.output.map_or(FIRST_OUTPUT, |output| output * MARGIN);
        Tokens { prompt: (size.bytes * rate).ceil(), output: size.limit.unwrap_or(longest).ceil() }
    }

    pub(crate) fn learn(&mut self, size: Size, usage: &Usage) {
        if usage.prompt_tokens > 0 && size.bytes > 0.0 {
            let rate = usage.prompt_tokens as f64 / size.bytes;
            self.rate = Some(self.rate.map_or(rate, |most| most.max(rate)));
        }
        let output = usage.completion_tokens as f64;
        if output > 0.0 {
            self.output = Some(self.output.map_or(output, |most| most.max(output)));
        }
    }
}

/// Counts what is written to it.
struct Count(usize);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_teach_how_many_tokens_requests_take() {
        let mut estimate = Estimate::default();
        let of = |body: Value| Size::of(&body, |field| body.get(field));
        let size = of(json!({ "messages": "x".repeat(985) }));
        assert_eq!(estimate.of(size), Tokens { prompt: 500.0, output: 4096.0 });
        let usage =
            |prompt, completion| Usage { prompt_tokens: prompt, completion_tokens: completion, cached_tokens: 0 };
        estimate.learn(size, &usage(250, 100));
        estimate.learn(size, &usage(200, 50));
        assert_eq!(estimate.of(size), Tokens { prompt: 275.0, output: 111.0 });
        let limited = of(json!({ "max_tokens": 64, "messages": [] }));
        assert_eq!(estimate.of(limited).output, 64.0);
    }
}
