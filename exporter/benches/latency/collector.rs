//! A collector that takes log records by gRPC or HTTP, and says when each came.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;
use tokio::net::{TcpListener, TcpStream};

/// Flag and length before a message of gRPC.
const PREFIX_LEN: usize = 5;

/// The running collector; it ends with the process.
pub(crate) struct Collector {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// A time for each record.
    pub(crate) records: Receiver<Instant>,
}

impl Collector {
    /// Starts one on a free port.
    pub(crate) fn start(protocol: &str) -> Collector {
        let is_grpc = protocol == "grpc";
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let listening = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listening.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (sender, records) = mpsc::channel();
        std::thread::spawn(move || {
            runtime.block_on(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, is_grpc, sender.clone()));
                }
            });
        });
        Collector { address, records }
    }
}

async fn serve(stream: TcpStream, is_grpc: bool, records: Sender<Instant>) {
    // Without it a small answer may wait for others.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(stream);
    let service = service_fn(move |request| answer(request, is_grpc, records.clone()));
    // A connection that breaks is the exporter's to make again.
    if is_grpc {
        let builder = http2::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(stream, service).await;
    } else {
        let builder = http1::Builder::new();
        let _ = builder.serve_connection(stream, service).await;
    }
}

async fn answer(
    request: Request<Incoming>,
    is_grpc: bool,
    records: Sender<Instant>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let body = request.into_body().collect().await;
    let arrived = Instant::now();
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let message = match is_grpc {
        true => body.get(PREFIX_LEN..).unwrap_or_default(),
        false => &body[..],
    };
    let message = ExportLogsServiceRequest::decode(message).expect("a request of ours");
    let scopes = message.resource_logs.iter().flat_map(|of| &of.scope_logs);
    for _ in scopes.flat_map(|of| &of.log_records) {
        let _ = records.send(arrived);
    }
    let mut response = Response::new(match is_grpc {
        true => {
            let trailers = async {
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Some(Ok(trailers))
            };
            // An empty message.
            Full::new(Bytes::from_static(&[0; PREFIX_LEN]))
                .with_trailers(trailers)
                .boxed()
        }
        false => Full::default().boxed(),
    });
    let kind = match is_grpc {
        true => "application/grpc",
        false => "application/x-protobuf",
    };
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(kind));
    Ok(response)
}
