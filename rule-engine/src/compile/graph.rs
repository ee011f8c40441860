//! The graph of all conditions: equal parts are one node.
//!
//! Members of `and` and `or` are kept sorted, so that order does not make parts differ. Checks of one source that an `or`
//! joins become one check of a set (`a = x or a = y` is `a in (x, y)`), as do those of unequal values that an `and` joins.

use std::collections::HashMap;
use std::sync::Arc;

use bumpalo::Bump;
use foldhash::fast::FixedState;
use indexmap::{IndexMap, IndexSet};

use crate::ast::{Modifier, Operator};
use crate::eval::builtin_value;
use crate::eventset::number_check;
use crate::op::{Constant, Matcher};
use crate::program::{Builtin, NodeId, Source, SourceId};
use crate::schema::{EventKind, EventTypeId, FieldId, Multiplicity, Schema, Type};
use crate::typed::{Check, Condition, FieldUse, Node, NodeKind, Operand, Test};
use crate::value::{FieldKey, FieldRef};

use super::cost;

/// A node: what it is, by which equal ones are found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Const(bool),
    And(Vec<NodeId>),
    Or(Vec<NodeId>),
    Not(NodeId),
    Check(TestKey),
    Compare {
        left: SourceId,
        right: SourceId,
        op: Operator,
        ty: Type,
        multiplicity: Multiplicity,
    },
}

/// A comparison of a source with constants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TestKey {
    pub(super) source: SourceId,
    ty: Type,
    multiplicity: Multiplicity,
    pub(super) op: Operator,
    modifier: Option<Modifier>,
    values: Vec<Constant>,
}

impl TestKey {
    pub(super) fn matcher(&self) -> Matcher {
        Matcher::new(
            self.ty,
            self.multiplicity,
            self.op,
            self.modifier,
            &self.values,
        )
        .expect(
            "check has compiled each constant, and automata fail only beyond what a file can hold",
        )
    }
}

/// Matchers of checks.
pub(super) type Matchers = HashMap<NodeId, Matcher, FixedState>;

pub(super) struct Graph<'s> {
    schema: &'s Schema,
    nodes: IndexSet<Key, FixedState>,
    /// For each node whether the event's type has a say in it.
    typed: Vec<bool>,
    sources: IndexSet<Source, FixedState>,
    fields: HashMap<FieldRef, SourceId, FixedState>,
    macros: HashMap<*const Node, NodeId, FixedState>,
    /// Matchers of checks that the event's type decides.
    deciders: Matchers,
    /// Results of [`Graph::for_event`] for the event type in hand.
    decided: HashMap<NodeId, NodeId, FixedState>,
    decided_for: Option<EventTypeId>,
    types: Vec<(&'static str, bool)>,
    names: Names,
}

/// Fields with a meaning here.
struct Names {
    evt_type: Option<FieldId>,
    type_is: Option<FieldId>,
    syscall_type: Option<FieldId>,
    direction: Option<FieldId>,
    number: Option<FieldId>,
}

impl<'s> Graph<'s> {
    pub(super) fn new(schema: &'s Schema) -> Self {
        let names = Names {
            evt_type: schema.field("evt.type"),
            type_is: schema.field("evt.type.is"),
            syscall_type: schema.field("syscall.type"),
            direction: schema.field("evt.dir"),
            number: schema.field("evt.num"),
        };
        Self {
            schema,
            nodes: IndexSet::default(),
            typed: Vec::new(),
            sources: IndexSet::default(),
            fields: HashMap::default(),
            macros: HashMap::default(),
            deciders: HashMap::default(),
            decided: HashMap::default(),
            decided_for: None,
            types: schema
                .events
                .iter()
                .map(|event| (event.name, event.kind == EventKind::Syscall))
                .collect(),
            names,
        }
    }

    pub(super) fn key(&self, id: NodeId) -> &Key {
        &self.nodes[id.0 as usize]
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter()
    }

    pub(super) fn fields(&self) -> HashMap<FieldRef, SourceId, FixedState> {
        self.fields.clone()
    }

    /// Takes in a condition.
    pub(super) fn condition(&mut self, condition: &Condition) -> NodeId {
        self.node(&condition.root)
    }

