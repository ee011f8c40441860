//! Matches as they come, as server-sent events.
//!
//! In: [`Recent`]. Out: chunks of `text/event-stream`. Never: more than one chunk in memory for a client, however slow it is;
//! what it missed is told as a number.
//! Sources: the server-sent events of the HTML standard.

use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use hyper::header::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::query::Query;
use super::recent::{News, Recent};
use crate::metrics::Gauge;

/// Clients at one time.
pub(super) const STREAMS_MAX: usize = 16;
/// Least time between two chunks: what comes meanwhile goes together.
const PACE: Duration = Duration::from_millis(250);
/// After so long without a match a comment is sent, so that everybody on the way knows that the stream lives.
const QUIET: Duration = Duration::from_secs(15);

/// A body: a whole one, or a stream of chunks.
pub(super) enum Body {
    Whole(Full<Bytes>),
    Chunks(mpsc::Receiver<Bytes>),
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Body::Whole(body) => Pin::new(body).poll_frame(cx),
            Body::Chunks(chunks) => chunks
                .poll_recv(cx)
                .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Whole(body) => body.is_end_stream(),
            Body::Chunks(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(body) => body.size_hint(),
            Body::Chunks(_) => SizeHint::default(),
        }
    }
}

/// The streams of all clients.
#[derive(Debug)]
pub(super) struct Streams {
    recent: Recent,
    places: Arc<Semaphore>,
    open: Gauge,
    /// Changes when the server stops.
    stopped: watch::Receiver<()>,
}

impl Streams {
    pub(super) fn new(recent: Recent, open: Gauge, stopped: watch::Receiver<()>) -> Self {
        Self {
            recent,
            places: Arc::new(Semaphore::new(STREAMS_MAX)),
            open,
            stopped,
        }
    }

    /// A stream for one more client, from what it saw last; `None` if there are too many.
    pub(super) fn open(&self, headers: &HeaderMap, query: Query) -> Option<Body> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let (sender, chunks) = mpsc::channel(1);
        let stream = Stream {
            seen: seen(headers, &query),
            query,
            recent: self.recent.clone(),
            sender,
            open: self.open.clone(),
            _place: place,
        };
        self.open.inc();
        tokio::spawn(stream.run(self.stopped.clone()));
        Some(Body::Chunks(chunks))
    }
}

/// Number of the match that a client saw last: what a browser that reconnects says, or else the page.
fn seen(headers: &HeaderMap, query: &Query) -> u64 {
    let reconnected = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse().ok());
    reconnected.or(query.after).unwrap_or(0)
}

struct Stream {
    seen: u64,
    query: Query,
    recent: Recent,
    sender: mpsc::Sender<Bytes>,
    open: Gauge,
    _place: OwnedSemaphorePermit,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl Stream {
    async fn run(mut self, mut stopped: watch::Receiver<()>) {
        let sender = self.sender.clone();
        tokio::select! {
            () = self.send_all() => {}
            // The client has gone, or the server stops.
            () = sender.closed() => {}
            _ = stopped.changed() => {}
        }
    }

    async fn send_all(&mut self) {
        let mut news = self.recent.watch();
        let mut chunk = "retry: 3000\n\n".to_owned();
        loop {
            news.mark_unchanged();
            let unseen = self.recent.since(self.seen);
            self.seen = unseen.newest;
            render(&unseen, &self.query, &mut chunk);
            if !chunk.is_empty() && self.sender.send(chunk.into()).await.is_err() {
                return;
            }
            sleep(PACE).await;
            chunk = match timeout(QUIET, news.changed()).await {
                Ok(Ok(())) => String::new(),
                Ok(Err(_)) => return,
                Err(_) => ": still here\n\n".to_owned(),
            };
        }
    }
}

/// An event a match, with its number as id, and one for those that were missed.
fn render(news: &News, query: &Query, chunk: &mut String) {
    let written = (|| {
        if news.missed > 0 {
            write!(chunk, "event: missed\ndata: {}\n\n", news.missed)?;
        }
        let first = news.newest - news.matches.len() as u64 + 1;
        for (id, shown) in (first..).zip(&news.matches) {
            let json = shown.json();
            if query.fits(&json) {
                // A line of JSON has no line break inside.
                write!(chunk, "id: {id}\nevent: match\ndata: {json}\n\n")?;
            }
        }
        std::fmt::Result::Ok(())
    })();
    debug_assert!(written.is_ok(), "text takes everything");
}
