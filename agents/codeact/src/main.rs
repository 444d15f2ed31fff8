//! The command line of the CodeAct agent.

fn main() -> std::process::ExitCode {
    runner::main(&[runner::plug::<codeact::CodeAct>(codeact::CONFIG)])
}
