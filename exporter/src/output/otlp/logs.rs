//! Matches as the log records of a request, and what a collector says of it.
//!
//! In: matches. Out: the bytes of a request; from the bytes of an answer how many records were rejected.
//! Sources: OpenTelemetry log data model (severity of syslog, Appendix B), OTLP specification, "Partial Success".

use std::time::Duration;

use hyper::body::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use rule_engine::priority::Priority;

use super::attributes::{attributes, text};
use super::resource::scope;
use super::transport::Service;
use crate::output::OwnedMatch;
use crate::output::line::printable;

/// The service of a collector that takes log records.
pub(super) const LOGS: Service = Service {
    method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
};
/// What kind of event a record is. One for all rules: their names are an attribute.
const EVENT_NAME: &str = "security.rule.match";

/// The log record of a match.
pub(super) fn record(owned: &OwnedMatch) -> LogRecord {
    LogRecord {
        time_unix_nano: owned.time_wall_ns,
        observed_time_unix_nano: observed_wall_ns(owned),
        severity_number: severity(owned.rule.priority).into(),
        severity_text: owned.rule.priority.as_str().to_owned(),
        body: Some(AnyValue {
            value: text(printable(&owned.message)),
        }),
        attributes: attributes(owned),
        event_name: EVENT_NAME.to_owned(),
        ..LogRecord::default()
    }
}

/// A request with these records.
pub(super) fn request(resource: &Resource, log_records: Vec<LogRecord>) -> Bytes {
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource.clone()),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope()),
                log_records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    request.encode_to_vec().into()
}

/// How many of so many records a collector has rejected, and why. An answer that is none says nothing against any.
pub(super) fn rejected(answer: &[u8], sent: usize) -> (usize, String) {
    let partial = ExportLogsServiceResponse::decode(answer)
        .ok()
        .and_then(|answer| answer.partial_success);
    match partial {
        Some(partial) => {
            let rejected = usize::try_from(partial.rejected_log_records).unwrap_or(0);
            (rejected.min(sent), partial.error_message)
        }
        None => (0, String::new()),
    }
}

/// When the agent saw the match: its UUID was made then, and holds the time in milliseconds.
fn observed_wall_ns(owned: &OwnedMatch) -> u64 {
    let seen = owned.uuid.get_timestamp().map_or(Duration::ZERO, |time| {
        let (seconds, nanoseconds) = time.to_unix();
        Duration::new(seconds, nanoseconds)
    });
    let seen = u64::try_from(seen.as_nanos()).unwrap_or(u64::MAX);
    seen.max(owned.time_wall_ns)
}

fn severity(priority: Priority) -> SeverityNumber {
    match priority {
        Priority::Emergency => SeverityNumber::Fatal,
        Priority::Alert => SeverityNumber::Error3,
        Priority::Critical => SeverityNumber::Error2,
        Priority::Error => SeverityNumber::Error,
        Priority::Warning => SeverityNumber::Warn,
        Priority::Notice => SeverityNumber::Info2,
        Priority::Informational => SeverityNumber::Info,
        Priority::Debug => SeverityNumber::Debug,
    }
}

#[cfg(test)]
mod tests;