    fn node(&mut self, node: &Node) -> NodeId {
        match &node.kind {
            NodeKind::And(_) => {
                let mut members = Vec::new();
                self.and_members(node, &mut members);
                self.and(members)
            }
            NodeKind::Or(_) => {
                let mut members = Vec::new();
                self.or_members(node, &mut members);
                self.or(members)
            }
            NodeKind::Not(inner) => {
                let inner = self.node(inner);
                self.not(inner)
            }
            NodeKind::Macro { body, .. } => {
                let key = Arc::as_ptr(body);
                if let Some(&known) = self.macros.get(&key) {
                    return known;
                }
                let id = self.node(body);
                self.macros.insert(key, id);
                id
            }
            NodeKind::Check(check) => self.check(check),
        }
    }

    /// Members of an `and`, those of an `and` among them included. A macro stays one member: others may share it.
    fn and_members(&mut self, node: &Node, out: &mut Vec<NodeId>) {
        match &node.kind {
            NodeKind::And(members) => members
                .iter()
                .for_each(|member| self.and_members(member, out)),
            _ => out.push(self.node(node)),
        }
    }

    fn or_members(&mut self, node: &Node, out: &mut Vec<NodeId>) {
        match &node.kind {
            NodeKind::Or(members) => members
                .iter()
                .for_each(|member| self.or_members(member, out)),
            _ => out.push(self.node(node)),
        }
    }

    fn add(&mut self, key: Key) -> NodeId {
        let (index, new) = self.nodes.insert_full(key);
        if new {
            let typed = |ids: &[NodeId]| ids.iter().any(|id| self.typed[id.0 as usize]);
            let is_typed = match &self.nodes[index] {
                Key::Const(_) | Key::Compare { .. } => false,
                Key::And(members) | Key::Or(members) => typed(members),
                Key::Not(inner) => typed(&[*inner]),
                Key::Check(test) => {
                    matches!(self.sources[test.source.0 as usize], Source::Builtin(_))
                }
            };
            self.typed.push(is_typed);
        }
        NodeId(index as u32)
    }

    fn not(&mut self, inner: NodeId) -> NodeId {
        match self.key(inner) {
            Key::Not(twice) => *twice,
            Key::Const(truth) => {
                let opposite = !*truth;
                self.add(Key::Const(opposite))
            }
            _ => self.add(Key::Not(inner)),
        }
    }

    fn and(&mut self, members: Vec<NodeId>) -> NodeId {
        let members = self.merged(members, merge_in_and);
        self.joined(members, true)
    }

    /// A node that holds where one of these does.
    pub(super) fn or(&mut self, members: Vec<NodeId>) -> NodeId {
        let members = self.merged(members, merge_in_or);
        self.joined(members, false)
    }

    /// `and`, or with `is_and` false `or`, of members of which none can be merged.
    fn joined(&mut self, mut members: Vec<NodeId>, is_and: bool) -> NodeId {
        members.sort_unstable();
        members.dedup();
        // True decides an `or` and adds nothing to an `and`; false the other way round.
        if members
            .iter()
            .any(|member| self.key(*member) == &Key::Const(!is_and))
        {
            return self.add(Key::Const(!is_and));
        }
        members.retain(|member| self.key(*member) != &Key::Const(is_and));
        match members[..] {
            [] => self.add(Key::Const(is_and)),
            [single] => single,
            _ if is_and => self.add(Key::And(members)),
            _ => self.add(Key::Or(members)),
        }
    }

