//! A collector that is away for a minute of the exporter's clock, which stands still while there is work and jumps ahead when
//! there is none.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;
use rule_engine::priority::Priority;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{pause, resume, sleep, timeout};
use uuid::Uuid;

use super::super::books;
use super::*;
use crate::config::{Layer, Settings};
use crate::metrics::{Registry, classic_text};
use crate::output::{OwnedMatch, Queue, RuleFacts};

const MINUTE: Duration = Duration::from_secs(60);
/// Longer than an exporter waits between two attempts.
const PATIENCE: Duration = Duration::from_secs(100);

/// A collector by HTTP; it is away, with all connections, when it is dropped.
struct Collector {
    address: SocketAddr,
    /// Log records that it has taken.
    taken: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Collector {
    /// Comes to an address. Where the clock stands still, it goes on with the first connection.
    async fn come(address: SocketAddr, mut stands_still: bool) -> Collector {
        let listener = TcpListener::bind(address).await.expect("the port is free");
        let address = listener.local_addr().expect("a bound socket");
        let taken = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&taken);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                if std::mem::take(&mut stands_still) {
                    resume();
                }
                let taken = Arc::clone(&counted);
                let service = service_fn(move |request| answer(request, Arc::clone(&taken)));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connections.spawn(async {
                    // One that breaks is the exporter's to make again.
                    let _ = connection.await;
                });
            }
        });
        Collector {
            address,
            taken,
            serving,
        }
    }

    fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }
}

async fn answer(
    request: Request<Incoming>,
    taken: Arc<AtomicU64>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let request = ExportLogsServiceRequest::decode(body).expect("a request of ours");
    let scopes = request.resource_logs.iter().flat_map(|of| &of.scope_logs);
    let records: usize = scopes.map(|scope| scope.log_records.len()).sum();
    taken.fetch_add(records as u64, Relaxed);
    Ok(Response::new(Full::default()))
}

/// The exporter, and what it was given.
struct Exporting {
    registry: Registry,
    queue: Queue,
    produced: u64,
}

impl Exporting {
    /// Exports to an address: five matches in a request, ten in the queue.
    fn start(address: SocketAddr, retry_ms: u64) -> Exporting {
        let text = format!(
            "otlp: {{endpoint: 'http://{address}', delay_ms: 0, batch_len_max: 5, queue_len_max: 10, retry_ms: {retry_ms}}}"
        );
        let layer = Layer::parse(&text).expect("these settings are right");
        let settings = Settings::from_layers([layer]).expect("these settings are right");
        let otlp = settings.otlp.expect("there is an endpoint");
        let target = otlp.logs.as_ref().expect("there is an endpoint");
        let mut registry = Registry::new();
        let (queue, pending) = books::queue(&mut registry, otlp.queue_len_max);
        let exporter = Exporter::new(&otlp, target, &Identity::default()).expect("no certificates");
        let (ending, end) = worker::ending();
        tokio::spawn(async move {
            exporter.export(pending, end).await;
            drop(ending);
        });
        Exporting {
            registry,
            queue,
            produced: 0,
        }
    }

    fn produce(&mut self, count: u64) {
        for _ in 0..count {
            self.queue.send(Arc::new(sample()));
        }
        self.produced += count;
    }

    /// Records with this in their labels.
    fn counted(&self, part: &str) -> u64 {
        let text = classic_text(&self.registry);
        let samples = text.lines().filter(|line| {
            line.starts_with("saker_otlp_log_records_total{") && line.contains(part)
        });
        let counts = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        counts.sum()
    }

    /// Waits until every match is in the books.
    async fn settled(&self) {
        let settled = async {
            while self.counted("") != self.produced {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, settled).await.expect("the books balance");
    }
}

fn sample() -> OwnedMatch {
    OwnedMatch {
        uuid: Uuid::now_v7(),
        time_wall_ns: 1_800_000_000_000_000_000,
        rule: Arc::new(RuleFacts {
            name: "Sample".into(),
            priority: Priority::Notice,
            source: "syscall".into(),
            file: "sample.yaml".into(),
            description: "".into(),
            tags: [].into(),
        }),
        message: "sample".to_owned(),
        fields: Vec::new(),
        asked: Vec::new(),
    }
}

#[tokio::test]
async fn a_collector_that_is_back_after_a_minute_gets_what_fitted_into_the_queue() {
    let collector = Collector::come(([127, 0, 0, 1], 0).into(), false).await;
    let address = collector.address;
    let mut exporting = Exporting::start(address, 300_000);
    exporting.produce(5);
    exporting.settled().await;
    assert_eq!(collector.taken(), 5);
    drop(collector);

    pause();
    // Five are tried, and ten wait.
    exporting.produce(5);
    sleep(MINUTE / 2).await;
    exporting.produce(30);
    sleep(MINUTE / 2).await;
    assert_eq!(exporting.counted("exported"), 5);
    assert_eq!(exporting.counted("failed"), 0);
    assert_eq!(exporting.counted("dropped"), 20);

    let collector = Collector::come(address, true).await;
    exporting.settled().await;
    assert_eq!(exporting.counted("exported"), 20);
    assert_eq!(exporting.counted("dropped"), 20);
    assert_eq!(exporting.counted("failed"), 0);
    assert_eq!(collector.taken(), 15);
}

#[tokio::test]
async fn what_was_tried_for_long_enough_has_failed_when_the_collector_is_back() {
    let collector = Collector::come(([127, 0, 0, 1], 0).into(), false).await;
    let address = collector.address;
    drop(collector);

    let mut exporting = Exporting::start(address, 25_000);
    pause();
    for _ in 0..6 {
        exporting.produce(5);
        sleep(MINUTE / 6).await;
    }
    let failed = exporting.counted("reason=\"unreachable\"");
    // Each was given up when its next attempt would have come after 25 seconds; how soon that is, is chance.
    assert!((10..=20).contains(&failed), "{failed}");
    let collector = Collector::come(address, true).await;
    exporting.settled().await;
    assert_eq!(exporting.counted("failed"), failed);
    assert_eq!(exporting.counted("exported"), collector.taken());
    let dropped = exporting.counted("dropped");
    assert_eq!(failed + dropped + collector.taken(), exporting.produced);
}
