//! The command line of the Moatless agent.

fn main() -> std::process::ExitCode {
    cli::main(cli::standard().agent::<moatless::Moatless>(moatless::CONFIG))
}
