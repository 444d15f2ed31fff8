//! The command line of the CodeAct agent.

fn main() -> std::process::ExitCode {
    cli::main(cli::standard().agent::<codeact::CodeAct>(codeact::CONFIG))
}
