//! Resolves the domain names that rules compare addresses with, again and again, and tells the event thread.
//!
//! In: names from the loaded rules. Out: [`Domains`], as soon as some name leads elsewhere. Never on the event thread: an event
//! meets what is known. Some names are looked up at a time, so that one that the system's resolver takes long for holds up no
//! other. A name that cannot be resolved keeps the addresses that it had.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use rule_engine::program::RuleSet;
use rule_engine::schema::Schema;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::events::EventHandle;
use crate::metrics::{Counter, Declaration, Registry};
use crate::pipeline::Control;
use crate::state::domain::Domains;

/// How often names are resolved.
const REFRESH: Duration = Duration::from_secs(60);
/// Look-ups at a time: each has a thread until the system's resolver answers or gives up.
const LOOKUPS_MAX: usize = 16;
/// Names that are resolved; further ones are left out, and the log says so.
const NAMES_MAX: usize = 1024;

/// What is told of look-ups.
pub(super) struct DomainMetrics {
    resolved: Counter,
    failed: Counter,
}

impl DomainMetrics {
    /// Declares them.
    pub(super) fn declare(registry: &mut Registry) -> Self {
        let lookups = registry.counters(Declaration {
            name: "saker_domain_lookups_total",
            help: "Look-ups of the domain names that rules compare addresses with, by outcome.",
            labels: ["outcome"],
        });
        Self {
            resolved: lookups.with(["resolved"]),
            failed: lookups.with(["failed"]),
        }
    }
}

/// The domain names that the rules compare addresses with.
pub(super) fn wanted(rules: &RuleSet, schema: &Schema) -> Vec<String> {
    let is_name = |name: &str| name.starts_with("fd.") && name.ends_with("ip.name");
    let texts = rules.compared_texts(|field| is_name(schema.field_def(field.id).name));
    let names = texts
        .iter()
        .filter_map(|text| std::str::from_utf8(text).ok())
        .filter(|name| !name.is_empty());
    let names: Vec<_> = names.map(str::to_owned).collect();
    if names.len() > NAMES_MAX {
        tracing::warn!(
            names = names.len(),
            limit = NAMES_MAX,
            "the rules name more domains than are resolved; those beyond the limit match nothing"
        );
    }
    names.into_iter().take(NAMES_MAX).collect()
}

/// Works until nobody can name names any more.
pub(super) async fn run(
    names: watch::Receiver<Vec<String>>,
    metrics: DomainMetrics,
    events: EventHandle,
) {
    let tell = |domains| events.send(Control::Domains(Arc::new(domains)));
    follow(names, metrics, addresses, tell).await;
}

/// The addresses of a name, of both families, sorted; none if it cannot be resolved. As slow as the system's resolver is.
fn addresses(name: &str) -> Option<Vec<IpAddr>> {
    let found = (name, 0).to_socket_addrs().ok()?;
    let mut addresses: Vec<_> = found.map(|address| address.ip()).collect();
    addresses.sort();
    addresses.dedup();
    Some(addresses)
}

/// Resolves by `resolve`, in threads beside, and tells `tell`.
async fn follow(
    mut names: watch::Receiver<Vec<String>>,
    metrics: DomainMetrics,
    resolve: impl Fn(&str) -> Option<Vec<IpAddr>> + Clone + Send + 'static,
    mut tell: impl FnMut(Domains),
) {
    let mut lookups = Lookups::new(names.borrow_and_update().clone());
    let mut told = Domains::default();
    let mut refresh = tokio::time::interval(REFRESH);
    refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        lookups.start(&resolve);
        tokio::select! {
            _ = refresh.tick() => lookups.again(),
            Some(answer) = lookups.running.join_next() => {
                let mut answers = vec![answer];
                answers.extend(std::iter::from_fn(|| lookups.running.try_join_next()));
                // One that panicked has no name any more: it is not looked up again.
                for (name, found) in answers.into_iter().flatten() {
                    let counter = if found.is_some() { &metrics.resolved } else { &metrics.failed };
                    counter.inc();
                    lookups.answered(name, found);
                }
            }
            changed = names.changed() => {
                if changed.is_err() {
                    return;
                }
                lookups.want(names.borrow_and_update().clone());
            }
        }
        let domains = lookups.domains();
        if domains != told {
            told.clone_from(&domains);
            tell(domains);
        }
    }
}

/// Names, and how far each has been resolved.
#[derive(Default)]
struct Lookups {
    wanted: Vec<String>,
    /// Still to be looked up in this round.
    waiting: VecDeque<String>,
    underway: BTreeSet<String>,
    running: JoinSet<(String, Option<Vec<IpAddr>>)>,
    known: BTreeMap<String, Vec<IpAddr>>,
}

impl Lookups {
    fn new(wanted: Vec<String>) -> Self {
        Self {
            wanted,
            ..Self::default()
        }
    }

    /// Begins another round, unless one is under way; names that are being looked up are left to it.
    fn again(&mut self) {
        if self.waiting.is_empty() {
            let idle = self
                .wanted
                .iter()
                .filter(|name| !self.underway.contains(*name));
            self.waiting = idle.cloned().collect();
        }
    }

    /// Takes other names: those that are new come next.
    fn want(&mut self, wanted: Vec<String>) {
        self.known.retain(|name, _| wanted.contains(name));
        self.waiting.retain(|name| wanted.contains(name));
        for name in &wanted {
            if !self.wanted.contains(name) && !self.underway.contains(name) {
                self.waiting.push_front(name.clone());
            }
        }
        self.wanted = wanted;
    }

