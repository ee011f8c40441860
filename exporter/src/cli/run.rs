//! `saker run`: the agent.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rule_engine::schema::Schema;

use super::record::duration;
use super::{exit_code, start_log};
use crate::config::{Layer, OtlpLayer, OutputFormat, Settings};
use crate::{app, rules};

/// Watch this host, judge what happens by the rules, and serve the counts.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Configuration file (YAML).
    #[arg(short, long, value_name = "FILE", env = "SAKER_CONFIG")]
    config: Option<PathBuf>,
    /// Rules file, or directory of rules files; may be given several times. Default: the bundled rules.
    #[arg(short, long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Where HTTP is served: HOST:PORT, unix:/PATH, or systemd; may be given several times [default: 127.0.0.1:9797].
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// How HTTP is protected (TLS, client certificates, users), in the format of the Prometheus exporters (YAML).
    #[arg(long = "web.config.file", value_name = "FILE")]
    web_config_file: Option<PathBuf>,
    /// Let `POST /-/reload` reload the rules.
    #[arg(long = "web.enable-lifecycle")]
    web_enable_lifecycle: bool,
    /// What is printed for each match [default: json].
    #[arg(long, value_enum)]
    output: Option<OutputFormat>,
    /// File that matches are printed to instead of standard output; opened anew on SIGUSR1.
    #[arg(long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// Collector that matches are sent to by OTLP, such as http://collector:4318.
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// Time between two harmless test actions that the agent must notice, such as 60s (see saker_canary_detected); without
    /// it there are none.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    canary_interval: Option<Duration>,
}

impl Args {
    /// Defaults < file < environment < flags.
    fn settings(self) -> anyhow::Result<Settings> {
        let file = self.config.as_deref().map(Layer::read).transpose()?;
        let environment = Layer::from_environment(|name| std::env::var(name).ok())?;
        let flags = Layer {
            rules: (!self.rules.is_empty()).then_some(self.rules),
            listen: (!self.listen.is_empty()).then_some(self.listen),
            web_config_file: self.web_config_file,
            web_enable_lifecycle: self.web_enable_lifecycle.then_some(true),
            output: self.output,
            output_file: self.output_file,
            otlp: self.otlp_endpoint.map(OtlpLayer::with_endpoint),
            // A part of a second counts as a whole one.
            canary_interval_seconds: self
                .canary_interval
                .map(|interval| interval.as_secs_f64().ceil() as u64),
            ..Layer::default()
        };
        Ok(Settings::from_layers(
            file.into_iter().chain([environment, flags]),
        )?)
    }
}

/// Runs until a signal ends it.
pub(super) fn run(args: Args) -> ExitCode {
    start_log();
    exit_code(agent(args))
}

fn agent(args: Args) -> anyhow::Result<()> {
    let settings = args.settings()?;
    let schema = Arc::new(Schema::syscall());
    let rules = rules::load(&settings, &schema)?;
    rules.warn();
    app::run(&settings, rules, &schema)
}
