//! An agent with a tool of its own: `cargo run -p spotter --example tool -- solve demo__lru-1 --model NAME`.

use agent_core::{Agent, AgentError, Episode, Flow};
use bashonly::{BashOnly, Config};
use schemars::JsonSchema;
use serde::Deserialize;
use shell::Bash;
use tool_core::{Finish, Observation, Sandbox, Texts, Tool, ToolError, Toolbox};

/// Counts the lines of a file.
struct CountLines;

/// The arguments.
#[derive(Deserialize, JsonSchema)]
struct CountLinesArgs {
    /// Path of the file, from the root of the repository.
    path: String,
}

impl Tool for CountLines {
    const NAME: &'static str = "count_lines";
    type Args = CountLinesArgs;

    async fn call(&self, args: CountLinesArgs, sandbox: &dyn Sandbox, _: &dyn Texts) -> Result<Observation, ToolError> {
        // A path that is wrong is told to the model; a sandbox that is broken ends the episode.
        let bytes = sandbox.read_file(&args.path).await?;
        Ok(Observation::text(bytes.iter().filter(|byte| **byte == b'\n').count().to_string()))
    }
}

/// The bash-only agent with one more tool.
struct Counting(BashOnly);

impl Agent for Counting {
    const NAME: &'static str = "counting";
    type Config = Config;

    fn new(config: Config) -> Self {
        Self(BashOnly::new(config))
    }

    fn tools(&self) -> Toolbox {
        Toolbox::default().with(Bash).with(CountLines).with(Finish)
    }

    fn start(&mut self, episode: &mut Episode) -> Result<(), AgentError> {
        self.0.start(episode)
    }

    async fn step(&mut self, episode: &mut Episode) -> Result<Flow, AgentError> {
        self.0.step(episode).await
    }
}

fn main() -> std::process::ExitCode {
    // What a model is told of the tool; a user's folder of templates may have it otherwise.
    let about = "Counts the lines of a file of the repository.";
    cli::main(cli::standard().template("tools/count_lines.md", about).agent::<Counting>(""))
}
