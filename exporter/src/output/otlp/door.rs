//! The exporter of opentelemetry-otlp, and the door beneath it through which its requests go out.
//!
//! In: records. Out: the collector's answer, or a [`Failure`]. The exporter makes requests of records; how they are sent, by
//! HTTP or gRPC, is ours, and so the whole answer is seen here. To its caller the exporter gives nothing for a request that was
//! taken in part, and a sentence for one that was not taken.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::InstrumentationScope;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    LogExporter, Protocol, RetryPolicy, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{LogBatch, LogExporter as _, SdkLogRecord};

use super::failure::Failure;
use super::resource::scope;
use super::transport::Transport;
use crate::config::Target;

/// Sends records, one request at a time.
pub(super) struct Sender {
    exporter: LogExporter,
    door: Arc<Door>,
    scope: InstrumentationScope,
}

/// What the exporter takes for an HTTP client.
struct Door {
    transport: Transport,
    passage: Mutex<Passage>,
}

/// A request on its way out, and what came back.
#[derive(Default)]
struct Passage {
    within: Duration,
    outcome: Option<Result<Bytes, Failure>>,
}

impl Sender {
    /// Nothing is connected yet.
    pub(super) fn new(transport: Transport, resource: &Resource) -> anyhow::Result<Self> {
        let endpoint = transport.target().endpoint.to_string();
        let door = Arc::new(Door {
            transport,
            passage: Mutex::default(),
        });
        let client: Arc<dyn HttpClient> = Arc::clone(&door) as Arc<dyn HttpClient>;
        let mut exporter = LogExporter::builder()
            .with_http()
            // The messages are the same for gRPC.
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_shared_http_client(client)
            // When to try again is decided where it is known why.
            .with_retry_policy(RetryPolicy::disabled())
            .build()?;
        exporter.set_resource(resource);
        Ok(Self {
            exporter,
            door,
            scope: scope(),
        })
    }

    /// Where it goes.
    pub(super) fn target(&self) -> &Target {
        self.door.transport.target()
    }

    /// Sends a request, and gives the bytes of the answer.
    pub(super) async fn send(
        &self,
        records: &[SdkLogRecord],
        within: Duration,
    ) -> Result<Bytes, Failure> {
        *self.door.passage() = Passage {
            within,
            outcome: None,
        };
        let records: Vec<_> = records.iter().map(|record| (record, &self.scope)).collect();
        let exported = self.exporter.export(LogBatch::new(&records)).await;
        let outcome = self.door.passage().outcome.take();
        outcome.unwrap_or_else(|| {
            // Nothing went through the door: the request was too long for the exporter.
            let error = exported.err().map(|error| error.to_string());
            Err(Failure::refused(error.unwrap_or_default()))
        })
    }
}

impl Door {
    fn passage(&self) -> MutexGuard<'_, Passage> {
        self.passage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Door {
    /// Only the body counts: headers and compression are those of the target, for both protocols.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let within = self.passage().within;
        let outcome = self.transport.send(request.into_body(), within).await;
        let told = match &outcome {
            Ok(answer) => Ok(Response::new(answer.clone())),
            Err(failure) => Err(failure.message.clone().into()),
        };
        self.passage().outcome = Some(outcome);
        told
    }
}
