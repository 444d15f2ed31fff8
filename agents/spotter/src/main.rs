//! The command line that knows every agent.

fn main() -> std::process::ExitCode {
    runner::main(&[
        runner::plug::<codeact::CodeAct>(codeact::CONFIG),
        runner::plug::<moatless::Moatless>(moatless::CONFIG),
        runner::plug::<bashonly::BashOnly>(""),
    ])
}
