//! `saker replay`: what was recorded, judged by rules.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use rule_engine::schema::Schema;

use super::{exit_code, start_log};
use crate::app::replay::{self, Replayed};
use crate::config::{OutputFormat, Settings};
use crate::metrics;
use crate::probe::KernelCount;
use crate::rules;

/// Flags of `saker replay`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file that `saker record` has written.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Rules file, or directory of rules files; may be given several times. Default: the bundled rules.
    #[arg(short, long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// What is printed for each match.
    #[arg(long, value_enum, default_value = "json")]
    output: OutputFormat,
    /// Print the metrics of rules, events and tables at the end, as /metrics shows them.
    #[arg(long)]
    metrics: bool,
}

/// Judges the whole file.
pub(super) fn run(args: Args) -> ExitCode {
    start_log();
    exit_code(replayed(args))
}

fn replayed(args: Args) -> anyhow::Result<()> {
    let schema = Arc::new(Schema::syscall());
    let settings = Settings {
        rules: args.rules,
        output: args.output,
        ..Settings::default()
    };
    let rules = rules::load(&settings, &schema)?;
    let name = args.file.display().to_string();
    let file = File::open(&args.file).with_context(|| format!("{name} cannot be read"))?;
    let replayed = replay::run(
        BufReader::new(file),
        &settings,
        rules,
        &schema,
        io::stdout(),
    )
    .with_context(|| name.clone())?;
    if args.metrics {
        let text = metrics::classic_text(&replayed.registry);
        match io::stdout().write_all(text.as_bytes()) {
            // Who read our output has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            result => result?,
        }
    }
    eprint!("{}", summary(&replayed));
    match replayed.error {
        Some(error) => Err(anyhow::Error::new(error).context(name)),
        None => Ok(()),
    }
}

fn summary(replayed: &Replayed) -> String {
    let Replayed { host, records, .. } = replayed;
    let of = |name: &str, counts: Vec<String>| match counts.as_slice() {
        [] => format!("{name}: none\n"),
        counts => format!("{name}: {}\n", counts.join(", ")),
    };
    let events: u64 = replayed.events.iter().map(|(_, count)| count).sum();
    let seconds = replayed.took.as_secs_f64();
    let mut text = format!(
        "{records} records of {} (Saker {}, Linux {} on {})\n{events} events in {seconds:.3} s: {:.0} events/s\n",
        host.hostname,
        host.version,
        host.kernel_release,
        host.architecture,
        events as f64 / seconds.max(1e-9),
    );
    let counted = replayed.events.iter();
    text.push_str(&of(
        "events",
        counted
            .map(|(name, count)| format!("{name} {count}"))
            .collect(),
    ));
    let counted = replayed.matches.iter();
    text.push_str(&of(
        "matches",
        counted
            .map(|(rule, count)| format!("{} {count}", rule.name))
            .collect(),
    ));
    let lost: u64 = replayed.counts.iter().map(KernelCount::lost).sum();
    if lost > 0 {
        text.push_str(&format!("{lost} records were lost while recording\n"));
    }
    if !replayed.unrecorded.is_empty() {
        text.push_str(&format!(
            "the rules look at system calls that were not recorded: {}; record with these rules, or with --all\n",
            replayed.unrecorded.join(", ")
        ));
    }
    text
}
