//! Matches as log records, and what a collector says of them.
//!
//! In: matches. Out: records of the SDK; from the bytes of an answer how many records were rejected.
//! Sources: OpenTelemetry log data model (severity of syslog, Appendix B), OTLP specification, "Partial Success".

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger, SdkLoggerProvider};
use prost::Message as _;
use rule_engine::priority::Priority;

use super::attributes::attributes;
use super::resource::scope;
use super::transport::Service;
use crate::output::line::printable;
use crate::output::{FieldValue, OwnedMatch};

/// The service of a collector that takes log records.
pub(super) const LOGS: Service = Service {
    method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
};
/// What kind of event a record is. One for all rules: their names are an attribute.
const EVENT_NAME: &str = "security.rule.match";
/// What a record takes beside the texts in it: names of attributes, numbers, times.
const RECORD_BYTES: usize = 1500;

/// Makes records. What it logs goes nowhere: the records are exported by their queue.
pub(super) fn logger() -> SdkLogger {
    let provider = SdkLoggerProvider::builder().build();
    provider.logger_with_scope(scope())
}

/// The log record of a match.
pub(super) fn record(logger: &SdkLogger, owned: &OwnedMatch) -> SdkLogRecord {
    let mut record = logger.create_log_record();
    record.set_event_name(EVENT_NAME);
    record.set_timestamp(time(owned.time_wall_ns));
    record.set_observed_timestamp(time(observed_wall_ns(owned)));
    record.set_severity_number(severity(owned.rule.priority));
    record.set_severity_text(owned.rule.priority.as_str());
    record.set_body(printable(&owned.message).into());
    record.add_attributes(attributes(owned));
    record
}

/// About how long the record of a match becomes, in bytes.
pub(super) fn size(owned: &OwnedMatch) -> usize {
    fn of(value: &FieldValue) -> usize {
        match value {
            FieldValue::Text(text) => text.len(),
            // Values of a list are single ones, so this goes one step down and no further.
            FieldValue::List(values) => values.iter().map(of).sum(),
            _ => 0,
        }
    }
    let fields = owned.fields.iter().map(|(_, value)| value);
    let texts: usize = fields.chain(&owned.asked).map(of).sum();
    RECORD_BYTES + owned.message.len() + owned.rule.description.len() + texts
}

fn time(wall_ns: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(wall_ns)
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

fn severity(priority: Priority) -> Severity {
    match priority {
        Priority::Emergency => Severity::Fatal,
        Priority::Alert => Severity::Error3,
        Priority::Critical => Severity::Error2,
        Priority::Error => Severity::Error,
        Priority::Warning => Severity::Warn,
        Priority::Notice => Severity::Info2,
        Priority::Informational => Severity::Info,
        Priority::Debug => Severity::Debug,
    }
}

#[cfg(test)]
mod tests;
