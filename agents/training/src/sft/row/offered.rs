//! The tools that a request had.

use agent_core::{Header, Message, Record, Request, Segment, ToolSpec};

/// Returns the tools that the requests of these answers had.
///
/// The header names all tools of an agent, but one may offer fewer in a step. Records keep a fingerprint of each request,
/// its tools among the rest, so that a choice can be proved: it is tried with all of them, with those that were called,
/// and with each alone. Where none of these is proved, as in records of other programs, it is all of them.
///
/// # Errors
/// When the first and the last of the answers had others, which a row cannot say.
pub(super) fn offered(
    segment: &Segment<'_>,
    answers: &[usize],
    header: &Header,
) -> Result<Vec<ToolSpec>, &'static str> {
    let all = &header.tools;
    let Some((first, last)) = answers.first().zip(answers.last()).filter(|_| all.len() > 1) else {
        return Ok(all.clone());
    };
    let of_first = proved(segment, *first, header);
    let of_last = if last == first { None } else { proved(segment, *last, header) };
    match (of_first, of_last) {
        (Some(one), Some(other)) if one != other => Err("the tools changed within the conversation"),
        (Some(tools), _) | (None, Some(tools)) => Ok(tools),
        (None, None) => Ok(all.clone()),
    }
}

fn proved(segment: &Segment<'_>, answer: usize, header: &Header) -> Option<Vec<ToolSpec>> {
    let Record::Completion { request: fingerprint, completion, .. } = segment.messages.get(answer)?.record else {
        return None;
    };
    if fingerprint.is_empty() {
        return None;
    }
    let messages: Vec<Message> = segment.messages[..answer].iter().map(|shown| shown.message.clone()).collect();
    let mut request = Request { messages, tools: Vec::new() };
    let all = &header.tools;
    let called = |tool: &ToolSpec| completion.message.tool_calls.iter().any(|call| call.name == tool.name);
    let called: Vec<ToolSpec> = all.iter().filter(|tool| called(tool)).cloned().collect();
    let alone = all.iter().map(|tool| vec![tool.clone()]);
    [all.clone(), called].into_iter().chain(alone).find(|tools| {
        request.tools.clone_from(tools);
        request.fingerprint(&header.root) == *fingerprint
    })
}
