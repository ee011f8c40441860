//! Judges a capture: the whole line from the decoder to the output, with a file in the place of the kernel.
//!
//! In: a capture, rules. Out: the matches that the agent would have printed, the metrics that it would have shown of them, and
//! what a summary needs. Never: the kernel, a clock; a match that is dropped because somebody reads slowly.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rule_engine::schema::Schema;

use super::outputs::line_format;
use super::record::kernel_counts;
use super::sieve::Sieve;
use super::{declare_kernel, supplied_events, watched_calls};
use crate::config::Settings;
use crate::detect::{Detector, RuleMetrics};
use crate::event::capture::{CaptureError, CaptureReader, End, Host, Item};
use crate::event::container::ContainerNews;
use crate::metrics::{Registry, TracedCounter};
use crate::output::{self, Lines, RuleFacts, Writer};
use crate::pipeline::{Control, Engines, Pipeline, PipelineMetrics, Records};
use crate::probe::KernelCount;
use crate::rules::Rules;
use crate::state::State;
use crate::state::user::Users;

/// What became of a replay.
pub struct Replayed {
    /// Where and by what the capture was made.
    pub host: Host,
    /// Why the capture could not be read to its end.
    pub error: Option<CaptureError>,
    /// Records that were read.
    pub records: u64,
    /// What the kernel counted while recording; nothing if the end is missing.
    pub counts: Vec<KernelCount>,
    /// Event types and how many events of each reached the rules; those without any left out.
    pub events: Vec<(&'static str, u64)>,
    /// Rules and how many events each matched; those without any left out.
    pub matches: Vec<(Arc<RuleFacts>, u64)>,
    /// System calls that the rules want and nobody recorded.
    pub unrecorded: Vec<&'static str>,
    /// How long it took.
    pub took: Duration,
    /// The metrics of rules, events and tables.
    pub registry: Registry,
}

/// Judges a capture by rules; matches go to `sink` as `settings` say.
///
/// # Errors
/// When it is no capture that can be replayed. One that is damaged further on is judged up to there.
pub fn run(
    capture: impl Read,
    settings: &Settings,
    rules: Rules,
    schema: &Arc<Schema>,
    sink: impl Write + Send + 'static,
) -> anyhow::Result<Replayed> {
    run_sieved(capture, settings, rules, schema, sink, None)
}

/// The same of what the kernel's filter would have let pass.
fn run_sieved(
    capture: impl Read,
    settings: &Settings,
    rules: Rules,
    schema: &Arc<Schema>,
    sink: impl Write + Send + 'static,
    sieve: Option<Sieve>,
) -> anyhow::Result<Replayed> {
    let reader = CaptureReader::new(capture)?;
    let host = reader.host().clone();
    let wanted = watched_calls(&rules.set, schema).into_iter();
    let recorded = |name: &&str| host.watched.iter().any(|watched| watched == name);
    let unrecorded = wanted.filter(|name| !recorded(name)).collect();

    let mut registry = Registry::new();
    let supplied: Vec<&str> = supplied_events().collect();
    let mut rule_metrics = RuleMetrics::declare(&mut registry);
    let workloads = rule_metrics.declare_workloads(&mut registry, &settings.workload_metrics);
    let metrics =
        PipelineMetrics::declare(&mut registry, schema, &supplied, settings.processes_max);
    let (queues, writer) = match line_format(settings.output) {
        Some(format) => {
            let (queue, pending) = output::queue(&mut registry);
            let lines = Lines::new(format, host.hostname.clone());
            let writer = Writer::start(pending, sink, lines)
                .context("the writer thread cannot be started")?;
            (vec![queue.waiting()], Some(writer))
        }
        None => (Vec::new(), None),
    };
    let detector = Detector::new(rules.set, &rule_metrics);
    let counted: Vec<(Arc<RuleFacts>, TracedCounter)> = detector
        .rules()
        .map(|(facts, counter)| (Arc::clone(facts), counter.clone()))
        .collect();
    let state = State::new(settings.processes_max, Arc::new(Users::default()));
    let mut pipeline = Pipeline::new(
        state,
        detector,
        schema,
        &host.hostname,
        metrics.clone(),
        queues,
    );
    if let Some(workloads) = workloads {
        pipeline.set_workloads(workloads);
    }

    let began = Instant::now();
    let (control, messages) = mpsc::channel();
    let (news_sender, news) = mpsc::channel();
    // Whoever recorded has asked; what was answered follows in the capture, or never came.
    let ask = Box::new(|_: &_| true);
    pipeline.set_engines(Engines { news, ask });
    let mut source = Source::new(reader, control, news_sender);
    source.sieve = sieve;
    pipeline.run(&mut source, &messages);
    // The pipeline took the queue's last end with it.
    if let Some(writer) = writer {
        writer.finish(Duration::MAX);
    }
    let took = began.elapsed();

    let counts = source.end.as_ref().map(kernel_counts).unwrap_or_default();
    let kernel = counts.clone();
    declare_kernel(&mut registry, move || kernel.clone(), metrics.malformed());
    let events = schema.events.iter().zip(metrics.events());
    Ok(Replayed {
        events: events
            .map(|(event, count)| (event.name, count.get()))
            .filter(|(_, count)| *count > 0)
            .collect(),
        matches: counted
            .into_iter()
            .map(|(facts, counter)| (facts, counter.get()))
            .filter(|(_, count)| *count > 0)
            .collect(),
        host,
        error: source.error,
        records: source.records,
        counts,
        unrecorded,
        took,
        registry,
    })
}

/// A capture as a source of records; what else it holds becomes control messages, between the records where it stands.
struct Source<R> {
    reader: CaptureReader<R>,
    control: Sender<Control>,
    news: Sender<ContainerNews>,
    boot_wall_ns: u64,
    boot_ns: u64,
    records: u64,
    /// What holds records back.
    sieve: Option<Sieve>,
    /// The last block, once it has come.
    end: Option<End>,
    /// What ended the reading before it came.
    error: Option<CaptureError>,
}

impl<R: Read> Source<R> {
    fn new(
        reader: CaptureReader<R>,
        control: Sender<Control>,
        news: Sender<ContainerNews>,
    ) -> Self {
        Self {
            reader,
            control,
            news,
            boot_wall_ns: 0,
            boot_ns: 0,
            records: 0,
            sieve: None,
            end: None,
            error: None,
        }
    }

