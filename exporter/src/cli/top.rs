//! `saker top`: an agent, live in the terminal.

use std::process::ExitCode;
use std::time::Duration;

use super::access::AccessArgs;
use super::exit_code;
use super::record::duration;
use crate::top;

/// Flags of `saker top`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The agent: http://HOST:PORT, https://HOST:PORT or unix:/PATH.
    #[arg(
        long,
        value_name = "URL",
        env = "SAKER_URL",
        default_value = "http://127.0.0.1:9797"
    )]
    url: String,
    /// Time between two looks, such as 500ms or 5s.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    interval: Duration,
    #[command(flatten)]
    access: AccessArgs,
}

/// Shows the agent until a key ends it.
pub(super) fn run(args: Args) -> ExitCode {
    exit_code(show(args))
}

fn show(args: Args) -> anyhow::Result<()> {
    let client = args.access.client(args.url)?;
    top::run(client, args.interval)
}
