//! The thread that exports: it makes requests of what waits, and tries each until it is taken, refused or too old.
//!
//! In: [`Pending`] matches. Out: requests, and the books. Never: more than one request under way; a record that is in no book
//! when the thread ends by itself.

use std::io;
use std::time::Duration;

use anyhow::Context as _;
use hyper::body::Bytes;
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::backoff::Backoff;
use super::books::{Books, Pending};
use super::door::Sender;
use super::failure::{Failure, Kind, Retry};
use super::logs::{self, LOGS};
use super::resource::{Identity, resource};
use super::transport::Transport;
use super::worker::{self, End, Running};
use crate::config::{Otlp, Protocol, Target};
use crate::output::queue::Waiting;

/// A request is sent when it is so long, however few records it has: collectors refuse more than 4 MiB by gRPC.
const REQUEST_BYTES_MAX: usize = 2 << 20;

/// What exports, before it runs.
pub struct Exporter {
    sender: Sender,
    logger: SdkLogger,
    batch_len_max: usize,
    delay: Duration,
    retry_for: Duration,
}

impl Exporter {
    /// Reads certificates; nothing is connected yet.
    ///
    /// # Errors
    /// When a certificate or key cannot be used.
    pub fn new(settings: &Otlp, target: &Target, identity: &Identity) -> anyhow::Result<Self> {
        let why = || format!("matches cannot be exported to {}", target.endpoint);
        let transport = Transport::new(target.clone(), LOGS).with_context(why)?;
        let resource = resource(&settings.resource, identity);
        let sender = Sender::new(transport, &resource).with_context(why)?;
        if target.protocol == Protocol::Http && target.endpoint.port_u16() == Some(4317) {
            tracing::warn!(
                endpoint = %target.endpoint,
                "port 4317 is usually that of gRPC, and the protocol is http/protobuf; set otlp.protocol to grpc if it is"
            );
        }
        Ok(Self {
            sender,
            logger: logs::logger(),
            batch_len_max: settings.batch_len_max,
            delay: settings.delay,
            retry_for: settings.retry_for,
        })
    }

    /// Starts the thread. It ends when all [`Queue`](crate::output::Queue)s are gone and what they held is in the books.
    ///
    /// # Errors
    /// When the thread or its runtime cannot be started.
    pub fn start(self, pending: Pending) -> io::Result<Running> {
        worker::spawn("saker-otlp", move |end| self.export(pending, end))
    }

    /// Exports until all queues are gone, or the end has come.
    async fn export(self, pending: Pending, end: End) {
        let Pending { waiting, books } = pending;
        let export = Export {
            exporter: self,
            books,
            end,
            backoff: Backoff::default(),
            pause: None,
            failing: false,
            disliked: false,
        };
        export.run(waiting).await;
    }
}

/// The work of the thread.
struct Export {
    exporter: Exporter,
    books: Books,
    end: End,
    backoff: Backoff,
    /// Before the next attempt, whichever request that is for.
    pause: Option<Pause>,
    failing: bool,
    /// The collector had something to say against the last request that it took.
    disliked: bool,
}

/// A time in which nothing is sent.
struct Pause {
    until: Instant,
    /// The collector wants it so.
    is_asked: bool,
}

impl Export {
    async fn run(mut self, mut waiting: Waiting) {
        while let Some(records) = self.batch(&mut waiting).await {
            let count = records.len();
            match self.deliver(&records).await {
                Ok(answer) => self.taken(&answer, count),
                Err(Some(kind)) => self.books.failed(kind, count),
                Err(None) => {
                    let rest = self.rest(&mut waiting);
                    self.books.unsent(count + rest);
                    tracing::warn!(
                        records = count + rest,
                        "the agent ended before these matches could be exported"
                    );
                    return;
                }
            }
        }
    }

    /// The records of the next request; none when everything is done.
    async fn batch(&mut self, waiting: &mut Waiting) -> Option<Vec<SdkLogRecord>> {
        let Exporter {
            batch_len_max,
            delay,
            ref logger,
            ..
        } = self.exporter;
        let first = waiting.receiver.recv().await?;
        let until = Instant::now() + delay;
        let mut records = vec![logs::record(logger, &first)];
        let mut bytes = logs::size(&first);
        while records.len() < batch_len_max && bytes < REQUEST_BYTES_MAX {
            // Ends early when the queue is gone: then nothing more can come.
            let next = timeout_at(until, waiting.receiver.recv()).await;
            let Ok(Some(owned)) = next else { break };
            bytes += logs::size(&owned);
            records.push(logs::record(logger, &owned));
        }
        Some(records)
    }

    /// Tries a request until it is taken. Otherwise why not; nothing if the agent ended before that could be known.
    async fn deliver(&mut self, records: &[SdkLogRecord]) -> Result<Bytes, Option<Kind>> {
        let give_up = Instant::now() + self.exporter.retry_for;
        let mut last = None;
        loop {
            if let Some(pause) = self.pause.take() {
                if last.is_some() && pause.until >= give_up && !self.end.is_known() {
                    // The next request waits in its place.
                    self.pause = Some(pause);
                    return Err(last);
                }
                self.sleep(pause).await;
            }
            let within = self.end.time_left();
            if within.is_zero() {
                return Err(None);
            }
            let failure = match self.exporter.sender.send(records, within).await {
                Ok(answer) => {
                    self.backoff.reset();
                    self.went_well();
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            self.went_wrong(&failure);
            let Retry::After(asked) = failure.retry else {
                return Err(Some(failure.kind));
            };
            last = Some(failure.kind);
            self.pause = Some(Pause {
                until: Instant::now() + self.backoff.pause(asked),
                is_asked: asked.is_some(),
            });
        }
    }

    /// Waits. When the agent ends meanwhile, only as long as there is time; if the pause is our own choice a short one will do.
    async fn sleep(&mut self, pause: Pause) {
        let end = tokio::select! {
            () = sleep_until(pause.until) => return,
            end = self.end.known() => end,
        };
        let mut until = pause.until.min(end);
        if !pause.is_asked {
            self.backoff.reset();
            until = until.min(Instant::now() + self.backoff.pause(None));
        }
        sleep_until(until).await;
    }

    fn taken(&mut self, answer: &[u8], count: usize) {
        let (rejected, message) = logs::rejected(answer, count);
        self.books.answered(count - rejected, rejected);
        let is_disliked = rejected > 0 || !message.is_empty();
        // Once is enough, as with failures.
        if is_disliked && !self.disliked {
            tracing::warn!(rejected, message, "the collector did not like all matches");
        }
        self.disliked = is_disliked;
    }

    /// Empties the queue, and says how many were in it.
    fn rest(&self, waiting: &mut Waiting) -> usize {
        let mut count = 0;
        while waiting.receiver.try_recv().is_ok() {
            count += 1;
        }
        count
    }

    fn went_well(&mut self) {
        if std::mem::take(&mut self.failing) {
            let endpoint = &self.exporter.sender.target().endpoint;
            tracing::info!(%endpoint, "matches are exported again");
        }
    }

    fn went_wrong(&mut self, failure: &Failure) {
        // Once is enough until it gets better; the books tell the rest.
        if !std::mem::replace(&mut self.failing, true) {
            let endpoint = &self.exporter.sender.target().endpoint;
            let reason = failure.kind.reason();
            tracing::warn!(%endpoint, reason, "matches cannot be exported: {}", failure.message);
        }
    }
}

#[cfg(test)]
mod tests;
