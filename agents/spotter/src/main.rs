//! The command line that knows every agent.

fn main() -> std::process::ExitCode {
    cli::main(
        cli::standard()
            .agent::<codeact::CodeAct>(codeact::CONFIG)
            .agent::<moatless::Moatless>(moatless::CONFIG)
            .agent::<bashonly::BashOnly>(""),
    )
}
