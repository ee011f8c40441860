//! Resolves the domain names that rules compare addresses with, again and again, and tells the event thread.
//!
//! In: names from the loaded rules. Out: [`Domains`], whenever some name leads elsewhere. Never on the event thread: an event
//! meets what is known. A name that cannot be resolved keeps the addresses that it had.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rule_engine::program::RuleSet;
use rule_engine::schema::Schema;
use tokio::sync::watch;

use super::events::EventHandle;
use crate::metrics::{Counter, Declaration, Registry};
use crate::pipeline::Control;
use crate::state::domain::Domains;

/// How often names are resolved.
const REFRESH: Duration = Duration::from_secs(60);
/// How long one name may take.
const PATIENCE: Duration = Duration::from_secs(5);
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
    mut names: watch::Receiver<Vec<String>>,
    metrics: DomainMetrics,
    events: EventHandle,
) {
    let mut known: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    let mut told = Domains::default();
    loop {
        let wanted = names.borrow_and_update().clone();
        known.retain(|name, _| wanted.contains(name));
        for name in wanted {
            match resolve(&name).await {
                Some(addresses) => {
                    metrics.resolved.inc();
                    known.insert(name, addresses);
                }
                None => {
                    metrics.failed.inc();
                }
            }
        }
        let pairs = known.iter().flat_map(|(name, addresses)| {
            addresses.iter().map(|address| (name.as_str(), *address))
        });
        let domains = Domains::new(pairs);
        if domains != told {
            events.send(Control::Domains(Arc::new(domains.clone())));
            told = domains;
        }
        tokio::select! {
            () = tokio::time::sleep(REFRESH) => {}
            changed = names.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

/// The addresses of a name, of both families, sorted; none if it cannot be resolved in time.
async fn resolve(name: &str) -> Option<Vec<IpAddr>> {
    let lookup = tokio::net::lookup_host((name, 0));
    let found = tokio::time::timeout(PATIENCE, lookup).await.ok()?.ok()?;
    let mut addresses: Vec<_> = found.map(|address| address.ip()).collect();
    addresses.sort();
    addresses.dedup();
    Some(addresses)
}

#[cfg(test)]
mod tests {
    use rule_engine::load::{LoadOptions, load};
    use rule_engine::source::Source;

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

    #[tokio::test]
    async fn a_name_has_addresses_or_none() {
        let found = resolve("localhost").await.expect("every host knows it");
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
        assert_eq!(resolve("no-such-name.invalid").await, None);
    }
}
