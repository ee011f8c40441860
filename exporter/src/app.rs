//! Builds the rooms, joins them, and ends them in order.
//!
//! Order of the start: rules are loaded and the address is taken before the kernel is touched, so that a mistake leaves
//! nothing half-started; capabilities are dropped as soon as the probes run; the start-up scan is applied before the first
//! record; ready is said last. Order of the end: the source first, then what it feeds.

mod canary;
mod cluster;
mod domains;
mod events;
mod filter;
mod heal;
mod hooks;
mod matches;
mod outputs;
pub mod record;
mod reload;
pub mod replay;
mod service;
pub mod sieve;
mod wanted;

use std::sync::mpsc::{self, TrySendError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use rule_engine::program::RuleSet;
use rule_engine::schema::Schema;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc as async_mpsc;
use tokio::sync::watch;

use self::canary::Canary;
use self::cluster::Cluster;
use self::domains::DomainMetrics;
use self::events::EventThread;
use self::filter::KernelGate;
use self::hooks::Hooks;
use self::outputs::{Declared, Opened, Outputs};
use self::reload::{ReloadMetrics, Reloader};
use self::service::Service;
use self::wanted::{settings as wanted_settings, watched_calls};
use crate::config::Settings;
use crate::detect::{Detector, RuleMetrics, Workloads};
use crate::event::container::{ContainerId, ContainerNews};
use crate::event::decode::{OTHER_EVENTS, PROCESS_EVENTS, call_names};
use crate::http::{Host, HttpMetrics, Readiness, Recent, Scrapes, Server, Site};
use crate::metrics::{self, Counter, Declaration, Registry};
use crate::pipeline::{Engines, Pipeline, PipelineMetrics};
use crate::probe::{KernelCount, Probe, kind_name};
use crate::rules::Rules;
use crate::runtime::{Deliver, RuntimeMetrics, Runtimes};
use crate::state::State;
use crate::state::user::Users;
use crate::sys::{self, capability, memory};

/// How long open requests and queued matches may take at the end.
const DRAIN: Duration = Duration::from_secs(5);
/// News of containers that wait for the event thread.
const NEWS_MAX: usize = 1024;

/// Runs the agent until it is told to end. `rules` is what `settings` name, loaded.
///
/// # Errors
/// When the address is taken, or the kernel refuses the probes.
pub fn run(settings: &Settings, rules: Rules, schema: &Arc<Schema>) -> anyhow::Result<()> {
    let mut registry = Registry::new();
    let rooms = Rooms::declare(&mut registry, settings, schema);
    let server = Server::bind(
        &settings.listen,
        settings.web_config_file.as_deref(),
        rooms.http,
    )?;
    let readiness = rooms.readiness;
    let opened = Opened::open(settings)?;

    let mut probe = Probe::load(settings.ring_bytes)?;
    let counters = probe.take_counters()?;
    let counters = Arc::new(counters);
    let counts = {
        let counters = Arc::clone(&counters);
        move || counters.read().collect()
    };
    declare_kernel(&mut registry, counts, rooms.pipeline.malformed());
    let watched = watched_calls(&rules.set, schema);
    let collected = wanted_settings(&rules.set, schema);
    probe.watch(|name| watched.contains(&name))?;
    probe.collect(collected)?;
    let mut gate = KernelGate::new(&mut probe, settings.kernel_filter)?;
    gate.begin(&rules.set, schema);
    gate.finish();
    let mut places = probe.take_places()?;
    probe.attach()?;
    let scanned = probe.scan()?;
    let ring = probe.take_ring()?;
    capability::drop_all_but_needed().context("capabilities cannot be dropped")?;

    let (names, wanted_names) = watch::channel(domains::wanted(&rules.set, schema));
    let asked = outputs::asked(settings, schema);
    let hostname = hostname(settings);
    let recent = Recent::default();
    let (queues, shown, mut outputs) = opened.start(rooms.outputs)?;
    let showing = matches::keep(shown, recent.clone(), hostname.clone());
    rooms.reload.succeeded(rules.enabled());
    rooms.hooks.watch(&watched, probe.sees_requests());
    let detector = Detector::new(rules.set, &rooms.rules).asking(Arc::clone(&asked));
    let state = State::new(settings.processes_max, Arc::new(user_database().parse()));
    let mut pipeline = Pipeline::new(state, detector, schema, &hostname, rooms.pipeline, queues);
    pipeline.set_clock(sys::clock::boot_ns);
    pipeline.set_tell_cgroup(Box::new(move |cgroup, inside| places.tell(cgroup, inside)));
    if let Some(workloads) = rooms.workloads {
        pipeline.set_workloads(workloads);
    }
    if let Some(canary) = &rooms.canary {
        pipeline.set_canary(canary.eye());
    }
    let runtimes = Runtimes::new(settings.runtimes.as_deref(), &rooms.runtimes);
    let (news_sender, news) = mpsc::sync_channel(NEWS_MAX);
    if !runtimes.is_empty() || settings.kubernetes.is_some() {
        let asker = runtimes.asker();
        let ask = Box::new(move |id: &ContainerId| asker.ask(id));
        // What happens before they have been spoken to waits for those that may answer.
        let _ = news_sender.try_send(ContainerNews::Answering(runtimes.answering()));
        pipeline.set_engines(Engines { news, ask });
    }
    let events = EventThread::start(pipeline, ring, scanned)?;
    let handle = events.handle();
    let deliver = deliver(news_sender, move || handle.wake());
    let cluster = rooms.cluster.follow(settings, Arc::clone(&deliver));
    let engines = async move {
        tokio::join!(runtimes.run(deliver), cluster);
    };
    memory::give_back();
    for address in server.addresses() {
        tracing::info!(%address, "ready");
    }
    readiness.set_ready();

    let registry = Arc::new(registry);
    outputs.push(&registry)?;
    let site = Site {
        registry,
        scrapes: Scrapes::default(),
        readiness: readiness.clone(),
        host: Host {
            name: hostname,
            kernel: sys::kernel_release(),
        },
        recent,
        reload: None,
    };
    let probe = Arc::new(Mutex::new(probe));
    let healing = heal::run(counters, Arc::clone(&probe), events.handle());
    let naming = domains::run(wanted_names, rooms.domains, events.handle());
    let service = Service::from_environment();
    let watching = service.clone().watch(events.handle());
    let canary = async {
        if let Some(canary) = rooms.canary {
            canary.run().await;
        }
    };
    let beside = async {
        tokio::join!(engines, healing, naming, showing, watching, canary);
    };
    service.ready();
    let reloader = Reloader {
        settings: settings.clone(),
        schema: Arc::clone(schema),
        rules: rooms.rules,
        metrics: rooms.reload,
        hooks: rooms.hooks,
        probe,
        names,
        events: events.handle(),
        asked,
        watched,
        collected,
        gate,
    };
    let served = serve(server, site, reloader, &readiness, beside, &outputs);
    service.ending();
    events.stop()?;
    outputs.finish(DRAIN);
    served
}

/// Every metric that the agent can show with these settings, none of them counting anything.
#[must_use]
pub fn metrics(settings: &Settings, schema: &Schema) -> Registry {
    let mut registry = Registry::new();
    let rooms = Rooms::declare(&mut registry, settings, schema);
    declare_kernel(&mut registry, Vec::new, rooms.pipeline.malformed());
    registry
}

/// How many series the agent shows with these rules before anything has happened: what is read from the kernel left out.
#[must_use]
pub fn series_at_start(settings: &Settings, rules: RuleSet, schema: &Schema) -> usize {
    let mut registry = Registry::new();
    let rooms = Rooms::declare(&mut registry, settings, schema);
    let _shown = Detector::new(rules, &rooms.rules);
    metrics::series(&registry)
}

/// What the rooms declared, before they run.
struct Rooms {
    rules: RuleMetrics,
    workloads: Option<Workloads>,
    hooks: Hooks,
    pipeline: PipelineMetrics,
    reload: ReloadMetrics,
    runtimes: RuntimeMetrics,
    cluster: Cluster,
    domains: DomainMetrics,
    http: HttpMetrics,
    readiness: Readiness,
    outputs: Declared,
    canary: Option<Canary>,
}

impl Rooms {
    fn declare(registry: &mut Registry, settings: &Settings, schema: &Schema) -> Self {
        metrics::declare_build_info(registry);
        metrics::declare_process(registry);
        let supplied: Vec<&str> = supplied_events().collect();
        let mut rules = RuleMetrics::declare(registry);
        Self {
            workloads: rules.declare_workloads(registry, &settings.workload_metrics),
            rules,
            hooks: Hooks::declare(registry),
            pipeline: PipelineMetrics::declare(registry, schema, &supplied, settings.processes_max),
            reload: ReloadMetrics::declare(registry),
            runtimes: RuntimeMetrics::declare(registry),
            cluster: Cluster::declare(registry, settings),
            domains: DomainMetrics::declare(registry),
            http: HttpMetrics::declare(registry),
            readiness: Readiness::new("starting").declare(registry),
            outputs: Declared::declare(registry, settings),
            canary: Canary::declare(registry, settings.canary_interval),
        }
    }
}

/// The kernel's counters, and every way in which an event can be lost before a rule has seen it.
fn declare_kernel(
    registry: &mut Registry,
    read: impl Fn() -> Vec<KernelCount> + Send + Sync + 'static,
    malformed: Counter,
) {
    let read = Arc::new(read);
    let lost = Arc::clone(&read);
    registry.counters_read(
        Declaration {
            name: "saker_kernel_events_total",
            help: "Records of the probes by kind and by what became of them, counted in the kernel.",
            labels: ["type", "outcome"],
        },
        move |rows| {
            for count in read() {
                let kind = kind_name(count.kind);
                rows([kind, "submitted"], count.submitted);
                rows([kind, "filtered"], count.filtered);
                rows([kind, "lost"], count.lost());
            }
        },
    );
    registry.counters_read(
        Declaration {
            name: "saker_events_lost_total",
            help: "Events that no rule has seen, by the reason.",
            labels: ["reason"],
        },
        move |rows| {
            let (mut ring_full, mut no_scratch) = (0, 0);
            for count in lost() {
                ring_full += count.lost_ring_full;
                no_scratch += count.lost_no_scratch;
            }
            rows(["ring_full"], ring_full);
            rows(["no_scratch"], no_scratch);
            rows(["malformed"], malformed.get());
        },
    );
}

/// The name of this host in matches.
fn hostname(settings: &Settings) -> String {
    settings.hostname.clone().unwrap_or_else(sys::hostname)
}

/// Names of the event types that some probe supplies.
fn supplied_events() -> impl Iterator<Item = &'static str> {
    PROCESS_EVENTS
        .iter()
        .chain(OTHER_EVENTS)
        .copied()
        .chain(call_names())
}

