//! Why a request was not taken, and whether it may be tried again.
//!
//! Sources: OTLP specification, "Failures" and "Retryable Response Codes".

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

/// A request that a collector did not take.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    /// Whether the same request may be tried again, and how long the collector wants us to wait before.
    pub(super) retry: Retry,
    /// For the log: what was said, and by whom.
    pub(super) message: String,
}

/// What kind of failure, as counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The collector does not want this request, now or later.
    Refused,
    /// The collector is there, but takes nothing at the moment.
    Unavailable,
    /// Nobody answers there.
    Unreachable,
    /// The answer took too long.
    Timeout,
    /// The two did not agree on certificates.
    Tls,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    Never,
    /// After a pause of our choice, or of at least so long.
    After(Option<Duration>),
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Kind; 5] = [
        Kind::Refused,
        Kind::Unavailable,
        Kind::Unreachable,
        Kind::Timeout,
        Kind::Tls,
    ];

    /// The value of the label `reason`.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Kind::Refused => "refused",
            Kind::Unavailable => "unavailable",
            Kind::Unreachable => "unreachable",
            Kind::Timeout => "timeout",
            Kind::Tls => "tls",
        }
    }
}

impl Failure {
    /// The collector's own word.
    pub(super) fn refused(message: String) -> Self {
        Self {
            kind: Kind::Refused,
            retry: Retry::Never,
            message,
        }
    }

    /// The attempt ran out of time.
    pub(super) fn timeout(after: Duration) -> Self {
        Self {
            kind: Kind::Timeout,
            retry: Retry::After(None),
            message: format!("no answer within {} ms", after.as_millis()),
        }
    }

    /// No answer came at all: an error of the connection, with what caused it. Certificates are changed while the agent
    /// runs, so even those are tried again.
    pub(super) fn connection(error: &(dyn Error + 'static)) -> Self {
        let kind = match is_tls(error) {
            true => Kind::Tls,
            false => Kind::Unreachable,
        };
        Self {
            kind,
            retry: Retry::After(None),
            message: with_causes(error),
        }
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        // What an I/O error carries is no cause of it to the standard library.
        let mut inner = cause;
        while let Some(error) = inner.downcast_ref::<io::Error>()
            && let Some(carried) = error.get_ref()
        {
            inner = carried;
        }
        inner.is::<rustls::Error>()
    })
}

/// An error with its causes, each said once.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut message = String::new();
    for cause in causes(error) {
        let cause = cause.to_string();
        if message.is_empty() {
            message = cause;
        } else if !message.contains(&cause) {
            let _ = write!(message, ": {cause}");
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_found_below_the_connection() {
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let connection = io::Error::new(io::ErrorKind::InvalidData, unknown);
        let failure = Failure::connection(&io::Error::other(connection));
        assert_eq!(failure.kind, Kind::Tls);
        assert!(failure.message.contains("UnknownIssuer"), "{failure:?}");

        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(Failure::connection(&refused).kind, Kind::Unreachable);
    }
}
