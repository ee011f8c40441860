//! `saker top`: an agent, live in the terminal.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use super::exit_code;
use super::record::duration;
use crate::http::{Access, Client};
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
    /// Who vouches for the agent's certificate (PEM). Default: those whom the system trusts.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Our certificate (PEM), for an agent that asks for one.
    #[arg(long, value_name = "FILE", requires = "key_file")]
    cert_file: Option<PathBuf>,
    /// The key of our certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "cert_file")]
    key_file: Option<PathBuf>,
    /// User, for an agent that asks for one.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    user: Option<String>,
    /// File that holds the user's password.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
}

/// Shows the agent until a key ends it.
pub(super) fn run(args: Args) -> ExitCode {
    exit_code(show(args))
}

fn show(args: Args) -> anyhow::Result<()> {
    let password = match &args.password_file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?,
        None => String::new(),
    };
    let password = password.trim_end_matches(['\r', '\n']).to_owned();
    let client = Client::new(&Access {
        url: args.url,
        ca_file: args.ca_file,
        certificate: args.cert_file.zip(args.key_file),
        user: args.user.map(|user| (user, password)),
    })?;
    top::run(client, args.interval)
}
