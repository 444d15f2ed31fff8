//! The columns of a target, for a format that has to know them before the first row.

use crate::sft::{Arguments, CallForm, Settings, Target};

/// The shape of a value; each may be absent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Text,
    /// JSON as text; whether `datasets` reads it as what the text says.
    Json(bool),
    Bool,
    Int,
    List(Box<Self>),
    Struct(Vec<(&'static str, Self)>),
}

/// Returns the columns of a target's rows.
pub(super) fn columns(settings: &Settings) -> Vec<(&'static str, Shape)> {
    let list = |shape: Shape| Shape::List(Box::new(shape));
    if settings.pretokenized {
        return vec![("input_ids", list(Shape::Int)), ("labels", list(Shape::Int))];
    }
    let said = || list(Shape::Struct(vec![("from", Shape::Text), ("value", Shape::Text)]));
    let (mask, tools) = match settings.target {
        Target::LlamaFactory => {
            return vec![("conversations", said()), ("system", Shape::Text), ("tools", Shape::Text)];
        }
        Target::Sharegpt => return vec![("conversations", said())],
        Target::Torchtune => {
            return vec![("messages", list(Shape::Struct(vec![("role", Shape::Text), ("content", Shape::Text)])))];
        }
        Target::Axolotl => (Some("training"), Shape::Json(false)),
        Target::MsSwift => (Some("loss"), Shape::Json(false)),
        Target::Trl | Target::Unsloth | Target::Openai => (None, Shape::Json(false)),
    };
    let messages = || list(Shape::Struct(message(settings, mask)));
    let mut columns = match settings.is_split() {
        true => vec![("prompt", messages()), ("completion", messages())],
        false => vec![("messages", messages())],
    };
    if settings.calls == CallForm::Native {
        columns.push(("tools", tools));
    }
    columns
}

fn message(settings: &Settings, mask: Option<&'static str>) -> Vec<(&'static str, Shape)> {
    let mut fields = vec![("role", Shape::Text), ("content", Shape::Text)];
    if settings.reasoning {
        fields.push(("reasoning_content", Shape::Text));
    }
    if settings.calls == CallForm::Native {
        let arguments = Shape::Json(settings.arguments == Arguments::Object);
        let function = Shape::Struct(vec![("name", Shape::Text), ("arguments", arguments)]);
        let call = Shape::Struct(vec![("id", Shape::Text), ("type", Shape::Text), ("function", function)]);
        fields.extend([
            ("tool_calls", Shape::List(Box::new(call))),
            ("tool_call_id", Shape::Text),
            ("name", Shape::Text),
        ]);
    }
    fields.extend(mask.map(|mask| (mask, Shape::Bool)));
    fields
}
