//! A request by gRPC.
//!
//! Sources: OTLP specification, "OTLP/gRPC"; google.rpc.RetryInfo.

use std::error::Error as _;

use hyper::body::Bytes;
use hyper::http::uri::PathAndQuery;
use prost::bytes::{Buf as _, BufMut as _};
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::{Code, Extensions, Request, Status};
use tonic_types::StatusExt as _;

use super::failure::{Failure, Kind, Retry};
use super::transport::{ANSWER_BYTES_MAX, Client, is_gzip};
use crate::config::Target;

/// Calls a method with the bytes of its request, and gives those of its answer.
pub(super) async fn call(
    client: &Client,
    target: &Target,
    method: &'static str,
    body: Bytes,
) -> Result<Bytes, Failure> {
    let mut grpc = Grpc::with_origin(client.clone(), target.endpoint.clone())
        .max_decoding_message_size(ANSWER_BYTES_MAX)
        .accept_compressed(CompressionEncoding::Gzip);
    if is_gzip(target) {
        grpc = grpc.send_compressed(CompressionEncoding::Gzip);
    }
    grpc.ready()
        .await
        .map_err(|error| Failure::connection(&error))?;
    let metadata = MetadataMap::from_headers(target.headers.clone());
    let request = Request::from_parts(metadata, Extensions::new(), body);
    let answer = grpc
        .unary(request, PathAndQuery::from_static(method), Raw)
        .await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| failure(&status))
}

fn failure(status: &Status) -> Failure {
    // A status with a cause was not sent by anybody: it is how an error of the connection is told.
    if let Some(cause) = status.source() {
        return Failure::connection(cause);
    }
    let message = format!("{:?}: {}", status.code(), status.message());
    let asked = status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay);
    let again = Failure {
        kind: Kind::Unavailable,
        retry: Retry::After(asked),
        message,
    };
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => again,
        // Exhausted for how long? If the collector does not say, for good.
        Code::ResourceExhausted if asked.is_some() => again,
        _ => Failure::refused(again.message),
    }
}

/// Messages that are bytes already, and stay so.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::time::Duration;

    use tonic_types::ErrorDetails;

    #[test]
    fn codes_say_whether_to_try_again() {
        let again = Retry::After(None);
        for (code, retry) in [
            (Code::Unavailable, again),
            (Code::Aborted, again),
            (Code::DeadlineExceeded, again),
            (Code::ResourceExhausted, Retry::Never),
            (Code::Unauthenticated, Retry::Never),
            (Code::Unimplemented, Retry::Never),
            (Code::Unknown, Retry::Never),
            (Code::Internal, Retry::Never),
        ] {
            let failure = failure(&Status::new(code, "said so"));
            assert_eq!(failure.retry, retry, "{code:?}");
            assert!(failure.message.ends_with(": said so"), "{failure:?}");
        }
    }

    #[test]
    fn the_pause_that_is_asked_for_is_kept() {
        let delay = Duration::from_millis(1500);
        let details = ErrorDetails::with_retry_info(Some(delay));
        for code in [Code::ResourceExhausted, Code::Unavailable] {
            let status = Status::with_error_details(code, "later", details.clone());
            let failure = failure(&status);
            assert_eq!(failure.retry, Retry::After(Some(delay)), "{code:?}");
            assert_eq!(failure.kind, Kind::Unavailable);
        }
    }
}