    /// Starts as many look-ups as there is room for.
    fn start(&mut self, resolve: &(impl Fn(&str) -> Option<Vec<IpAddr>> + Clone + Send + 'static)) {
        while self.running.len() < LOOKUPS_MAX
            && let Some(name) = self.waiting.pop_front()
        {
            let resolve = resolve.clone();
            self.underway.insert(name.clone());
            self.running.spawn_blocking(move || {
                let found = resolve(&name);
                (name, found)
            });
        }
    }

    fn answered(&mut self, name: String, found: Option<Vec<IpAddr>>) {
        self.underway.remove(&name);
        if let Some(addresses) = found
            && self.wanted.contains(&name)
        {
            self.known.insert(name, addresses);
        }
    }

    fn domains(&self) -> Domains {
        let pairs = self.known.iter().flat_map(|(name, addresses)| {
            addresses.iter().map(|address| (name.as_str(), *address))
        });
        Domains::new(pairs)
    }
}

#[cfg(test)]
mod tests {
    use rule_engine::load::{LoadOptions, load};
    use rule_engine::source::Source;
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn names_are_those_of_enabled_rules_through_lists_and_macros() {
        let schema = Schema::syscall();
        let text = "
- list: pools
  items: [pool.example, localhost]
- macro: to_pool
  condition: (fd.sip.name in (pools))
- rule: one
  desc: d
  condition: evt.type = connect and (to_pool or not fd.rip.name != other.example) and proc.name = curl
  output: x
  priority: INFO
- rule: off
  desc: d
  condition: evt.type = connect and fd.sip.name = off.example
  output: x
  priority: INFO
  enabled: false
";
        let source = Source {
            name: "test.yaml".to_owned(),
            text: text.to_owned(),
        };
        let loaded = load(vec![source], &schema, &LoadOptions::default());
        let rules = loaded.rules.expect("the rules are right");
        let expected = ["localhost", "other.example", "pool.example"];
        assert_eq!(wanted(&rules, &schema), expected);
    }

    #[test]
    fn a_name_has_addresses_or_none() {
        let found = addresses("localhost").expect("every host knows it");
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
        assert_eq!(addresses("no-such-name.invalid"), None);
    }

    /// A resolver: it says that it was asked, and answers when it may.
    struct Slow {
        asked: mpsc::UnboundedReceiver<String>,
        may_answer: watch::Sender<Vec<&'static str>>,
        told: mpsc::UnboundedReceiver<Domains>,
        names: watch::Sender<Vec<String>>,
    }

    impl Slow {
        /// Follows these names.
        fn follow(names: Vec<String>) -> Self {
            let (sender, asked) = mpsc::unbounded_channel();
            let (may_answer, allowed) = watch::channel(Vec::new());
            let (tell, told) = mpsc::unbounded_channel();
            let (names, wanted) = watch::channel(names);
            let runtime = tokio::runtime::Handle::current();
            let resolve = move |name: &str| {
                let _ = sender.send(name.to_owned());
                let mut allowed = allowed.clone();
                let until_allowed = allowed.wait_for(|all| all.contains(&name));
                runtime.block_on(until_allowed).ok()?;
                Some(vec![address_of(name)])
            };
            let metrics = DomainMetrics::declare(&mut Registry::new());
            let tell = move |domains| drop(tell.send(domains));
            tokio::spawn(follow(wanted, metrics, resolve, tell));
            Self {
                asked,
                may_answer,
                told,
                names,
            }
        }

        async fn asked(&mut self) -> String {
            self.asked.recv().await.expect("it is followed")
        }

        fn answer(&self, name: &'static str) {
            self.may_answer.send_modify(|all| all.push(name));
        }

        async fn told(&mut self) -> Domains {
            self.told.recv().await.expect("it is followed")
        }
    }

    /// Another one for each name.
    fn address_of(name: &str) -> IpAddr {
        let sum = name.bytes().fold(0, u8::wrapping_add);
        IpAddr::from([192, 0, 2, sum])
    }

    fn leading(names: &[&str]) -> Domains {
        Domains::new(names.iter().map(|name| (*name, address_of(name))))
    }

    #[tokio::test]
    async fn a_name_that_takes_long_holds_up_no_other() {
        let mut slow = Slow::follow(vec!["slow.example".to_owned(), "fast.example".to_owned()]);
        slow.answer("fast.example");
        assert_eq!(slow.told().await, leading(&["fast.example"]));
        slow.answer("slow.example");
        assert_eq!(
            slow.told().await,
            leading(&["fast.example", "slow.example"])
        );
    }

    #[tokio::test]
    async fn other_rules_are_told_of_while_a_name_hangs() {
        let mut slow = Slow::follow(vec!["slow.example".to_owned()]);
        assert_eq!(slow.asked().await, "slow.example");
        slow.answer("new.example");
        slow.names
            .send_replace(vec!["new.example".to_owned(), "slow.example".to_owned()]);
        assert_eq!(slow.asked().await, "new.example");
        assert_eq!(slow.told().await, leading(&["new.example"]));
        slow.names.send_replace(vec!["slow.example".to_owned()]);
        assert_eq!(slow.told().await, leading(&[]));
        slow.answer("slow.example");
        assert_eq!(slow.told().await, leading(&["slow.example"]));
        // Asked once, for all that happened meanwhile.
        assert!(slow.asked.try_recv().is_err());
    }

    #[tokio::test]
    async fn no_more_look_ups_are_under_way_than_allowed() {
        let names: Vec<_> = (0..LOOKUPS_MAX + 4).map(|n| format!("n{n}")).collect();
        let mut slow = Slow::follow(names);
        for _ in 0..LOOKUPS_MAX {
            slow.asked().await;
        }
        assert!(slow.asked.try_recv().is_err());
        slow.answer("n3");
        assert_eq!(slow.told().await, leading(&["n3"]));
        assert_eq!(slow.asked().await, format!("n{LOOKUPS_MAX}"));
    }
}
