//! `search`: finds code in a checkout, or measures how well that is done.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use ::search::{CodeIndex, Found, SearchRequest, Span};
use clap::Args;
use runner::shown::harmless;

use super::index::{TreeArgs, failed};
use super::recall::{self, Recall};
use crate::console::say;
use crate::failed::Failed;
use crate::output::{print, print_json};
use crate::stream::has_colours;

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// The checkout.
    #[arg(required_unless_present = "recall")]
    pub(crate) path: Option<PathBuf>,
    /// Words to look for.
    pub(crate) query: Vec<String>,
    /// Only this class; may be repeated.
    #[arg(long = "class", value_name = "NAME")]
    pub(crate) classes: Vec<String>,
    /// Only this function, `name` or `Class.name`; may be repeated.
    #[arg(long = "function", value_name = "NAME")]
    pub(crate) functions: Vec<String>,
    /// Only spans with this code; white space does not matter.
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    pub(crate) snippet: String,
    /// Only files that fit this pattern.
    #[arg(long, value_name = "PATTERN", default_value = "", hide_default_value = true)]
    pub(crate) files: String,
    /// How many files are shown at most.
    #[arg(short = 'n', long, default_value_t = 10)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) recall: Recall,
}

pub(crate) fn run(args: Search) -> Result<ExitCode, Failed> {
    let Some(path) = args.path.as_ref().filter(|_| args.recall.recall.is_empty()) else {
        return recall::run(&args.recall, &args.tree, args.json);
    };
    let index = args.tree.open(path)?;
    let request = SearchRequest {
        query: args.query.join(" "),
        file_pattern: args.files,
        class_names: args.classes,
        function_names: args.functions,
        code_snippet: args.snippet,
        include_tests: args.tree.tests,
    };
    let mut found = index.search(&request).map_err(failed)?;
    found.files.truncate(args.limit);
    if found.files.is_empty() {
        say("nothing was found");
    }
    if !found.did_you_mean.is_empty() {
        say(&format!("did you mean {}?", found.did_you_mean.join(", ")));
    }
    if args.json {
        print_json(&found)?;
    } else {
        let colours = has_colours(&std::io::stdout());
        print(&show(&index, &found, Paint(colours))?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns what was found with the signature of each span.
fn show(index: &CodeIndex, found: &Found, paint: Paint) -> Result<String, Failed> {
    let mut shown = String::new();
    for file in &found.files {
        let _ = writeln!(shown, "{}", paint.path(&file.path));
        let text = index.file(&file.path).map_err(failed)?.map(|(_, text)| text).unwrap_or_default();
        for found in &file.spans {
            let Span { id, start, end, signature, .. } = &found.span;
            let line = found.span.lines(&text).find(|(number, _)| number == signature).map_or("", |(_, line)| line);
            let lines = paint.lines(&format!("{start}-{end}"));
            let _ = writeln!(shown, "  {lines:<9} {}  {}", paint.id(id), harmless(line.trim()));
        }
    }
    Ok(shown)
}

/// Colours, on a terminal.
#[derive(Clone, Copy)]
struct Paint(bool);

impl Paint {
    fn path(self, text: &str) -> String {
        self.with("1;35", text)
    }

    fn id(self, text: &str) -> String {
        self.with("32", text)
    }

    fn lines(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        let text = harmless(text);
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text }
    }
}
