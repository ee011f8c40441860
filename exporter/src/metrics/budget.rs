//! Counters whose label values are not known beforehand, under a hard limit.
//!
//! In: counts from one thread, by a group (a rule) and values of labels (a workload). Out: the series, at a scrape; at most so many,
//! and one more for each group that takes what has no series of its own.
//! Never: a lock that the counting thread waits for. It counts in atomics of its own series, and what it has added and taken away
//! becomes visible when the list of series happens to be free; a scrape that holds it only puts that off.
//!
//! Invariant, once everything is published: for each group the values of its series, of its overflow and of what has expired
//! add up to everything that was ever counted in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::registry::Description;
use super::{Counter, Declaration, Exemplar, Kind, Registry, TracedCounter, Value, Visitor};

/// Bytes of a label value that are kept.
const VALUE_BYTES_MAX: usize = 512;
/// What becomes of series over time is looked at so often, ns.
const SWEEP_NS: u64 = 10_000_000_000;

/// What a limited counter is, and how far it may go. The group has labels `G`.
#[derive(Clone, Debug)]
pub struct Budget<const G: usize> {
    /// Name, help and the group's labels.
    pub counter: Declaration<G>,
    /// Name and help of the counter that takes what has expired, by group.
    pub expired: Declaration<G>,
    /// Names of the labels whose values are not known beforehand.
    pub labels: Vec<&'static str>,
    /// Most series, without the one of each group.
    pub series_max: usize,
    /// How long a series whose owner is gone stays after its last count, ns.
    pub keep_ns: u64,
}

/// Where groups are made. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Groups<const G: usize>(Arc<Mutex<Shared<G>>>);

/// A group: its labels, and what is counted without a series.
#[derive(Debug)]
pub struct Group<const G: usize> {
    number: u32,
    labels: [Box<str>; G],
    overflow: TracedCounter,
    expired: Counter,
    closed: AtomicBool,
}

/// The end that counts.
#[derive(Debug)]
pub struct BudgetWriter<const G: usize> {
    shared: Arc<Mutex<Shared<G>>>,
    known: HashMap<Box<[u8]>, Known<G>, foldhash::fast::RandomState>,
    series_max: usize,
    keep_ns: u64,
    /// Added since the last time that the list was free.
    added: Vec<Arc<Series<G>>>,
    /// Taken away since.
    removed: bool,
    sweep_ns: u64,
    key: Vec<u8>,
}

#[derive(Debug)]
struct Known<const G: usize> {
    series: Arc<Series<G>>,
    /// Who the values are about.
    owner: Box<str>,
    counted_ns: u64,
}

#[derive(Debug)]
struct Series<const G: usize> {
    group: Arc<Group<G>>,
    values: Box<[Box<str>]>,
    count: TracedCounter,
    expired: AtomicBool,
}

#[derive(Debug)]
struct Shared<const G: usize> {
    groups: BTreeMap<Vec<Box<str>>, Arc<Group<G>>>,
    groups_made: u32,
    series: Vec<Arc<Series<G>>>,
}

impl Registry {
    /// Declares a counter under a limit.
    pub fn limited<const G: usize>(&mut self, budget: Budget<G>) -> (Groups<G>, BudgetWriter<G>) {
        let Budget {
            counter,
            expired,
            labels,
            series_max,
            keep_ns,
        } = budget;
        let shared: Arc<Mutex<Shared<G>>> = Arc::new(Mutex::new(Shared {
            groups: BTreeMap::new(),
            groups_made: 0,
            series: Vec::new(),
        }));
        let all = counter.labels.iter().chain(&labels).chain(&["overflow"]);
        let description = Description {
            name: counter.name,
            kind: Kind::Counter,
            labels: all.copied().collect(),
            help: counter.help,
        };
        let shown = Arc::clone(&shared);
        self.describe(description, move |visitor| {
            lock(&shown).show(counter.labels, &labels, visitor);
        });
        let shown = Arc::clone(&shared);
        let labels = expired.labels;
        let description = Description {
            name: expired.name,
            kind: Kind::Counter,
            labels: labels.to_vec(),
            help: expired.help,
        };
        self.describe(description, move |visitor| {
            for group in lock(&shown).groups.values() {
                group.expired.show(&group.pairs(labels), visitor);
            }
        });
        declare_limits(self, counter.name, series_max, Arc::clone(&shared));
        let writer = BudgetWriter {
            shared: Arc::clone(&shared),
            known: HashMap::default(),
            series_max,
            keep_ns,
            added: Vec::new(),
            removed: false,
            sweep_ns: 0,
            key: Vec::new(),
        };
        (Groups(shared), writer)
    }
}

fn declare_limits<const G: usize>(
    registry: &mut Registry,
    metric: &'static str,
    series_max: usize,
    shared: Arc<Mutex<Shared<G>>>,
) {
    registry.gauges_read(
        Declaration {
            name: "saker_metric_series",
            help: "Series of a metric with a limit, without those that take what is beyond it.",
            labels: ["metric"],
        },
        move |rows| rows([metric], lock(&shared).series.len()),
    );
    registry.gauges_read(
        Declaration {
            name: "saker_metric_series_limit",
            help: "Most series that a metric may have; what is beyond is counted in one series for each rule.",
            labels: ["metric"],
        },
        move |rows| rows([metric], series_max),
    );
}

