//! Compiles checked rules into one rule set.
//!
//! In: typed conditions and templates. Out: [`RuleSet`]. Never: an error; check has found them all.
//!
//! All conditions become one graph in which equal parts are one node. Per event type the graph is simplified by what the type
//! decides (`evt.type`, `evt.dir`), and what is left is ordered so that cheap checks come first. What several rules need is
//! tried before them. Order cannot be observed: a check has no effect but its result.

mod cost;
mod graph;
mod guards;

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::eventset::EventSet;
use crate::priority::Priority;
use crate::program::{
    Guard, Matching, NO_SLOT, Node, NodeId, NodeKind, Program, Rule, RuleId, RuleSet, Source,
    SourceId, words,
};
use crate::schema::{EventKind, EventTypeId, Schema};
use crate::template::{Part, Template};
use crate::typed::Condition;
use crate::value::FieldRef;

use graph::{Graph, Key, Matchers};

/// A rule as it is compiled.
#[derive(Clone, Debug)]
pub struct RuleSpec {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub desc: String,
    /// How grave a match is.
    pub priority: Priority,
    /// The event source it watches.
    pub source: String,
    /// The file of its last definition, as messages call it.
    pub file: String,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// Whether it is tried.
    pub enabled: bool,
    /// Its place in the order of first definition.
    pub position: usize,
    /// Its condition.
    pub condition: Condition,
    /// The event types in which the condition can be true.
    pub events: EventSet,
    /// What a match says.
    pub output: Template,
}

/// Compiles rules, checked against `schema`.
pub fn rule_set(mut specs: Vec<RuleSpec>, schema: &Schema, matching: Matching) -> RuleSet {
    specs.sort_by_key(|spec| spec.position);
    let rules: Vec<Rule> = specs.into_iter().enumerate().map(rule).collect();
    let mut graph = Graph::new(schema);
    let enabled = || rules.iter().filter(|rule| rule.enabled);
    let roots: Vec<(&Rule, NodeId)> = enabled()
        .map(|rule| (rule, graph.condition(&rule.condition)))
        .collect();
    for rule in enabled() {
        register_output(&rule.output, &mut graph);
    }
    let mut plans = Plans::default();
    for event in (0..schema.events.len()).map(|index| EventTypeId(index as u16)) {
        let tried = roots.iter().filter(|(rule, _)| rule.events.contains(event));
        let mut specialized = Vec::new();
        for (rule, root) in tried {
            let root = graph.for_event(*root, event);
            if graph.key(root) != &Key::Const(false) {
                specialized.push((rule.id, root));
            }
        }
        plans.add(specialized);
    }
    let guards = plans
        .lists
        .iter()
        .map(|roots| guards::of(&mut graph, roots))
        .collect();
    emit(rules, graph, plans, guards, schema, matching)
}

fn rule((index, spec): (usize, RuleSpec)) -> Rule {
    let RuleSpec {
        name,
        desc,
        priority,
        source,
        file,
        tags,
        enabled,
        position: _,
        condition,
        events,
        output,
    } = spec;
    // There are fewer rules than bytes in their files, which are limited.
    Rule {
        id: RuleId(index as u32),
        name,
        desc,
        priority,
        source,
        file,
        tags,
        enabled,
        condition,
        events,
        output,
    }
}

/// Makes the fields of an output sources, so that a match finds what a condition has fetched.
fn register_output(output: &Template, graph: &mut Graph<'_>) {
    for part in output.parts() {
        if let Part::Value { operand, .. } = part {
            operand.for_each_field(&mut |field| {
                graph.field(&field.field);
            });
        }
    }
}

/// The distinct lists of roots, and which one each event type has.
#[derive(Default)]
struct Plans {
    lists: Vec<Vec<(RuleId, NodeId)>>,
    known: HashMap<Vec<(RuleId, NodeId)>, u32, FixedState>,
    of_type: Vec<u32>,
}

impl Plans {
    fn add(&mut self, roots: Vec<(RuleId, NodeId)>) {
        let next = self.lists.len() as u32;
        let index = *self.known.entry(roots.clone()).or_insert(next);
        if index == next {
            self.lists.push(roots);
        }
        self.of_type.push(index);
    }
}

/// Writes down the part of the graph that is reached.
fn emit(
    rules: Vec<Rule>,
    graph: Graph<'_>,
    plans: Plans,
    guards: Vec<Vec<Vec<guards::Guard>>>,
    schema: &Schema,
    matching: Matching,
) -> RuleSet {
    let mut events = EventSet::none(schema);
    for (index, plan) in plans.of_type.iter().enumerate() {
        if !plans.lists[*plan as usize].is_empty() {
            events.insert(EventTypeId(index as u16));
        }
    }
    let mut set = RuleSet {
        matching,
        events,
        nodes: Vec::new(),
        members: Vec::new(),
        sources: graph.sources().cloned().collect(),
        source_of: graph.fields(),
        matchers: Vec::new(),
        program_of: plans.of_type,
        programs: Vec::new(),
        types: schema
            .events
            .iter()
            .map(|event| (event.name, event.kind == EventKind::Syscall))
            .collect(),
        rules,
    };
    let (costs, matchers) = graph.costs();
    let mut emitter = Emitter {
        costs,
        matchers,
        graph: &graph,
        new: HashMap::default(),
    };
    for (roots, guards) in plans.lists.into_iter().zip(guards) {
        let roots: Vec<_> = roots
            .into_iter()
            .map(|(rule, root)| (rule, emitter.node(&mut set, root)))
            .collect();
        let guards = emitter.guards(&mut set, guards, roots.len());
        let program = program(&set, roots, guards);
        set.programs.push(program);
    }
    set
}