    /// Replaces checks of one source that `merge` puts under one heading by one check.
    fn merged(
        &mut self,
        members: Vec<NodeId>,
        merge: fn(&TestKey) -> Option<Heading>,
    ) -> Vec<NodeId> {
        let mut rest = Vec::with_capacity(members.len());
        let mut groups: IndexMap<TestKey, Vec<NodeId>, FixedState> = IndexMap::default();
        for member in members {
            let heading = match self.key(member) {
                Key::Check(test) => merge(test).map(|(op, modifier)| TestKey {
                    op,
                    modifier,
                    values: Vec::new(),
                    ..test.clone()
                }),
                _ => None,
            };
            match heading {
                Some(heading) => groups.entry(heading).or_default().push(member),
                None => rest.push(member),
            }
        }
        for (heading, grouped) in groups {
            if let [single] = grouped[..] {
                rest.push(single);
                continue;
            }
            let mut values: IndexSet<Constant, FixedState> = IndexSet::default();
            for member in grouped {
                if let Key::Check(test) = self.key(member) {
                    values.extend(test.values.iter().cloned());
                }
            }
            let values = values.into_iter().collect();
            rest.push(self.add(Key::Check(TestKey { values, ..heading })));
        }
        rest
    }

    fn check(&mut self, check: &Check) -> NodeId {
        let source = self.operand(&check.operand);
        let (ty, multiplicity) = (check.operand.ty(), check.operand.multiplicity());
        let (op, modifier, values) = match &check.test {
            Test::Exists => (Operator::Exists, None, Vec::new()),
            Test::Constants {
                op,
                modifier,
                values,
            } => (*op, *modifier, values.clone()),
            Test::Operand { op, right } => {
                let right = self.operand(right);
                return self.add(Key::Compare {
                    left: source,
                    right,
                    op: *op,
                    ty,
                    multiplicity,
                });
            }
        };
        if let Operand::Field(field) = &check.operand
            && field.is_plain(self.names.number)
            && modifier.is_none()
            && number_check(op, &values) == Some(false)
        {
            return self.add(Key::Const(false));
        }
        self.add(Key::Check(TestKey {
            source,
            ty,
            multiplicity,
            op,
            modifier,
            values,
        }))
    }

    /// The source of an operand.
    fn operand(&mut self, operand: &Operand) -> SourceId {
        let transform = match operand {
            Operand::Field(field) => return self.field(&field.field),
            Operand::Transform(transform) => transform.clone(),
            // Check lets only fields and transformers stand on either side.
            Operand::Text(_) | Operand::Number(_) | Operand::List(_) => {
                unreachable!("a constant operand stands only inside a transformer")
            }
        };
        let mut uses: Vec<FieldUse> = Vec::new();
        operand.for_each_field(&mut |field| {
            if !uses.contains(field) {
                uses.push(field.clone());
            }
        });
        let inputs = uses.into_iter().map(|used| {
            let source = self.field(&used.field);
            (used.field, source)
        });
        let inputs = inputs.collect();
        self.add_source(Source::Transform { transform, inputs })
    }

    /// The source of a field.
    pub(super) fn field(&mut self, field: &FieldRef) -> SourceId {
        if let Some(&known) = self.fields.get(field) {
            return known;
        }
        let source = match self.builtin(field) {
            Some(builtin) => Source::Builtin(builtin),
            None => Source::Field(field.clone()),
        };
        let id = self.add_source(source);
        self.fields.insert(field.clone(), id);
        id
    }

    fn add_source(&mut self, source: Source) -> SourceId {
        SourceId(self.sources.insert_full(source).0 as u32)
    }

    fn builtin(&self, field: &FieldRef) -> Option<Builtin> {
        let is = |name: Option<FieldId>| name == Some(field.id);
        match &field.arg {
            FieldKey::None if is(self.names.evt_type) => Some(Builtin::EventType),
            FieldKey::None if is(self.names.syscall_type) => Some(Builtin::SyscallType),
            FieldKey::None if is(self.names.direction) => Some(Builtin::Direction),
            FieldKey::Name(name) if is(self.names.type_is) => {
                self.schema.event(name).map(|event| Builtin::Is(event.0))
            }
            _ => None,
        }
    }