    /// Told to the pipeline before it drains again. It listens for as long as it drains.
    fn tell(&self, message: Control) {
        let _ = self.control.send(message);
    }
}

impl<R: Read> Records for Source<R> {
    fn drain(&mut self, max: usize, each: &mut dyn FnMut(&[u8])) -> usize {
        let mut found = 0;
        while found < max {
            match self.reader.next() {
                Ok(Some(Item::Record(record))) => {
                    let sieve = self.sieve.as_mut();
                    if sieve.is_none_or(|sieve| sieve.passes(record)) {
                        each(record);
                    }
                    found += 1;
                    self.records += 1;
                    continue;
                }
                // All of these count for the records behind them, so the batch ends here.
                Ok(Some(Item::Clock { boot_wall_ns })) => self.boot_wall_ns = boot_wall_ns,
                Ok(Some(Item::Users { passwd, group })) => {
                    let users = Users::parse(passwd, group);
                    self.tell(Control::Users(Arc::new(users)));
                }
                Ok(Some(Item::News { boot_ns, news })) => {
                    self.boot_ns = boot_ns;
                    // Heard before it drains again.
                    let _ = self.news.send(news);
                }
                Ok(Some(Item::End(end))) => self.end = Some(end),
                Ok(None) => self.tell(Control::Stop),
                Err(error) => self.error = Some(error),
            }
            break;
        }
        found
    }

    fn boot_wall_ns(&mut self) -> u64 {
        self.boot_wall_ns
    }

    fn boot_ns(&mut self) -> u64 {
        self.boot_ns
    }

    /// All records are there already.
    fn wait(&mut self, _within: Duration) {}
}

#[cfg(test)]
mod tests;
