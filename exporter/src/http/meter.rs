//! What the face counts about itself.

use crate::metrics::{Counter, Declaration, Family, Gauge, Registry};

/// The metrics of the face. Cloning shares them.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    /// Connections that are open.
    pub(super) connections: Gauge,
    /// By how they ended.
    ended: Family<1, Counter>,
    /// By path and status code.
    requests: Family<2, Counter>,
    /// Pages that follow the matches live.
    pub(super) streams: Gauge,
    /// Whether the web configuration is the one in the file.
    pub(super) web_config: Gauge,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By either side, when all was said.
    Done,
    /// It was the oldest when there were too many.
    Evicted,
    /// TLS was not agreed on: no certificate, a wrong one, or no TLS at all.
    Handshake,
    /// What came was no HTTP, or too much of it.
    Malformed,
    /// No request, or no handshake, came in time.
    Timeout,
    /// The answer was not read.
    Stalled,
    /// It broke.
    Failed,
}

impl End {
    const ALL: [End; 7] = [
        End::Done,
        End::Evicted,
        End::Handshake,
        End::Malformed,
        End::Timeout,
        End::Stalled,
        End::Failed,
    ];

    fn as_str(self) -> &'static str {
        match self {
            End::Done => "done",
            End::Evicted => "evicted",
            End::Handshake => "handshake",
            End::Malformed => "malformed",
            End::Timeout => "timeout",
            End::Stalled => "stalled",
            End::Failed => "failed",
        }
    }
}

impl HttpMetrics {
    /// Declares them.
    pub fn declare(registry: &mut Registry) -> Self {
        let connections = registry.gauge(Declaration {
            name: "saker_http_connections",
            help: "Open connections to the HTTP face.",
            labels: [],
        });
        let ended = registry.counters(Declaration {
            name: "saker_http_connections_ended_total",
            help: "Connections to the HTTP face that have ended, by how.",
            labels: ["reason"],
        });
        for end in End::ALL {
            ended.with([end.as_str()]);
        }
        let requests = registry.counters(Declaration {
            name: "saker_http_requests_total",
            help: "Requests that the HTTP face has answered, by path and status.",
            labels: ["handler", "code"],
        });
        let streams = registry.gauge(Declaration {
            name: "saker_http_streams",
            help: "Clients that follow the matches live.",
            labels: [],
        });
        let web_config = registry.gauge(Declaration {
            name: "saker_web_config_last_reload_successful",
            help: "Whether the web configuration in force is the one in its file: 1, or 0 while an older one holds.",
            labels: [],
        });
        Self {
            connections,
            ended,
            requests,
            streams,
            web_config,
        }
    }

    /// A connection has ended.
    pub(super) fn ended(&self, end: End) {
        self.ended.with([end.as_str()]).inc();
    }

    /// A request was answered. `handler` is one of few: never what the client wrote.
    pub(super) fn answered(&self, handler: &'static str, code: u16) {
        self.requests.with([handler, &code.to_string()]).inc();
    }
}
