//! The command line of the bash-only agent.

fn main() -> std::process::ExitCode {
    cli::main(cli::standard().agent::<bashonly::BashOnly>(""))
}
