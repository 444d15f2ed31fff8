//! The command line of the Moatless agent.

fn main() -> std::process::ExitCode {
    runner::main(&[runner::plug::<moatless::Moatless>(moatless::CONFIG)])
}
