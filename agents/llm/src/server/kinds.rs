//! The words by which errors of servers are recognised. Codes are compared without anything but letters and digits.

/// Codes and types that say that no amount of waiting helps.
pub(crate) const OUT_OF_MONEY: [&str; 6] = [
    "insufficientquota",
    "billinghardlimitreached",
    "billingnotactive",
    "exceededcurrentquotaerror",
    "accessterminated",
    "arrearage",
];

/// Codes and types that say that the request is too long.
pub(crate) const TOO_LONG_CODES: [&str; 6] = [
    "contextlengthexceeded",
    "exceedcontextsizeerror",
    "stringabovemaxlength",
    "contextwindowexceeded",
    "contextwindowexceedederror",
    "modelcontextwindowexceeded",
];

/// What servers write when the request is too long, in lower case: OpenAI and vLLM, vLLM, SGLang, llama.cpp, Anthropic,
/// Gemini, Groq, text-generation-inference, Bedrock, xAI, LM Studio, Cohere, LiteLLM.
pub(crate) const TOO_LONG_TEXTS: [&str; 20] = [
    "maximum context length",
    "maximum model length",
    "too long to fit into the model",
    "longer than the model's context length",
    "exceeds the available context size",
    "exceed context limit",
    "prompt is too long",
    "input is too long",
    "input length exceeds",
    "exceeds the maximum number of tokens",
    "reduce the length of",
    "`inputs` tokens + `max_new_tokens` must be",
    "`inputs` must have less than",
    "maximum prompt length",
    "context window",
    "context size has been exceeded",
    "greater than the context length",
    "context length exceeded",
    "contextwindowexceeded",
    "too many tokens",
];

/// What servers write when a model has no tool calls of its own, in lower case: vLLM, Ollama, OpenRouter, Bedrock,
/// Groq, Mistral and SiliconFlow, OpenAI, llama.cpp, Fireworks.
pub(crate) const NO_TOOLS_TEXTS: [&str; 12] = [
    "enable-auto-tool-choice",
    "does not support tool",
    "doesn't support tool",
    "no endpoints found that support tool use",
    "tool calling` is not supported",
    "tool calling is not supported",
    "tool use is not supported",
    "tools is not supported",
    "'tools' is not supported",
    "function calling is not",
    "support function calling",
    "tools param requires --jinja",
];

/// What servers write when they answer in a stream only, in lower case.
pub(crate) const STREAM_ONLY_TEXTS: [&str; 6] = [
    "only support stream",
    "only supports stream",
    "stream must be set to true",
    "stream must be true",
    "streaming is required",
    "requires stream",
];

/// What servers write when they never answer in a stream, in lower case.
pub(crate) const NO_STREAM_TEXTS: [&str; 7] = [
    "streaming is not supported",
    "stream is not supported",
    "does not support stream",
    "doesn't support stream",
    "'stream' does not support true",
    "stream must be set to false",
    "stream must be false",
];

/// Codes and types with the HTTP status that says the same: OpenAI, Anthropic, Gemini, Azure, DeepSeek, Mistral, Groq,
/// vLLM, Bedrock, DashScope. The first that an error names counts.
const STATUS_OF_CODE: [(u16, &[&str]); 9] = [
    (
        401,
        &[
            "invalidapikey",
            "incorrectapikey",
            "authenticationerror",
            "authenticationfailed",
            "invalidauthentication",
            "invalidauthenticationerror",
            "unauthorized",
            "unauthenticated",
            "accountdeactivated",
            "apikeyinvalid",
            "unrecognizedclientexception",
            "expiredtokenexception",
        ],
    ),
    (402, &["insufficientbalance", "insufficientcredits", "billingerror", "paymentrequired", "arrearage"]),
    (403, &["permissionerror", "permissiondenied", "accessdenied", "accessdeniedexception", "forbidden"]),
    (
        404,
        &[
            "modelnotfound",
            "modelnotfounderror",
            "modelnotexist",
            "unknownmodel",
            "invalidmodel",
            "deploymentnotfound",
            "notfounderror",
            "notfound",
            "resourcenotfoundexception",
        ],
    ),
    (
        429,
        &[
            "ratelimitexceeded",
            "ratelimiterror",
            "ratelimitreached",
            "resourceexhausted",
            "toomanyrequests",
            "throttling",
            "throttlingexception",
            "throttlingratequota",
        ],
    ),
    (529, &["overloadederror", "engineoverloadederror"]),
    (500, &["servererror", "internalservererror", "internalerror", "apierror"]),
    (503, &["unavailable", "serviceunavailable", "serviceunavailableexception", "modelnotreadyexception"]),
    (
        400,
        &[
            "invalidargument",
            "badrequest",
            "badrequesterror",
            "invalidrequest",
            "invalidrequesterror",
            "invalidparameter",
            "invalidparametererror",
            "validationerror",
            "validationexception",
        ],
    ),
];

