//! Guards: what several rules of an event type need, tried once for all of them.
//!
//! In: the roots of an event type. Out: nodes of which each is implied by the conditions of several rules, so that those need
//! not be tried when it is false. There are two kinds: a member that conditions have in common (`evt.is_open_write = true`, but
//! no exception, which is seldom false), and of different checks of one field their union (`fd.name` is one of all names that some rule looks for), over all rules
//! and again over ever fewer of them. Never: what changes which rules match.

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::Operator;
use crate::program::{NodeId, RuleId, SourceId};

use super::graph::{Graph, Key};

/// Fewer rules are tried one by one.
const RULES_MIN: usize = 4;
/// Into so many parts the rules of a union are divided for the unions below it.
const PARTS: usize = 8;

/// A node of the graph, and the places in the list of roots of the rules that need it.
pub(super) struct Guard {
    pub(super) node: NodeId,
    pub(super) rules: Vec<usize>,
}

/// The guards of these roots, in groups: in a group each stands before those for a part of its rules.
pub(super) fn of(graph: &mut Graph<'_>, roots: &[(RuleId, NodeId)]) -> Vec<Vec<Guard>> {
    if roots.len() < RULES_MIN {
        return Vec::new();
    }
    let mut members: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
    let mut unions: BTreeMap<SourceId, Vec<(usize, NodeId)>> = BTreeMap::new();
    for (place, (_, root)) in roots.iter().enumerate() {
        let mut sources = BTreeSet::new();
        for member in needed(graph, *root) {
            members.entry(member).or_default().push(place);
            if let Some(source) = source(graph, member)
                && sources.insert(source)
            {
                unions.entry(source).or_default().push((place, member));
            }
        }
    }
    let mut groups: Vec<Vec<Guard>> = members
        .into_iter()
        .filter(|(node, rules)| rules.len() > 1 && !matches!(graph.key(*node), Key::Not(_)))
        .map(|(node, rules)| vec![Guard { node, rules }])
        .collect();
    for checks in unions.into_values() {
        let mut group = Vec::new();
        unite(graph, &checks, &mut group);
        groups.push(group);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// What must hold for a root to hold, as far as it is divided by "and".
fn needed(graph: &Graph<'_>, root: NodeId) -> BTreeSet<NodeId> {
    let mut needed = BTreeSet::new();
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        match graph.key(id) {
            Key::And(members) => open.extend(members),
            _ => _ = needed.insert(id),
        }
    }
    needed
}

/// Of what one is enough for a node to hold, as far as it is divided by "or": checks of all depths can be merged then.
fn sufficient(graph: &Graph<'_>, node: NodeId, into: &mut BTreeSet<NodeId>) {
    let mut open = vec![node];
    while let Some(id) = open.pop() {
        match graph.key(id) {
            Key::Or(members) => open.extend(members),
            _ => _ = into.insert(id),
        }
    }
}

/// The one source that a node looks at for certain values, which most values are not.
fn source(graph: &Graph<'_>, id: NodeId) -> Option<SourceId> {
    match graph.key(id) {
        Key::Check(test) => selects(test.op).then_some(test.source),
        Key::And(members) | Key::Or(members) => {
            let mut sources = members.iter().map(|member| source(graph, *member));
            let first = sources.next()??;
            sources.all(|source| source == Some(first)).then_some(first)
        }
        Key::Not(_) | Key::Const(_) | Key::Compare { .. } => None,
    }
}

fn selects(op: Operator) -> bool {
    use Operator as Op;
    matches!(
        op,
        Op::Eq
            | Op::In
            | Op::Intersects
            | Op::Pmatch
            | Op::Contains
            | Op::Icontains
            | Op::Bcontains
            | Op::Startswith
            | Op::Bstartswith
            | Op::Endswith
            | Op::Glob
            | Op::Iglob
    )
}

/// Puts the union of these checks before the unions of their parts.
fn unite(graph: &mut Graph<'_>, checks: &[(usize, NodeId)], group: &mut Vec<Guard>) {
    let mut alternatives = BTreeSet::new();
    for (_, node) in checks {
        sufficient(graph, *node, &mut alternatives);
    }
    let node = graph.or(alternatives.into_iter().collect());
    // What all of them are needs no union.
    if checks.iter().all(|(_, check)| *check == node) {
        return;
    }
    group.push(Guard {
        node,
        rules: checks.iter().map(|(place, _)| *place).collect(),
    });
    if checks.len() > PARTS {
        for part in checks.chunks(checks.len().div_ceil(PARTS)) {
            unite(graph, part, group);
        }
    }
}
