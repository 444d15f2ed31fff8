//! OpenAI-compatible models, tool calls in text, retry, record, replay, script.
