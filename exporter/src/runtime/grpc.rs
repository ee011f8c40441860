//! gRPC over a unix socket, as much as engines need: unary calls and a stream of answers, without compression.
//!
//! Sources: "gRPC over HTTP2" of the gRPC project: a message is a flag byte, its length in four bytes, and itself; the
//! status is a trailer, or a header where there is no message.

use std::path::Path;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Buf as _, Bytes, Incoming};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;

use super::call::{ANSWER_BYTES_MAX, CallError};

/// `NOT_FOUND`
const NOT_FOUND: u32 = 5;
/// `UNIMPLEMENTED`
pub(super) const UNIMPLEMENTED: u32 = 12;
/// Flag and length before a message.
const PREFIX_LEN: usize = 5;

/// What is called, and where.
pub(super) struct Method<'a> {
    pub(super) socket: &'a Path,
    /// `/SERVICE/METHOD`
    pub(super) name: &'a str,
    /// One more header.
    pub(super) header: Option<(&'static str, &'a str)>,
}

/// An answer, or none where the engine does not know what was asked for.
pub(super) fn known<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(CallError::Refused {
            code: NOT_FOUND, ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// One question, one answer.
pub(super) async fn unary<A: Message + Default>(
    method: &Method<'_>,
    question: &impl Message,
) -> Result<A, CallError> {
    let mut answers = Answers::open(method, question).await?;
    answers
        .next()
        .await?
        .ok_or_else(|| CallError::Malformed("a status of success without a message".to_owned()))
}

/// The answers to one question, as they come.
pub(super) struct Answers {
    body: Incoming,
    /// What has come and is no whole message yet.
    rest: Vec<u8>,
}

impl Answers {
    /// Asks, and waits until the engine begins to answer.
    pub(super) async fn open(
        method: &Method<'_>,
        question: &impl Message,
    ) -> Result<Self, CallError> {
        let stream = UnixStream::connect(method.socket).await?;
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await?;
        // Ends when the sender and the body of the response are gone.
        tokio::spawn(connection);
        let mut request = Request::post(format!("http://localhost{}", method.name));
        if let Some((name, value)) = method.header {
            request = request.header(name, value);
        }
        let request = request
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(framed(question)))
            .map_err(|error| CallError::Malformed(error.to_string()))?;
        let response: Response<Incoming> = sender.send_request(request).await?;
        if !response.status().is_success() {
            return Err(CallError::Refused {
                code: response.status().as_u16().into(),
                message: "not gRPC".to_owned(),
            });
        }
        status(response.headers())?;
        Ok(Self {
            body: response.into_body(),
            rest: Vec::new(),
        })
    }

    /// The next answer; none at the end.
    pub(super) async fn next<A: Message + Default>(&mut self) -> Result<Option<A>, CallError> {
        loop {
            if let Some(message) = cut(&mut self.rest)? {
                return A::decode(&*message)
                    .map(Some)
                    .map_err(|error| CallError::Malformed(error.to_string()));
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            match frame?.into_data() {
                Ok(data) => self.rest.extend_from_slice(data.chunk()),
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        status(&trailers)?;
                    }
                }
            }
        }
    }
}

fn framed(message: &impl Message) -> Bytes {
    let body = message.encode_to_vec();
    let mut bytes = vec![0];
    // Our questions are an id and a flag.
    bytes.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(body);
    bytes.into()
}

/// Cuts the first whole message off.
fn cut(rest: &mut Vec<u8>) -> Result<Option<Vec<u8>>, CallError> {
    let Some((prefix, _)) = rest.split_first_chunk::<PREFIX_LEN>() else {
        return Ok(None);
    };
    let [compressed, length @ ..] = *prefix;
    if compressed != 0 {
        return Err(CallError::Malformed("a compressed message".to_owned()));
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > ANSWER_BYTES_MAX {
        return Err(CallError::TooLong);
    }
    if rest.len() < PREFIX_LEN + length {
        return Ok(None);
    }
    let after = rest.split_off(PREFIX_LEN + length);
    let mut message = std::mem::replace(rest, after);
    message.drain(..PREFIX_LEN);
    Ok(Some(message))
}

fn status(headers: &HeaderMap) -> Result<(), CallError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("grpc-status") {
        None | Some("0") => Ok(()),
        Some(code) => Err(CallError::Refused {
            code: code.parse().unwrap_or(u32::MAX),
            message: text("grpc-message").unwrap_or_default().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    #[test]
    fn messages_are_cut_wherever_the_bytes_break() {
        let stream = [&[0, 0, 0, 0, 2, b'h', b'i'][..], &[0, 0, 0, 0, 0]].concat();
        for at in 0..stream.len() {
            let mut rest = stream[..at].to_vec();
            let mut messages = Vec::new();
            while let Some(message) = cut(&mut rest).unwrap() {
                messages.push(message);
            }
            rest.extend(&stream[at..]);
            while let Some(message) = cut(&mut rest).unwrap() {
                messages.push(message);
            }
            assert_eq!(messages, [&b"hi"[..], b""]);
        }
    }

    #[test]
    fn lengths_that_are_lies_are_refused() {
        assert!(matches!(
            cut(&mut vec![0, 255, 255, 255, 255]),
            Err(CallError::TooLong)
        ));
        assert!(cut(&mut vec![1, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn a_status_other_than_zero_is_an_error() {
        let mut headers = HeaderMap::new();
        assert!(status(&headers).is_ok());
        headers.insert("grpc-status", "12".parse().unwrap());
        headers.insert("grpc-message", "unknown method".parse().unwrap());
        let Err(CallError::Refused { code, message }) = status(&headers) else {
            panic!("refused")
        };
        assert_eq!((code, &*message), (UNIMPLEMENTED, "unknown method"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_messages_or_an_error(mut bytes: Vec<u8>) {
            while let Ok(Some(_)) = cut(&mut bytes) {}
        }
    }
}