    /// What is left of a node for events of one type.
    pub(super) fn for_event(&mut self, id: NodeId, event: EventTypeId) -> NodeId {
        if self.decided_for != Some(event) {
            self.decided.clear();
            self.decided_for = Some(event);
        }
        if !self.typed[id.0 as usize] {
            return id;
        }
        if let Some(&known) = self.decided.get(&id) {
            return known;
        }
        let left = match self.key(id).clone() {
            Key::And(members) => {
                let members = members
                    .into_iter()
                    .map(|member| self.for_event(member, event))
                    .collect();
                self.and(members)
            }
            Key::Or(members) => {
                let members = members
                    .into_iter()
                    .map(|member| self.for_event(member, event))
                    .collect();
                self.or(members)
            }
            Key::Not(inner) => {
                let inner = self.for_event(inner, event);
                self.not(inner)
            }
            Key::Check(test) => self.decide(id, &test, event),
            Key::Const(_) | Key::Compare { .. } => id,
        };
        self.decided.insert(id, left);
        left
    }

    /// The result of a check that the event's type decides.
    fn decide(&mut self, id: NodeId, test: &TestKey, event: EventTypeId) -> NodeId {
        let Source::Builtin(builtin) = self.sources[test.source.0 as usize] else {
            return id;
        };
        let matcher = self.deciders.entry(id).or_insert_with(|| test.matcher());
        let value = builtin_value(builtin, event.0, &self.types);
        let truth = value.is_some_and(|value| matcher.matches(value, &Bump::new()));
        self.add(Key::Const(truth))
    }

    /// What each node costs, and the matchers that were built to know it.
    pub(super) fn costs(&self) -> (Vec<u32>, Matchers) {
        let sources: Vec<u32> = self
            .sources
            .iter()
            .map(|source| self.source_cost(source))
            .collect();
        let mut costs: Vec<u32> = Vec::with_capacity(self.nodes.len());
        let mut matchers = Matchers::default();
        for key in &self.nodes {
            // Members are older than what they are members of.
            let of = |id: &NodeId| costs[id.0 as usize];
            let cost = match key {
                Key::Const(_) => 0,
                Key::And(members) | Key::Or(members) => {
                    members.iter().map(of).fold(1, u32::saturating_add)
                }
                Key::Not(inner) => of(inner),
                Key::Check(test) => {
                    let matcher = test.matcher();
                    let cost = sources[test.source.0 as usize].saturating_add(matcher.cost());
                    matchers.insert(NodeId(costs.len() as u32), matcher);
                    cost
                }
                Key::Compare { left, right, .. } => {
                    sources[left.0 as usize].saturating_add(sources[right.0 as usize])
                }
            };
            costs.push(cost);
        }
        (costs, matchers)
    }

    fn source_cost(&self, source: &Source) -> u32 {
        let of_field =
            |field: &FieldRef| cost::of_field(self.schema.field_def(field.id), &field.arg);
        match source {
            Source::Builtin(_) => 1,
            Source::Field(field) => of_field(field),
            Source::Transform { inputs, .. } => inputs
                .iter()
                .map(|(field, _)| of_field(field))
                .fold(cost::TRANSFORM, u32::saturating_add),
        }
    }
}

/// Under what merged checks stand: which operator, with which modifier.
type Heading = (Operator, Option<Modifier>);

/// How an `or` may merge a check with others of its source: as a check that holds when it holds for one of the constants.
fn merge_in_or(test: &TestKey) -> Option<Heading> {
    use Operator as Op;
    let one_suffices = matches!(test.modifier, None | Some(Modifier::Anyof));
    if test.multiplicity == Multiplicity::List || !one_suffices {
        return None;
    }
    match test.op {
        Op::Eq | Op::In | Op::Intersects => Some((Op::In, None)),
        Op::Pmatch => Some((Op::Pmatch, None)),
        Op::Contains
        | Op::Icontains
        | Op::Bcontains
        | Op::Startswith
        | Op::Bstartswith
        | Op::Endswith
        | Op::Glob
        | Op::Iglob => Some((test.op, Some(Modifier::Anyof))),
        _ => None,
    }
}

/// How an `and` may merge a check with others of its source: as a check for a value that is none of the constants. Of several
/// values each check may mean another one, so those are left alone.
fn merge_in_and(test: &TestKey) -> Option<Heading> {
    let all = matches!(test.modifier, None | Some(Modifier::Allof)) && !test.values.is_empty();
    (test.op == Operator::Ne && all && test.multiplicity == Multiplicity::One)
        .then_some((Operator::Ne, Some(Modifier::Allof)))
}
