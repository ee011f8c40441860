//! Why a call to an engine gave nothing.

use std::time::Duration;

use tokio::time::timeout;

/// Longest answer that is read.
pub(super) const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Time for one call.
const CALL_TIME: Duration = Duration::from_secs(2);

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// Nobody listens.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The connection broke, or what came was no HTTP.
    #[error("the connection failed: {0}")]
    Connection(#[from] hyper::Error),
    /// The engine refused.
    #[error("the engine refused with {code}: {message}")]
    Refused {
        /// HTTP or gRPC status.
        code: u32,
        /// What it said.
        message: String,
    },
    /// The answer has no end.
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// The answer is not what the interface says.
    #[error("the answer is malformed: {0}")]
    Malformed(String),
    /// No answer in time.
    #[error("no answer within {} s", CALL_TIME.as_secs())]
    TimedOut,
    /// The engine ended its stream of events.
    #[error("the engine has ended its events")]
    Ended,
}

/// Gives a call its time.
pub(super) async fn within<T>(
    call: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    timeout(CALL_TIME, call)
        .await
        .unwrap_or(Err(CallError::TimedOut))
}
