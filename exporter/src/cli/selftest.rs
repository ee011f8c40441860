//! `saker selftest`: harmless real actions, and whether an agent notices them.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use rule_engine::schema::Schema;

use super::access::AccessArgs;
use super::is_broken_pipe;
use crate::config::Settings;
use crate::rules;
use crate::selftest::{self, Order, Rule, Witness};

/// Do harmless things that the bundled rules must notice, and say whether they did.
///
/// An agent is started for this time, and programs that do nothing, or next to nothing, are run in a root file system and a
/// network of their own, which are empty and vanish with them. Succeeds when everything that could be done was noticed. An agent
/// that runs on this host notices it, too: its matches carry `saker selftest` in `proc.pcmdline`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Rules file, or directory of rules files; may be given several times. Default: the bundled rules.
    #[arg(short, long, value_name = "PATH", conflicts_with = "against")]
    rules: Vec<PathBuf>,
    /// A running agent on this host that is to notice, in place of one for this time: http://HOST:PORT, https://HOST:PORT or
    /// unix:/PATH.
    #[arg(long, value_name = "URL")]
    against: Option<String>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: AccessArgs,
    #[command(flatten)]
    order: Order,
}

/// Tests, or does one of the actions of a test.
pub(super) fn run(args: Args) -> ExitCode {
    if args.order.is_some() {
        return match args.order.carry_out() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    match test(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("saker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn test(args: Args) -> anyhow::Result<bool> {
    let settings = Settings {
        rules: args.rules.clone(),
        ..Settings::default()
    };
    let loaded = rules::load(&settings, &Schema::syscall())?;
    let rules = loaded.set.rules().iter().map(|rule| Rule {
        name: rule.name.clone(),
        enabled: rule.enabled,
    });
    let rules: Vec<_> = rules.collect();
    let witness = match args.against {
        Some(url) => Witness::Running(args.access.client(url)?),
        None => Witness::Own(args.rules),
    };
    let report = selftest::run(witness, &rules)?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    Ok(report.passed())
}
