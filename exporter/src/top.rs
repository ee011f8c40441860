//! The live view of an agent in a terminal.
//!
//! In: the state that an agent tells over HTTP, keys. Out: a screen. Never: a terminal that is left as it should not be: it is
//! given back on the way out, whatever led there.

mod screen;
mod view;

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use tokio::signal::unix::{SignalKind, signal};

use self::screen::{Flow, Screen};
use crate::http::Client;
use crate::http::status::Status;

/// How long a key may wait for the state, and the state for a key.
const TURN: Duration = Duration::from_millis(100);

/// What the screen is told.
enum News {
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
    thread::Builder::new()
        .name("saker-top".to_owned())
        .spawn(move || ask(&client, interval, &tell))
        .context("there is no thread to be had")?;
    let mut screen = Screen::new(url);
    match news.recv() {
        Ok(News::Status(Ok(status))) => screen.take(Ok(*status)),
        Ok(News::Status(Err(fault))) => anyhow::bail!(fault),
        Ok(News::End) | Err(_) => return Ok(()),
    }
    anyhow::ensure!(
        io::stdout().is_terminal(),
        "standard output is not a terminal; /api/v1/status of the agent tells the same as JSON"
    );
    let mut terminal = ratatui::try_init().context("the terminal cannot be used")?;
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
        loop {
            match news.try_recv() {
                Ok(News::Status(status)) => {
                    screen.take(status.map(|status| *status));
                    break;
                }
                Ok(News::End) | Err(TryRecvError::Disconnected) => return Ok(()),
                Err(TryRecvError::Empty) => {}
            }
            if !event::poll(TURN)? {
                continue;
            }
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    if screen.key(key) == Flow::End {
                        return Ok(());
                    }
                    break;
                }
                Event::Resize(..) => break,
                _ => {}
            }
        }
    }
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
    runtime.block_on(async {
        tokio::select! {
            () = answers(client, interval, tell) => {}
            _ = told_to_end() => {
                let _ = tell.send(News::End);
            }
        }
    });
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

/// Signals that would otherwise end the process with the terminal in disorder.
async fn told_to_end() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
