//! argv → cli.

fn main() -> std::process::ExitCode {
    exporter::cli::main(std::env::args_os())
}
