//! The command line: what was typed → what is done → exit code.
//!
//! In: argv. Out: results on standard output, messages on standard error, and 0 for success, 1 for a finding or failure, 2
//! for wrong usage. Never: anything that outlives a command but what `run` starts.

mod access;
mod check;
mod explain;
mod filter;
mod list;
mod record;
mod replay;
mod rules;
mod run;
mod selftest;
mod supply;
mod test;
mod top;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Watches what happens on a Linux host or Kubernetes node, judges it by Falco rules and counts every match.
#[derive(Debug, Parser)]
#[command(name = "saker", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch this host, judge what happens by the rules, and serve the counts.
    Run(run::Args),
    /// Record what happens on this host into a file, for `replay`.
    Record(record::Args),
    /// Judge by rules what was recorded.
    Replay(replay::Args),
    /// Do harmless things that the bundled rules must notice, and say whether they did.
    Selftest(selftest::Args),
    /// Show a running agent live in the terminal: its rules, events and losses.
    Top(top::Args),
    #[command(flatten)]
    Once(Once),
}

/// Commands that do one thing and end.
#[derive(Debug, Subcommand)]
enum Once {
    /// Load rules and say everything that is wrong with them.
    Check(check::Args),
    /// List rules, macros, lists, fields or events.
    List(list::Args),
    /// Run rule unit tests.
    Test(test::Args),
    /// Show how a rule's condition evaluates over an event.
    Explain(explain::Args),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Print a manual page (roff), that of `saker` or of one of its commands.
    Man {
        /// Which command.
        command: Option<String>,
    },
}

/// How a command ended, when it ended as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing to complain about.
    Good,
    /// Something was found, and has been said.
    Bad,
}

/// Where a command writes to.
struct Terminal<'a> {
    /// Results.
    out: &'a mut dyn Write,
    /// Messages.
    err: &'a mut dyn Write,
    /// Whether messages may be coloured.
    coloured: bool,
}

/// Runs the command that was typed.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // A reader that went away is no reason to complain.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let command = match cli.command {
        // The agent's threads write for themselves, so nobody may hold the streams.
        Command::Run(args) => return run::run(args),
        Command::Record(args) => return record::run(args),
        Command::Replay(args) => return replay::run(args),
        Command::Selftest(args) => return selftest::run(args),
        Command::Top(args) => return top::run(args),
        Command::Once(command) => command,
    };
    let coloured = io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut err = io::stderr().lock();
    let mut terminal = Terminal {
        out: &mut out,
        err: &mut err,
        coloured,
    };
    let verdict = run_once(command, &mut terminal).and_then(|verdict| {
        terminal.out.flush()?;
        Ok(verdict)
    });
    match verdict {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(err, "saker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_once(command: Once, terminal: &mut Terminal<'_>) -> anyhow::Result<Verdict> {
    match command {
        Once::Check(args) => check::run(&args, terminal),
        Once::List(args) => list::run(&args, terminal),
        Once::Test(args) => test::run(&args, terminal),
        Once::Explain(args) => explain::run(&args, terminal),
        Once::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "saker", &mut terminal.out);
            Ok(Verdict::Good)
        }
        Once::Man { command } => manual(command.as_deref(), terminal.out),
    }
}

/// Writes the manual page of `saker`, or that of a command.
fn manual(command: Option<&str>, out: &mut dyn Write) -> anyhow::Result<Verdict> {
    let mut whole = Cli::command();
    whole.build();
    let page = match command {
        None => whole,
        Some(name) => {
            let found = whole.find_subcommand(name).with_context(|| {
                format!("there is no command `{name}`; `saker --help` lists them")
            })?;
            found.clone()
        }
    };
    clap_mangen::Man::new(page).render(&mut &mut *out)?;
    Ok(Verdict::Good)
}

/// The log of a command whose threads write for themselves: standard error, since standard output is for matches.
fn start_log() {
    let filter = EnvFilter::try_from_env("SAKER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Tells of a failure, if it was one.
fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("saker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Who read our output has seen enough (`saker list fields | head`).
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
