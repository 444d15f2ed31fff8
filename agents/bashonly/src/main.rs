//! The command line of the bash-only agent.

fn main() -> std::process::ExitCode {
    cli::main(&[cli::plug::<bashonly::BashOnly>("")])
}