/// Takes news of containers to the thread that waits for them, and wakes it.
fn deliver(
    news: mpsc::SyncSender<ContainerNews>,
    wake: impl Fn() + Send + Sync + 'static,
) -> Deliver {
    Arc::new(move |item| match news.try_send(item) {
        Ok(()) => {
            wake();
            Ok(())
        }
        Err(TrySendError::Full(item)) => Err(item),
        // The thread has ended, or was never to hear of containers: nobody is interested.
        Err(TrySendError::Disconnected(_)) => Ok(()),
    })
}

/// Serves HTTP, reloads rules when told to, and works on `beside`, until a signal ends the agent.
fn serve(
    server: Server,
    mut site: Site,
    mut reloader: Reloader,
    readiness: &Readiness,
    beside: impl Future<Output = ()> + Send + 'static,
    outputs: &Outputs,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime of the HTTP face cannot be started")?;
    let served = runtime.block_on(async {
        tokio::spawn(beside);
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut reopen = signal(SignalKind::user_defined1())?;
        let mut changes = reloader.changes();
        let (reload, mut reloads) = async_mpsc::channel(1);
        site.reload = reloader.settings.web_enable_lifecycle.then_some(reload);
        let until_told_to_end = async {
            loop {
                tokio::select! {
                    _ = hangup.recv() => drop(reloader.reload().await),
                    () = changes.next() => drop(reloader.reload().await),
                    Some(answer) = reloads.recv() => {
                        // Who asked may have gone.
                        let _ = answer.send(reloader.reload().await);
                    }
                    _ = reopen.recv() => outputs.reopen(),
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                }
            }
            readiness.set_not_ready("the agent is ending");
        };
        let served = server.serve(site, until_told_to_end, DRAIN).await;
        served.context("the HTTP face cannot be served")
    });
    // A look-up of a name may hang for longer than anybody wants to wait.
    runtime.shutdown_background();
    served
}

/// The text of the host's user database.
struct UserDatabase {
    passwd: String,
    group: String,
}

impl UserDatabase {
    fn parse(&self) -> Users {
        Users::parse(&self.passwd, &self.group)
    }
}

/// The host's user database; what cannot be read leaves ids without names.
fn user_database() -> UserDatabase {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    UserDatabase {
        passwd: read("/etc/passwd"),
        group: read("/etc/group"),
    }
}
