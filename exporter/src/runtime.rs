//! Asks container engines what they know: names, images, mounts, pods.
//!
//! In: sockets, found or configured; ids that the event thread asks for. Out: [`ContainerNews`], handed to whoever listens.
//! Never: the event thread itself. An engine that is slow or gone costs its answers, nothing else.
//!
//! Each engine is followed by a task of its own: it takes stock, tells what came and went, listens to the engine's events
//! where there are such, and takes stock again now and then, since an event can be missed. Questions go to all engines that
//! answer at the time.

mod call;
mod cri;
mod docker;
mod engine;
mod grpc;
mod http;
mod image;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use self::engine::RuntimeMetrics;

use self::engine::Engine;
use crate::config::RuntimeSocket;
use crate::event::container::ContainerNews;

/// Questions that wait for their turn.
const QUESTIONS_MAX: usize = 256;
/// Questions that are being asked at a time.
const OPEN_MAX: usize = 32;

/// Before each time that engines are asked for the same container.
const PAUSES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(150),
    Duration::from_millis(400),
];

/// Takes news to the event thread; gives them back when it has its hands full.
pub type Deliver = Arc<dyn Fn(ContainerNews) -> Result<(), ContainerNews> + Send + Sync>;

/// Where the event thread asks.
#[derive(Clone, Debug)]
pub struct Asker(mpsc::Sender<Box<str>>);

/// The engines, not followed yet.
pub struct Runtimes {
    engines: Vec<Arc<Engine>>,
    questions: mpsc::Receiver<Box<str>>,
    asker: Asker,
}

impl Asker {
    /// Asks for a container by its whole id, without waiting. False when too many are being asked for.
    #[must_use]
    pub fn ask(&self, id: &str) -> bool {
        self.0.try_send(id.into()).is_ok()
    }
}

impl Runtimes {
    /// The engines behind the configured sockets, or behind those at the usual places. None is spoken to yet.
    #[must_use]
    pub fn new(configured: Option<&[RuntimeSocket]>, metrics: &RuntimeMetrics) -> Self {
        let (sender, questions) = mpsc::channel(QUESTIONS_MAX);
        let sockets = match configured {
            Some(sockets) => sockets.to_vec(),
            None => socket::usual(),
        };
        let engine = |socket| Arc::new(Engine::new(socket, configured.is_some(), metrics));
        Self {
            engines: sockets.into_iter().map(engine).collect(),
            questions,
            asker: Asker(sender),
        }
    }

    /// Whether there is nobody to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.engines.is_empty()
    }

    /// Where to ask.
    #[must_use]
    pub fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Follows the engines and answers questions, until it is dropped.
    pub async fn run(self, deliver: Deliver) {
        let Self {
            engines,
            mut questions,
            asker: _asker,
        } = self;
        let mut tasks = JoinSet::new();
        for engine in &engines {
            let (engine, deliver) = (Arc::clone(engine), Arc::clone(&deliver));
            tasks.spawn(engine.follow(deliver));
        }
        let mut open = JoinSet::new();
        while let Some(id) = questions.recv().await {
            while open.len() >= OPEN_MAX {
                open.join_next().await;
            }
            open.spawn(answer(engines.clone(), id, Arc::clone(&deliver)));
        }
    }
}

/// Asks all engines for a container, and tells the first answer, or that there is none. The first program of a container can
/// be seen before its engine has it in its books, so engines that answer are asked a few times.
async fn answer(engines: Vec<Arc<Engine>>, id: Box<str>, deliver: Deliver) {
    for pause in PAUSES {
        sleep(pause).await;
        let mut asked = JoinSet::new();
        for engine in engines.iter().filter(|engine| engine.answers()) {
            let (engine, id) = (Arc::clone(engine), id.clone());
            asked.spawn(async move { engine.look_up(&id).await });
        }
        while let Some(found) = asked.join_next().await {
            if let Ok(Some(info)) = found {
                return engine::tell(&deliver, ContainerNews::Known(Arc::new(info))).await;
            }
        }
        if !engines.iter().any(|engine| engine.answers()) {
            break;
        }
    }
    engine::tell(&deliver, ContainerNews::Unknown(id)).await;
}
