//! HTTP/1.1 over a unix socket, as Docker and podman speak it: one connection a call.

use std::path::Path;

use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::call::{ANSWER_BYTES_MAX, CallError};

/// The answer's body; none when there is no such thing (404).
pub(super) async fn get(socket: &Path, target: &str) -> Result<Option<Bytes>, CallError> {
    let response = send(socket, target).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(CallError::TooLong),
        Err(error) => return Err(CallError::Malformed(error.to_string())),
    };
    match status {
        StatusCode::OK => Ok(Some(body)),
        StatusCode::NOT_FOUND => Ok(None),
        _ => Err(refused(status, &body)),
    }
}

/// A body that goes on.
pub(super) async fn open(socket: &Path, target: &str) -> Result<Incoming, CallError> {
    let response = send(socket, target).await?;
    match response.status() {
        StatusCode::OK => Ok(response.into_body()),
        status => Err(refused(status, b"")),
    }
}

async fn send(socket: &Path, target: &str) -> Result<Response<Incoming>, CallError> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends when the sender and the body of the response are gone.
    tokio::spawn(connection);
    let request = Request::get(target)
        .header("host", "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(|error| CallError::Malformed(error.to_string()))?;
    Ok(sender.send_request(request).await?)
}

fn refused(status: StatusCode, body: &[u8]) -> CallError {
    let shown = body.get(..200).unwrap_or(body);
    CallError::Refused {
        code: status.as_u16().into(),
        message: String::from_utf8_lossy(shown).into_owned(),
    }
}