struct Emitter<'g, 's> {
    graph: &'g Graph<'s>,
    costs: Vec<u32>,
    /// Matchers that are not in the set yet.
    matchers: Matchers,
    /// Nodes of the set, by nodes of the graph.
    new: HashMap<NodeId, NodeId, FixedState>,
}

impl Emitter<'_, '_> {
    fn node(&mut self, set: &mut RuleSet, old: NodeId) -> NodeId {
        if let Some(&new) = self.new.get(&old) {
            // Reached a second time: worth remembering.
            set.nodes[new.0 as usize].shared =
                !matches!(set.nodes[new.0 as usize].kind, NodeKind::Const(_));
            return new;
        }
        let kind = match self.graph.key(old) {
            Key::Const(truth) => NodeKind::Const(*truth),
            Key::And(members) => NodeKind::And(self.members(set, members)),
            Key::Or(members) => NodeKind::Or(self.members(set, members)),
            Key::Not(inner) => NodeKind::Not(self.node(set, *inner)),
            Key::Check(test) => {
                let matcher = self.matchers.remove(&old);
                set.matchers.push(matcher.unwrap_or_else(|| test.matcher()));
                NodeKind::Check(test.source, set.matchers.len() as u32 - 1)
            }
            Key::Compare {
                left,
                right,
                op,
                ty,
                multiplicity,
            } => NodeKind::Compare {
                left: *left,
                right: *right,
                op: *op,
                ty: *ty,
                multiplicity: *multiplicity,
            },
        };
        let new = NodeId(set.nodes.len() as u32);
        set.nodes.push(Node {
            kind,
            shared: false,
        });
        self.new.insert(old, new);
        new
    }

    /// Guards in the order to try them: first what costs little for each rule that it may spare.
    fn guards(
        &mut self,
        set: &mut RuleSet,
        mut groups: Vec<Vec<guards::Guard>>,
        roots: usize,
    ) -> Vec<Guard> {
        groups.sort_by_key(|group| {
            let (cost, rules) = (self.costs[group[0].node.0 as usize], group[0].rules.len());
            cost.saturating_mul(16) / rules as u32
        });
        let guards = groups.into_iter().flatten().map(|guard| {
            let mut rules = vec![0; words(roots)];
            for place in guard.rules {
                rules[place / 64] |= 1 << (place % 64);
            }
            Guard {
                node: self.node(set, guard.node),
                rules,
            }
        });
        guards.collect()
    }

    fn members(&mut self, set: &mut RuleSet, members: &[NodeId]) -> std::ops::Range<u32> {
        let mut ordered = members.to_vec();
        ordered.sort_by_key(|member| self.costs[member.0 as usize]);
        let new: Vec<NodeId> = ordered
            .into_iter()
            .map(|member| self.node(set, member))
            .collect();
        let start = set.members.len() as u32;
        set.members.extend(new);
        start..set.members.len() as u32
    }
}

/// The program of these roots: which sources it reads.
fn program(set: &RuleSet, roots: Vec<(RuleId, NodeId)>, guards: Vec<Guard>) -> Program {
    let mut reached = Reached {
        set,
        seen: vec![false; set.nodes.len()],
        slots: vec![NO_SLOT; set.sources.len()],
        count: 0,
    };
    roots.iter().for_each(|(_, root)| reached.node(*root));
    let Reached {
        mut slots, count, ..
    } = reached;
    // Slots go to what conditions read; outputs are read too seldom.
    let mut read: Vec<bool> = slots.iter().map(|slot| *slot != NO_SLOT).collect();
    for (rule, _) in &roots {
        for field in set.rule(*rule).output.fields() {
            if let Some(source) = set.source_of.get(&field.field.field) {
                read[source.0 as usize] = true;
            }
        }
    }
    let fields = set
        .sources
        .iter()
        .zip(&read)
        .filter_map(|(source, read)| match source {
            Source::Field(field) if *read => Some(field.clone()),
            _ => None,
        });
    let fields: Vec<FieldRef> = fields.collect();
    slots.shrink_to_fit();
    Program {
        roots,
        guards,
        slots,
        slot_count: count,
        fields,
    }
}

struct Reached<'s> {
    set: &'s RuleSet,
    seen: Vec<bool>,
    slots: Vec<u32>,
    count: u32,
}

impl Reached<'_> {
    fn node(&mut self, id: NodeId) {
        if std::mem::replace(&mut self.seen[id.0 as usize], true) {
            return;
        }
        match &self.set.nodes[id.0 as usize].kind {
            NodeKind::Const(_) => {}
            NodeKind::And(range) | NodeKind::Or(range) => {
                for member in range.clone() {
                    self.node(self.set.members[member as usize]);
                }
            }
            NodeKind::Not(inner) => self.node(*inner),
            NodeKind::Check(source, _) => self.source(*source),
            NodeKind::Compare { left, right, .. } => {
                self.source(*left);
                self.source(*right);
            }
        }
    }

    fn source(&mut self, id: SourceId) {
        let slot = &mut self.slots[id.0 as usize];
        if *slot != NO_SLOT {
            return;
        }
        *slot = self.count;
        self.count += 1;
        if let Source::Transform { inputs, .. } = &self.set.sources[id.0 as usize] {
            inputs.iter().for_each(|(_, input)| self.source(*input));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
