//! The live view of an agent in a terminal.
//!
//! In: the state that an agent tells over HTTP, keys. Out: a screen. Never: a terminal that is left as it should not be: it is
//! given back on the way out, whatever led there.

mod screen;
mod view;

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::screen::{Flow, Screen};
use crate::http::Client;
use crate::http::status::Status;
use crate::sys::signals;

/// How often it is looked whether the terminal is still there.
const TURN: Duration = Duration::from_millis(500);

/// What the screen is told.
enum News {
    /// A key, or another size.
    Input(Event),
    /// The agent's answer, or why there is none.
    Status(Result<Box<Status>, String>),
    /// A signal says that it is time to go.
    End,
}

/// Shows the agent, asked anew after each `interval`, until a key or signal ends it.
///
/// # Errors
/// When the first question has no answer, or this is no terminal; nothing has been drawn then. Later the screen tells of
/// questions without an answer, and goes on.
pub fn run(client: Client, interval: Duration) -> anyhow::Result<()> {
    let url = client.url().to_owned();
    let (tell, news) = mpsc::channel();
    let keys = tell.clone();
    let signals = tell.clone();
    // The terminal would be left in disorder.
    signals::on_end(move || {
        let _ = signals.send(News::End);
    })
    .context("signals cannot be caught")?;
    thread::Builder::new()
        .name("saker-top".to_owned())
        .spawn(move || ask(&client, interval, &tell))
        .context("there is no thread to be had")?;
    let mut screen = Screen::new(url);
    match news.recv() {
        Ok(News::Status(Ok(status))) => screen.take(Ok(*status)),
        Ok(News::Status(Err(fault))) => anyhow::bail!(fault),
        Ok(News::End | News::Input(_)) | Err(_) => return Ok(()),
    }
    anyhow::ensure!(
        io::stdout().is_terminal(),
        "standard output is not a terminal; /api/v1/status of the agent tells the same as JSON"
    );
    let mut terminal = ratatui::try_init().context("the terminal cannot be used")?;
    thread::Builder::new()
        .name("saker-keys".to_owned())
        .spawn(move || read_keys(&keys))
        .context("there is no thread to be had")?;
    let shown = show(&mut screen, &news, &mut terminal);
    let restored = ratatui::try_restore();
    shown?;
    restored.context("the terminal cannot be given back")
}

fn show(
    screen: &mut Screen,
    news: &Receiver<News>,
    terminal: &mut ratatui::DefaultTerminal,
) -> anyhow::Result<()> {
    loop {
        terminal.draw(|frame| view::draw(screen, frame))?;
        // Draws again only when there is something new.
        match next(news)? {
            News::Status(status) => screen.take(status.map(|status| *status)),
            News::Input(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                if screen.key(key) == Flow::End {
                    return Ok(());
                }
            }
            News::Input(_) => {}
            News::End => return Ok(()),
        }
    }
}

/// What comes next. Fails when the terminal has gone, which nothing may tell.
fn next(news: &Receiver<News>) -> anyhow::Result<News> {
    loop {
        match news.recv_timeout(TURN) {
            Ok(item) => return Ok(item),
            Err(RecvTimeoutError::Disconnected) => return Ok(News::End),
            Err(RecvTimeoutError::Timeout) => anyhow::ensure!(!hung_up()?, "the terminal has gone"),
        }
    }
}

/// Whether nobody is at the other end of the terminal any more.
fn hung_up() -> io::Result<bool> {
    let stdin = io::stdin();
    let mut fds = [PollFd::new(&stdin, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    poll(&mut fds, Some(&now))?;
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    Ok(fds[0].revents().intersects(gone))
}

/// Reads keys, on a thread of its own: it waits for them, and does not come back when the terminal has gone.
fn read_keys(tell: &Sender<News>) {
    while let Ok(input) = event::read() {
        if tell.send(News::Input(input)).is_err() {
            return;
        }
    }
    // Whoever draws has nobody to draw for.
    let _ = tell.send(News::End);
}

/// Asks the agent, over and over, on a thread of its own.
fn ask(client: &Client, interval: Duration, tell: &Sender<News>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = tell.send(News::Status(Err(error.to_string())));
            return;
        }
    };
    runtime.block_on(answers(client, interval, tell));
}

async fn answers(client: &Client, interval: Duration, tell: &Sender<News>) {
    loop {
        let answer = client.get("/api/v1/status").await;
        let status = answer
            .map_err(|error| error.to_string())
            .and_then(|body| {
                serde_json::from_slice(&body).map_err(|error| {
                    format!("the answer of {} is no status: {error}", client.url())
                })
            })
            .map(Box::new);
        if tell.send(News::Status(status)).is_err() {
            return;
        }
        tokio::time::sleep(interval).await;
    }
}

#[cfg(test)]
mod tests;