/// What servers write about keys, accounts and models where they send no code, in lower case and with blanks for
/// dashes.
const STATUS_OF_TEXT: [(u16, &[&str]); 3] = [
    (
        401,
        &[
            "incorrect api key",
            "invalid api key",
            "invalid x api key",
            "api key not valid",
            "api key is invalid",
            "api key expired",
            "missing api key",
            "no api key",
            "no auth credentials",
            "authentication fail",
            "authentication error",
            "invalid authentication",
            "access token invalid",
            "invalid access token",
            "unauthorized",
            "login fail",
        ],
    ),
    (
        402,
        &[
            "insufficient balance",
            "insufficient credit",
            "insufficient fund",
            "credit balance is too low",
            "payment required",
            "out of credits",
            "billing",
        ],
    ),
    (404, &["unknown model", "no such model", "not a valid model", "model not exist", "unexpected endpoint"]),
];

/// Words by which servers say that a model is not there, after the word "model".
const NO_MODEL: [&str; 4] = ["not found", "does not exist", "not exist", "is not available"];

/// Words by which a server says that one request is more than its rate allows, in lower case. No waiting helps, and no
/// model's context is too short.
const OVER_THE_RATE: [&str; 6] =
    ["tokens per min", "token per min", "tokens/min", "(tpm)", "tokens per day", "rate limit"];

/// Returns the HTTP status that an error's codes stand for.
pub(crate) fn status_of_codes(codes: &[String]) -> Option<u16> {
    let named = |known: &&(u16, &[&str])| codes.iter().any(|code| known.1.contains(&code.as_str()));
    STATUS_OF_CODE.iter().find(named).map(|(status, _)| *status)
}

/// Returns the HTTP status that an error's words stand for, where they are about keys, accounts or models.
pub(crate) fn status_of_text(text: &str) -> Option<u16> {
    let lower = text.to_lowercase().replace(['-', '_'], " ");
    let said = |known: &&(u16, &[&str])| known.1.iter().any(|words| lower.contains(words));
    let no_model = || {
        let behind = lower.split_once("model").map(|(_, behind)| behind)?;
        NO_MODEL.iter().any(|words| behind.contains(words)).then_some(404)
    };
    STATUS_OF_TEXT.iter().find(said).map(|(status, _)| *status).or_else(no_model)
}

/// Returns whether one request is more than the server's rate allows at all, which is the server's affair.
pub(crate) fn is_over_the_rate(status: Option<u16>, text: &str) -> bool {
    let lower = text.to_lowercase();
    let too_large =
        status == Some(413) || (lower.contains("request too large") || lower.contains("request is too large"));
    let asks_too_much = || match (number_after(&lower, "limit"), number_after(&lower, "requested")) {
        (Some(limit), Some(requested)) => requested > limit,
        _ => false,
    };
    OVER_THE_RATE.iter().any(|known| lower.contains(known)) && (too_large || asks_too_much())
}

/// Returns the first number that stands right after a word.
fn number_after(text: &str, word: &str) -> Option<u64> {
    text.match_indices(word).find_map(|(at, _)| {
        let behind = text.get(at + word.len()..)?.trim_start_matches([' ', ':', '=']);
        let digits: String =
            behind.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(char::is_ascii_digit).collect();
        digits.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::{is_over_the_rate, status_of_text};

    #[test]
    fn a_request_above_the_rate_is_told_from_a_rate_that_is_used_up() {
        for (status, text, over) in [
            (413, "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 9000", true),
            (429, "Rate limit reached on tokens per min (TPM): Limit 6,000, Used 0, Requested 9,000", true),
            (429, "Rate limit reached on tokens per min (TPM): Limit 6000, Used 5900, Requested 900", false),
            (429, "too many tokens per minute", false),
            (413, "request entity too large", false),
        ] {
            assert_eq!(is_over_the_rate(Some(status), text), over, "{text}");
        }
    }

    #[test]
    fn words_about_keys_accounts_and_models_are_known() {
        for (text, status) in [
            ("Invalid API-key provided.", Some(401)),
            ("model 'qwen' not found, try pulling it first", Some(404)),
            ("The model `x` does not exist", Some(404)),
            ("Your credit balance is too low", Some(402)),
            ("the model is overloaded", None),
            ("upstream failed", None),
        ] {
            assert_eq!(status_of_text(text), status, "{text}");
        }
    }
}