impl<const G: usize> Groups<G> {
    /// The group of these labels, made if it is new; its own series are there at 0 from then on. May wait for a scrape.
    #[must_use]
    pub fn with(&self, labels: [&str; G]) -> Arc<Group<G>> {
        let shared = &mut *lock(&self.0);
        let key = labels.map(Box::from);
        if let Some(known) = shared.groups.get(&key[..]) {
            return Arc::clone(known);
        }
        shared.groups_made += 1;
        let group = Arc::new(Group {
            number: shared.groups_made,
            labels: key.clone(),
            overflow: TracedCounter::default(),
            expired: Counter::default(),
            closed: AtomicBool::new(false),
        });
        shared.groups.insert(key.to_vec(), Arc::clone(&group));
        group
    }

    /// Takes away the groups that `keep` does not want to keep, with their series. May wait for a scrape.
    pub fn retain(&self, mut keep: impl FnMut(&[Box<str>]) -> bool) {
        lock(&self.0).groups.retain(|labels, group| {
            let kept = keep(labels);
            if !kept {
                group.closed.store(true, Relaxed);
            }
            kept
        });
    }
}

impl<const G: usize> Group<G> {
    fn pairs<'a>(&'a self, names: [&'a str; G]) -> [(&'a str, &'a str); G] {
        std::array::from_fn(|at| (names[at], &*self.labels[at]))
    }
}

impl<const G: usize> BudgetWriter<G> {
    /// Counts one: in the series of these values, which is made if there is room, or else in the group's overflow. `owner` is
    /// who has to be gone before the series may expire; one without an owner stays.
    pub fn count(
        &mut self,
        group: &Arc<Group<G>>,
        values: &[&str],
        owner: &str,
        exemplar: Exemplar,
        now_ns: u64,
    ) {
        self.key.clear();
        self.key.extend_from_slice(&group.number.to_ne_bytes());
        for value in values {
            let value = shortened(value);
            self.key.extend_from_slice(&value.len().to_ne_bytes());
            self.key.extend_from_slice(value.as_bytes());
        }
        if let Some(known) = self.known.get_mut(&self.key[..]) {
            known.series.count.inc(exemplar);
            known.counted_ns = now_ns;
            if *known.owner != *owner {
                known.owner = owner.into();
            }
            return;
        }
        if self.known.len() >= self.series_max {
            group.overflow.inc(exemplar);
            return;
        }
        let series = Arc::new(Series {
            group: Arc::clone(group),
            values: values.iter().map(|value| shortened(value).into()).collect(),
            count: TracedCounter::default(),
            expired: AtomicBool::new(false),
        });
        series.count.inc(exemplar);
        self.added.push(Arc::clone(&series));
        let known = Known {
            series,
            owner: owner.into(),
            counted_ns: now_ns,
        };
        self.known.insert(self.key.as_slice().into(), known);
    }

    /// Takes away series whose owner is gone and that have not been counted in for long enough. Looks now and then only.
    pub fn expire(&mut self, now_ns: u64, gone: impl Fn(&str) -> bool) {
        if now_ns < self.sweep_ns {
            return;
        }
        self.sweep_ns = now_ns.saturating_add(SWEEP_NS);
        let keep_ns = self.keep_ns;
        let mut removed = self.removed;
        self.known.retain(|_, known| {
            let idle = now_ns.saturating_sub(known.counted_ns) >= keep_ns;
            let closed = known.series.group.closed.load(Relaxed);
            let kept = !closed && (known.owner.is_empty() || !idle || !gone(&known.owner));
            if !kept {
                known.series.expired.store(true, Relaxed);
                removed = true;
            }
            kept
        });
        self.removed = removed;
    }

    /// Makes visible what has been added and taken away, unless somebody looks at the list at this moment.
    pub fn publish(&mut self) {
        if self.added.is_empty() && !self.removed {
            return;
        }
        let mut shared = match self.shared.try_lock() {
            Ok(shared) => shared,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if std::mem::take(&mut self.removed) {
            let fold = |series: &Arc<Series<G>>| {
                let expired = series.expired.load(Relaxed);
                if expired {
                    // Nobody counts in it any more.
                    series.group.expired.inc_by(series.count.get());
                }
                !expired
            };
            shared.series.retain(fold);
            self.added.retain(fold);
        }
        shared.series.append(&mut self.added);
    }
}

impl<const G: usize> Shared<G> {
    fn show(&self, names: [&str; G], labels: &[&str], visitor: &mut dyn Visitor) {
        let mut pairs = Vec::with_capacity(G + labels.len());
        for series in &self.series {
            if series.group.closed.load(Relaxed) {
                continue;
            }
            pairs.clear();
            pairs.extend_from_slice(&series.group.pairs(names));
            let values = series.values.iter().map(|value| &**value);
            pairs.extend(labels.iter().copied().zip(values));
            series.count.show(&pairs, visitor);
        }
        for group in self.groups.values() {
            pairs.clear();
            pairs.extend_from_slice(&group.pairs(names));
            pairs.push(("overflow", "true"));
            group.overflow.show(&pairs, visitor);
        }
    }
}

fn lock<const G: usize>(shared: &Mutex<Shared<G>>) -> MutexGuard<'_, Shared<G>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The beginning of a label value.
fn shortened(value: &str) -> &str {
    &value[..value.floor_char_boundary(VALUE_BYTES_MAX)]
}

#[cfg(test)]
mod tests;
