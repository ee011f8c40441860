//! The outputs of the agent: which the settings want, their start and their end.
//!
//! In: settings. Out: queues for the event thread, and [`Outputs`], which end in a bounded time. Never: a file or certificate
//! that turns out unusable when the probes are attached already.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rule_engine::schema::Schema;
use rule_engine::value::FieldRef;

use super::hostname;
use crate::config::{OutputFormat, Settings};
use crate::metrics::Registry;
use crate::output::otlp::{self, Exporter, Identity, PushMetrics, Pusher, Running};
use crate::output::{self, Format, LineFile, Lines, Queue, Reopener, Writer, page};

/// What is written and sent, opened but not running.
pub(super) struct Opened {
    lines: Option<(Lines, Box<dyn Write + Send>)>,
    reopener: Option<Reopener>,
    exporter: Option<Exporter>,
    pusher: Option<Pusher>,
}

/// Queues that are on `/metrics`.
pub(super) struct Declared {
    lines: Option<(Queue, output::Pending)>,
    page: (Queue, page::Pending),
    records: Option<(Queue, otlp::Pending)>,
    pushes: Option<PushMetrics>,
}

/// The running outputs.
pub(super) struct Outputs {
    writer: Option<Writer>,
    reopener: Option<Reopener>,
    exporter: Option<Running>,
    pusher: Option<(Pusher, PushMetrics)>,
    pushing: Option<Running>,
}

impl Opened {
    /// Opens what the settings want.
    ///
    /// # Errors
    /// When the file or a certificate cannot be used.
    pub(super) fn open(settings: &Settings) -> anyhow::Result<Self> {
        let mut reopener = None;
        let mut lines = None;
        if let Some(format) = line_format(settings.output) {
            let sink: Box<dyn Write + Send> = match &settings.output_file {
                None => Box::new(io::stdout()),
                Some(path) => {
                    let (file, opener) = open(path)?;
                    reopener = Some(opener);
                    Box::new(file)
                }
            };
            lines = Some((Lines::new(format, hostname(settings)), sink));
        }
        let identity = Identity {
            hostname: hostname(settings),
            node: settings.node_name.clone(),
        };
        let mut exporter = None;
        let mut pusher = None;
        if let Some(otlp) = &settings.otlp {
            if let Some(target) = &otlp.logs {
                exporter = Some(Exporter::new(otlp, target, &identity)?);
            }
            if let Some(target) = &otlp.metrics {
                pusher = Some(Pusher::new(otlp, target, &identity)?);
            }
        }
        Ok(Self {
            lines,
            reopener,
            exporter,
            pusher,
        })
    }

    /// Starts the threads. What is for the page waits for who serves it.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn start(
        self,
        declared: Declared,
    ) -> anyhow::Result<(Vec<Queue>, page::Pending, Outputs)> {
        let (queue, shown) = declared.page;
        let mut queues = vec![queue];
        let mut writer = None;
        if let (Some((lines, sink)), Some((queue, pending))) = (self.lines, declared.lines) {
            let started = Writer::start(pending, sink, lines);
            writer = Some(started.context("the writer thread cannot be started")?);
            queues.push(queue);
        }
        let mut exporter = None;
        if let (Some(opened), Some((queue, pending))) = (self.exporter, declared.records) {
            let started = opened.start(pending);
            exporter = Some(started.context("the exporter thread cannot be started")?);
            queues.push(queue);
        }
        let outputs = Outputs {
            writer,
            reopener: self.reopener,
            exporter,
            pusher: self.pusher.zip(declared.pushes),
            pushing: None,
        };
        Ok((queues, shown, outputs))
    }
}

impl Declared {
    /// Declares the metrics of the outputs that are on.
    pub(super) fn declare(registry: &mut Registry, settings: &Settings) -> Self {
        let otlp = settings.otlp.as_ref();
        let logs = otlp.filter(|otlp| otlp.logs.is_some());
        let metrics = otlp.filter(|otlp| otlp.metrics.is_some());
        Self {
            lines: line_format(settings.output).map(|_| output::queue(registry)),
            page: page::queue(registry),
            records: logs.map(|otlp| otlp::queue(registry, otlp.queue_len_max)),
            pushes: metrics.map(|_| PushMetrics::declare(registry)),
        }
    }
}

impl Outputs {
    /// Begins to push metrics, if the settings want that. All have been declared.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(super) fn push(&mut self, registry: &Arc<Registry>) -> anyhow::Result<()> {
        if let Some((pusher, metrics)) = self.pusher.take() {
            let started = pusher.start(Arc::clone(registry), metrics);
            self.pushing = Some(started.context("the thread that pushes cannot be started")?);
        }
        Ok(())
    }

    /// Opens the file of lines anew, if lines go into one.
    pub(super) fn reopen(&self) {
        let Some(reopener) = &self.reopener else {
            return;
        };
        let path = reopener.path().display();
        match reopener.reopen() {
            Ok(()) => tracing::info!(%path, "the file of matches was opened anew"),
            Err(error) => {
                tracing::error!(%path, %error, "the file of matches cannot be opened anew; the old one is written on");
            }
        }
    }

    /// Waits until everything queued is written and sent, no longer than `within`. The queues have to be gone.
    pub(super) fn finish(self, within: Duration) {
        let end = Instant::now() + within;
        let left = || end.saturating_duration_since(Instant::now());
        if let Some(exporter) = self.exporter
            && !exporter.finish(within)
        {
            tracing::warn!("the exporter did not end in time; matches may be lost");
        }
        // Last, so that what became of the last matches is pushed too.
        if let Some(pushing) = self.pushing
            && !pushing.finish(left())
        {
            tracing::warn!("the last metrics were not pushed in time");
        }
        if let Some(writer) = self.writer
            && !writer.finish(left())
        {
            tracing::warn!("nobody took the last lines of matches in time");
        }
    }
}

/// Fields that outputs want of every match.
pub(super) fn asked(settings: &Settings, schema: &Schema) -> Arc<[FieldRef]> {
    let otlp = settings.otlp.as_ref();
    match otlp.is_some_and(|otlp| otlp.logs.is_some()) {
        true => otlp::asked(schema),
        false => Arc::default(),
    }
}

/// The form of lines; none if there are none.
pub(super) fn line_format(output: OutputFormat) -> Option<Format> {
    match output {
        OutputFormat::Json => Some(Format::Json),
        OutputFormat::Text => Some(Format::Text),
        OutputFormat::None => None,
    }
}

fn open(path: &Path) -> anyhow::Result<(LineFile, Reopener)> {
    LineFile::open(path).with_context(|| {
        format!(
            "matches cannot be written to {}; name another file by output_file or --output-file",
            path.display()
        )
    })
}
