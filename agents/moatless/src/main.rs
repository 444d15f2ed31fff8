//! The command line of the Moatless agent.

fn main() -> std::process::ExitCode {
    cli::main(&[cli::plug::<moatless::Moatless>(moatless::CONFIG)])
}
