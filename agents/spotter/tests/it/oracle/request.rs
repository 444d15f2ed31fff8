//! A request for a completion as what it is made of: the tools on offer with their schemas, and the turns so far.

use serde_json::{Map, Value};

/// Why the model cannot continue; it is told to the client, whose run it fails.
pub(crate) type Lost = String;

/// A tool on offer.
#[derive(Debug)]
pub(crate) struct Offer {
    /// Its name, or, where it is described in a text, the words before its schema, of which one is its name.
    words: String,
    schema: Value,
}

/// A message of the model and what came back for it.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) observation: String,
}

/// A request for a completion.
#[derive(Debug)]
pub(crate) struct Request {
    /// The text of the system message.
    pub(crate) system: String,
    /// The first message of the user.
    pub(crate) asked: String,
    pub(crate) turns: Vec<Turn>,
    pub(crate) offers: Vec<Offer>,
    /// Whether calls travel in fields of their own, and not in the text.
    pub(crate) is_native: bool,
}

/// A call to make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    pub(crate) arguments: Map<String, Value>,
}

impl Call {
    /// Returns a call with arguments that are written as an object.
    pub(crate) fn new(name: &'static str, arguments: &Value) -> Self {
        Self { name, arguments: arguments.as_object().cloned().unwrap_or_default() }
    }

    pub(crate) fn text(&self, argument: &str) -> &str {
        self.arguments.get(argument).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Request {
    /// Reads the body of a request.
    pub(crate) fn read(body: &Value) -> Result<Self, Lost> {
        if body["stream"] == true {
            return Err("answers are not streamed".to_owned());
        }
        let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let [system, asked, rest @ ..] = messages else {
            return Err(format!("a system message and a question are expected, not {messages:?}"));
        };
        let native: Vec<Offer> = body["tools"].as_array().into_iter().flatten().map(Offer::native).collect();
        let (system, asked) = (content(system, &["system"])?, content(asked, &["user"])?);
        let is_native = !native.is_empty();
        let offers = if is_native { native } else { Offer::described(&system) };
        Ok(Self { turns: turns(rest, is_native)?, system, asked, offers, is_native })
    }

    /// Returns the question without the issue, which must be in it.
    pub(crate) fn without(&self, issue: &str) -> Result<String, Lost> {
        let issue = issue.trim();
        if !self.asked.contains(issue) {
            return Err(format!("the issue is not shown: {}", self.asked));
        }
        Ok(self.asked.replacen(issue, "", 1))
    }

    /// Checks that a call is on offer, with arguments that fit its schema.
    pub(crate) fn check(&self, call: &Call) -> Result<(), Lost> {
        // What is described alone need not be named. Words of a text may be those of other tools as well.
        let needs_no_name = self.offers.len() == 1 && !self.is_native;
        let named = self.offers.iter().filter(|offer| needs_no_name || offer.is_named(call.name));
        let arguments = Value::Object(call.arguments.clone());
        let fit = named.map(|offer| fits(&arguments, &offer.schema));
        let fit = fit.reduce(|one, other| one.or(other)).unwrap_or_else(|| Err("it is not on offer".to_owned()));
        fit.map_err(|why| format!("`{}`: {why}", call.name))
    }
}

impl Offer {
    fn native(tool: &Value) -> Self {
        let words = tool["function"]["name"].as_str().unwrap_or_default().to_owned();
        Self { words, schema: tool["function"]["parameters"].clone() }
    }

    /// Returns the tools that a text describes: each JSON object in it that is the schema of an object.
    fn described(text: &str) -> Vec<Self> {
        let (mut offers, mut words, mut rest) = (Vec::new(), String::new(), text);
        while let Some((before, behind)) = rest.split_once('{') {
            words.push_str(before);
            let object = &rest[before.len()..];
            let mut values = serde_json::Deserializer::from_str(object).into_iter::<Value>();
            match values.next() {
                Some(Ok(schema)) => {
                    rest = &object[values.byte_offset()..];
                    if schema["type"] == "object" {
                        offers.push(Self { words: std::mem::take(&mut words), schema });
                    }
                }
                _ => rest = behind,
            }
        }
        offers
    }

    fn is_named(&self, name: &str) -> bool {
        self.words.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name)
    }

    /// Returns whether it takes an argument of this name.
    pub(crate) fn takes(&self, argument: &str) -> bool {
        self.schema["properties"].get(argument).is_some()
    }
}

/// Reads the messages after the question: each of the model with what came back for it.
fn turns(messages: &[Value], is_native: bool) -> Result<Vec<Turn>, Lost> {
    let mut turns = Vec::new();
    for pair in messages.chunks(2) {
        let [answer, result] = pair else { return Err(format!("nothing came back for {pair:?}")) };
        let role = if is_native { "tool" } else { "user" };
        if answer["role"] != "assistant" || (is_native && answer["tool_calls"][0]["id"] != result["tool_call_id"]) {
            return Err(format!("a call and its result are expected, not {pair:?}"));
        }
        turns.push(Turn { observation: content(result, &[role])? });
    }
    Ok(turns)
}

fn content(message: &Value, roles: &[&str]) -> Result<String, Lost> {
    let is_expected = roles.iter().any(|role| message["role"] == *role);
    let text = message["content"].as_str().filter(|_| is_expected);
    text.map(str::to_owned).ok_or_else(|| format!("a text of {roles:?} is expected, not {message}"))
}

/// Says what of a value does not fit a schema.
fn fits(value: &Value, schema: &Value) -> Result<(), Lost> {
    match value {
        Value::Object(map) => {
            let mut required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            if let Some(missing) = required.find(|name| !map.contains_key(*name)) {
                return Err(format!("`{missing}` is required"));
            }
            map.iter().try_for_each(|(name, value)| {
                let below = schema["properties"].get(name).ok_or_else(|| format!("there is no `{name}`"))?;
                fits(value, below)
            })
        }
        Value::Array(values) => values.iter().try_for_each(|value| fits(value, &schema["items"])),
        _ => match schema["enum"].as_array() {
            Some(words) if !words.contains(value) => Err(format!("{value} is none of {words:?}")),
            _ => Ok(()),
        },
    }
}
