//! The command line that knows every agent.

fn main() -> std::process::ExitCode {
    cli::main(&[
        cli::plug::<codeact::CodeAct>(codeact::CONFIG),
        cli::plug::<moatless::Moatless>(moatless::CONFIG),
        cli::plug::<bashonly::BashOnly>(""),
    ])
}
