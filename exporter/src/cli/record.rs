//! `saker record`: what happens on this host, into a file.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use exporter_ebpf::record::{SETTING_DATA, SETTING_ENV};
use jiff::SignedDuration;
use rule_engine::schema::Schema;

use super::{exit_code, start_log};
use crate::app::record::{self, Recorded, Recording};
use crate::config::{Layer, Settings};
use crate::rules;

/// Flags of `saker record`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write; one that is there is replaced.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// How long to record, such as 30s or 5m; without it until Ctrl-C or SIGTERM.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    length: Option<Duration>,
    /// Rules file, or directory of rules files, whose system calls are recorded; may be given several times. Default:
    /// those of the configuration, or the bundled rules.
    #[arg(short, long, value_name = "PATH", conflicts_with = "all")]
    rules: Vec<PathBuf>,
    /// Record every system call that the probes can watch, environments and data, whatever the rules want.
    #[arg(long)]
    all: bool,
    /// Record the environment of programs, even if no rule asks for it.
    #[arg(long)]
    env: bool,
    /// Record the first bytes of what is read and written by the recorded calls, even if no rule asks for it.
    #[arg(long)]
    data: bool,
    /// Configuration file (YAML) of the agent: its rules, container engines and sizes.
    #[arg(short, long, value_name = "FILE", env = "SAKER_CONFIG")]
    config: Option<PathBuf>,
}

/// Records until the time is over or a signal comes.
pub(super) fn run(args: Args) -> ExitCode {
    start_log();
    exit_code(recorded(args))
}

fn recorded(args: Args) -> anyhow::Result<()> {
    let schema = Schema::syscall();
    let file = args.config.as_deref().map(Layer::read).transpose()?;
    let flags = Layer {
        rules: (!args.rules.is_empty()).then_some(args.rules),
        ..Layer::default()
    };
    let settings = Settings::from_layers(file.into_iter().chain([flags]))?;
    let wanted = match args.all {
        true => None,
        false => Some(rules::load(&settings, &schema)?.set),
    };
    let recording = Recording {
        watched: record::calls(wanted.as_ref(), &schema),
        collected: record::extras(wanted.as_ref(), &schema)
            | if args.env { SETTING_ENV } else { 0 }
            | if args.data { SETTING_DATA } else { 0 },
        file: args.output,
        length: args.length,
        settings,
    };
    let file = recording.file.display();
    let recorded = record::run(&recording, || eprintln!("recording to {file}"))?;
    eprint!("{}", summary(&recorded, &recording));
    Ok(())
}

fn summary(recorded: &Recorded, recording: &Recording) -> String {
    let Recorded { records, bytes, .. } = recorded;
    let kinds: Vec<String> = recorded
        .kinds
        .iter()
        .map(|(kind, count)| format!("{kind} {count}"))
        .collect();
    let mut text = format!(
        "{records} records in {bytes} bytes\nrecords: {}\nlost: {}\n",
        kinds.join(", "),
        recorded.lost()
    );
    if recorded.lost() > 0 {
        let file = recording.file.display();
        text.push_str(&format!(
            "what was lost is missing in {file}: the ring buffer was full; record fewer system calls, or to a faster disk\n"
        ));
    }
    text
}

/// A time as people write it: `90s`, `1m 30s`, `1h`.
/// A time as people write it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    match parsed.and_then(|duration| Duration::try_from(duration).ok()) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("not a time above zero, such as 30s, 5m or 1h30m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("1h30m", 5400), ("1m 30s", 90)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "5", "0s", "-5s", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
