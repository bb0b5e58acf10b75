//! The program. All of it is in the library.

fn main() -> std::process::ExitCode {
    failover::cli::run(std::env::args_os())
}
