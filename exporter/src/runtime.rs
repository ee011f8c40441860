//! Asks container engines what they know: names, images, mounts, pods.
//!
//! In: sockets, found or configured; ids that the event thread asks for. Out: [`ContainerNews`], handed to whoever listens.
//! Never: the event thread itself. An engine that is slow or gone costs its answers, nothing else.
//!
//! Each engine is followed by a task of its own: it takes stock, tells what came and went, listens to the engine's events
//! where there are such, and takes stock again now and then, since an event can be missed. Questions go to the engines that
//! answer at the time and may know the answer; by which interfaces engines answer is told whenever it changes.

mod call;
mod containerd;
mod cri;
mod docker;
mod engine;
mod grpc;
mod http;
mod image;
#[cfg(feature = "kube")]
mod kubernetes;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use self::engine::RuntimeMetrics;
#[cfg(feature = "kube")]
pub use self::kubernetes::{Kubernetes, KubernetesMetrics};

use self::engine::Engine;
use crate::config::RuntimeSocket;
use crate::event::container::{ContainerId, ContainerInfo, ContainerNews, Interface, Interfaces};

/// Questions that wait for their turn.
const QUESTIONS_MAX: usize = 256;
/// Questions that are being asked at a time.
const OPEN_MAX: usize = 32;

/// Before each time that engines are asked for the same container. Docker has a container in its books before it starts it; of
/// sandboxes of pods CRI may tell only later.
const PAUSES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(150),
    Duration::from_millis(400),
];
/// How many of these times where CRI is not among those asked.
const TIMES_WITHOUT_CRI: usize = 2;

/// Takes news to the event thread; gives them back when it has its hands full.
pub type Deliver = Arc<dyn Fn(ContainerNews) -> Result<(), ContainerNews> + Send + Sync>;

/// Where the event thread asks.
#[derive(Clone, Debug)]
pub struct Asker(mpsc::Sender<Question>);

/// A container that somebody asks for.
#[derive(Clone, Debug)]
struct Question {
    id: Box<str>,
    asked_of: Interfaces,
}

/// The engines, not followed yet.
pub struct Runtimes {
    engines: Vec<Arc<Engine>>,
    questions: mpsc::Receiver<Question>,
    asker: Asker,
    /// Says that an engine has begun to answer, or does so no more.
    changed: Arc<Notify>,
}

impl Asker {
    /// Asks for a container without waiting. False when too many are being asked for.
    #[must_use]
    pub fn ask(&self, id: &ContainerId) -> bool {
        let question = Question {
            id: id.full.clone(),
            asked_of: id.asked_of(),
        };
        self.0.try_send(question).is_ok()
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
        let changed = Arc::new(Notify::new());
        let engine =
            |socket| Arc::new(Engine::new(socket, configured.is_some(), metrics, &changed));
        Self {
            engines: sockets.into_iter().map(engine).collect(),
            questions,
            asker: Asker(sender),
            changed,
        }
    }

    /// Whether there is nobody to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.engines.is_empty()
    }

    /// The interfaces by which engines answer; before they are followed, those by which they may.
    #[must_use]
    pub fn answering(&self) -> Interfaces {
        answering(&self.engines)
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
            changed,
        } = self;
        let mut told = None;
        let mut tasks = JoinSet::new();
        for engine in &engines {
            let (engine, deliver) = (Arc::clone(engine), Arc::clone(&deliver));
            tasks.spawn(engine.follow(deliver));
        }
        let mut open = JoinSet::new();
        loop {
            let now = answering(&engines);
            if told != Some(now) {
                engine::tell(&deliver, ContainerNews::Answering(now)).await;
                told = Some(now);
            }
            tokio::select! {
                // There is an asker, so questions do not end.
                Some(question) = questions.recv(), if open.len() < OPEN_MAX => {
                    open.spawn(answer(engines.clone(), question, Arc::clone(&deliver)));
                }
                Some(_) = open.join_next() => {}
                () = changed.notified() => {}
            }
        }
    }
}

/// What bytes say that claim to be an engine's answer about a container: its details in JSON for [`Interface::Docker`], the
/// message of a status for [`Interface::Cri`], of a container for [`Interface::Containerd`]. None if they are not about one.
#[must_use]
pub fn understood(interface: Interface, answer: &[u8]) -> Option<ContainerInfo> {
    match interface {
        Interface::Docker => docker::understood(answer),
        Interface::Cri => cri::understood(answer),
        Interface::Containerd => containerd::understood(answer),
    }
}

fn answering(engines: &[Arc<Engine>]) -> Interfaces {
    let answering = engines.iter().filter(|engine| engine.answers());
    answering.map(|engine| engine.interface()).collect()
}

/// Asks the engines for a container, and tells the first answer, or that there is none. The first program of a container can
/// be seen before its engine has it in its books, so engines that answer are asked a few times.
async fn answer(mut engines: Vec<Arc<Engine>>, question: Question, deliver: Deliver) {
    let Question { id, asked_of } = question;
    engines.retain(|engine| asked_of.contains(engine.interface()));
    for (time, pause) in PAUSES.into_iter().enumerate() {
        let answering = answering(&engines);
        if answering == Interfaces::NONE
            || time >= TIMES_WITHOUT_CRI && !answering.contains(Interface::Cri)
        {
            break;
        }
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
    }
    engine::tell(&deliver, ContainerNews::Unknown(id)).await;
}
