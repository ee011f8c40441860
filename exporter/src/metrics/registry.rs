//! Declares, describes, registers and hands out a metric in one call.
//!
//! The registry itself is prometheus-client's: each metric is a collector in it (`client.rs`), with values of our own that count
//! without a lock.
//!
//! In: a [`Declaration`] from the room that counts. Out: the handle that counts; [`Registry::descriptions`], from which the
//! list of all metrics is made; [`Registry::visit`], by which every format reads the values.
//! Never: a metric that is declared in one place and registered in another; a lock on the way of who counts.
//! Sources: Prometheus naming practice, OpenMetrics 1.0.0 (units and suffixes).

use std::array;
use std::fmt;
use std::sync::Arc;

use prometheus_client::registry::Registry as Client;

use super::client::Shown;
use super::{Counter, Family, Gauge, Histogram, Number, Value, Visitor};

/// Takes the rows of a metric whose values are read at the scrape: label values, then the value.
pub type Rows<'a, const N: usize, V> = &'a mut dyn FnMut([&str; N], V);

/// What a metric is, said once, where it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Declaration<const N: usize> {
    /// The whole name as it is scraped, with unit and, for a counter, `_total`.
    pub name: &'static str,
    /// One sentence for the operator.
    pub help: &'static str,
    /// Names of the labels, in the order in which values are given.
    pub labels: [&'static str; N],
}

/// A declared metric, for lists, documentation and formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The whole name.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: Kind,
    /// Names of the labels.
    pub labels: Vec<&'static str>,
    /// One sentence for the operator.
    pub help: &'static str,
}

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only rises, and starts again at zero with the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It says how often values of which size were observed.
    Histogram,
}

impl Kind {
    /// The word used in both text formats.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

impl Description {
    /// The unit at the end of the name.
    #[must_use]
    pub fn unit(&self) -> Option<&'static str> {
        let stem = self.stem();
        ["seconds", "bytes"].into_iter().find(|unit| {
            stem.strip_suffix(unit)
                .is_some_and(|rest| rest.ends_with('_'))
        })
    }

    /// The name without `_total`.
    pub(super) fn stem(&self) -> &'static str {
        self.name.strip_suffix("_total").unwrap_or(self.name)
    }
}

/// All metrics of the process. Rooms declare into it while the agent is put together; afterwards it is only read.
#[derive(Default)]
pub struct Registry {
    client: Client,
    descriptions: Vec<Description>,
    /// Of each description, what shows its series.
    sources: Vec<Show>,
}

/// Shows the series of a metric.
pub(super) type Show = Arc<dyn Fn(&mut dyn Visitor) + Send + Sync>;

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.descriptions.iter().map(|metric| metric.name);
        f.debug_set().entries(names).finish()
    }
}

impl Registry {
    /// A registry without metrics.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A single counter, at 0.
    pub fn counter(&mut self, declaration: Declaration<0>) -> Counter {
        self.single(declaration)
    }

    /// A counter per set of label values; a set exists once it was asked for.
    pub fn counters<const N: usize>(&mut self, declaration: Declaration<N>) -> Family<N, Counter> {
        self.family(declaration)
    }

    /// A single gauge, at 0.
    pub fn gauge(&mut self, declaration: Declaration<0>) -> Gauge {
        self.single(declaration)
    }

    /// A gauge per set of label values; a set exists once it was asked for.
    pub fn gauges<const N: usize>(&mut self, declaration: Declaration<N>) -> Family<N, Gauge> {
        self.family(declaration)
    }

    /// A histogram of times.
    pub fn histogram(&mut self, declaration: Declaration<0>) -> Histogram {
        self.single(declaration)
    }

    /// A single value of any sort, as [`super::SecondsCounter`].
    pub fn single<V: Value>(&mut self, declaration: Declaration<0>) -> V {
        let value = V::default();
        let shown = value.clone();
        self.register(declaration, V::KIND, move |visitor| {
            shown.show(&[], visitor);
        });
        value
    }

    /// A value of any sort per set of label values.
    pub fn family<const N: usize, V: Value>(
        &mut self,
        declaration: Declaration<N>,
    ) -> Family<N, V> {
        let family = Family::new(declaration.labels);
        let shown = family.clone();
        self.register(declaration, V::KIND, move |visitor| shown.show(visitor));
        family
    }

    /// Counters that live elsewhere (in the kernel, say): `read` is called at every scrape and gives the rows, each set of
    /// label values once. What cannot be read is left out.
    pub fn counters_read<const N: usize, V, F>(&mut self, declaration: Declaration<N>, read: F)
    where
        V: Into<Number> + 'static,
        F: Fn(Rows<'_, N, V>) + Send + Sync + 'static,
    {
        self.read(declaration, Kind::Counter, read);
    }

    /// Gauges that live elsewhere; see [`Registry::counters_read`].
    pub fn gauges_read<const N: usize, V, F>(&mut self, declaration: Declaration<N>, read: F)
    where
        V: Into<Number> + 'static,
        F: Fn(Rows<'_, N, V>) + Send + Sync + 'static,
    {
        self.read(declaration, Kind::Gauge, read);
    }

    /// Every declared metric, in the order of declaration.
    #[must_use]
    pub fn descriptions(&self) -> &[Description] {
        &self.descriptions
    }

    /// Shows every metric with its series to a visitor, for as long as `go_on` says so before each metric; false if that was
    /// not to the end.
    pub fn visit(&self, visitor: &mut dyn Visitor, mut go_on: impl FnMut() -> bool) -> bool {
        for (description, show) in self.descriptions.iter().zip(&self.sources) {
            if !go_on() {
                return false;
            }
            visitor.metric(description);
            show(visitor);
        }
        true
    }

    /// The registry as prometheus-client's encoders read it.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Registers a metric whose labels need not be known when the agent is compiled.
    pub(super) fn describe(
        &mut self,
        description: Description,
        show: impl Fn(&mut dyn Visitor) + Send + Sync + 'static,
    ) {
        let Description {
            name, kind, help, ..
        } = description;
        debug_assert!(
            self.descriptions.iter().all(|known| known.name != name),
            "{name} is declared twice"
        );
        debug_assert_eq!(
            kind == Kind::Counter,
            name.ends_with("_total"),
            "suffix of {name}"
        );
        debug_assert!(
            help.ends_with('.') && !help.contains(['\n', '\\', '"']),
            "help of {name} is one plain sentence"
        );
        let show: Show = Arc::new(show);
        let shown = Shown::new(description.clone(), Arc::clone(&show));
        self.client.register_collector(Box::new(shown));
        self.descriptions.push(description);
        self.sources.push(show);
    }

    fn register<const N: usize>(
        &mut self,
        declaration: Declaration<N>,
        kind: Kind,
        show: impl Fn(&mut dyn Visitor) + Send + Sync + 'static,
    ) {
        let Declaration { name, help, labels } = declaration;
        let labels = labels.to_vec();
        let description = Description {
            name,
            kind,
            labels,
            help,
        };
        self.describe(description, show);
    }

    fn read<const N: usize, V, F>(&mut self, declaration: Declaration<N>, kind: Kind, read: F)
    where
        V: Into<Number> + 'static,
        F: Fn(Rows<'_, N, V>) + Send + Sync + 'static,
    {
        let names = declaration.labels;
        self.register(declaration, kind, move |visitor| {
            read(&mut |values, value| {
                let pairs: [(&str, &str); N] = array::from_fn(|at| (names[at], values[at]));
                visitor.number(&pairs, value.into(), None);
            });
        });
    }
}
