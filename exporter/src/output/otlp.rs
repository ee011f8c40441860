//! Matches as OTLP log records, and the agent's metrics as OTLP metrics, pushed to a collector.
//!
//! In: [`OwnedMatch`](super::OwnedMatch) through a bounded queue; the registry. Out: requests by gRPC or HTTP, and a count of
//! every record by what became of it: at rest exported + failed + dropped is what was produced.
//! Never: a wait on the event thread; an end of the agent that waits for a collector longer than it is told to.
//!
//! Records are made by the SDK of OpenTelemetry and exported by opentelemetry-otlp, through a door of ours: its exporter tells
//! its caller neither what was rejected nor why something failed, and what goes through the door is seen there.
//!
//! Sources: OTLP specification 1.x (retries, partial success), OpenTelemetry log data model, semantic conventions.

mod attributes;
mod backoff;
mod books;
mod door;
mod exporter;
mod failure;
mod grpc;
mod http;
mod logs;
mod metrics;
mod pusher;
mod resource;
mod tls;
mod transport;
mod worker;

pub use self::attributes::asked;
pub use self::books::{Pending, queue};
pub use self::exporter::Exporter;
pub use self::pusher::{PushMetrics, Pusher};
pub use self::resource::Identity;
pub use self::worker::Running;
