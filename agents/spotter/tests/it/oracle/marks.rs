//! How the model names changes to itself, in instructions and thoughts that come back to it.

use std::fmt;

/// What a mark was made for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// A plan, which names all changes of a span.
    Plan,
    /// A choice of lines, which names those of a plan's changes that are in them.
    Lines,
}

/// Names some changes by their numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    pub(crate) step: Step,
    pub(crate) numbers: Vec<usize>,
}

const STEPS: [(Step, &str); 2] = [(Step::Plan, "[[plan "), (Step::Lines, "[[lines ")];

impl Mark {
    pub(crate) fn new(step: Step, numbers: &[usize]) -> Self {
        Self { step, numbers: numbers.to_vec() }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.numbers.iter().map(ToString::to_string).collect();
        let begin = STEPS.iter().find(|(step, _)| *step == self.step).map_or("", |(_, begin)| *begin);
        write!(f, "{begin}{}]]", numbers.join(","))
    }
}

/// Returns the marks of a text in their order.
pub(crate) fn marks(text: &str) -> Vec<Mark> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find("[[") {
        rest = &rest[at..];
        let read = STEPS.iter().find_map(|(step, begin)| {
            let (inside, _) = rest.strip_prefix(begin)?.split_once("]]")?;
            let numbers = inside.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
            Some(Mark { step: *step, numbers })
        });
        found.extend(read);
        rest = &rest[2..];
    }
    found
}
