//! The command line of the CodeAct agent.

fn main() -> std::process::ExitCode {
    cli::main(&[cli::plug::<codeact::CodeAct>(codeact::CONFIG)])
}
