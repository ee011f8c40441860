//! The plan of the rules' filter, lowered to the tables that the kernel programs evaluate.
//!
//! In: `rule_engine`'s plan. Out: [`Tables`]; and [`decided`], which says what of a plan the kernel asks, so that its twin can be
//! asked the same. Never: an event held back that the plan lets pass: what does not fit is not asked.

mod gate;
mod tree;

use std::net::IpAddr;

use exporter_ebpf::plan::{
    Atom as Question, FILTER_ATOMS_MAX, FILTER_PATTERN_BYTES_MAX, FILTER_PLAN_ATOMS_MAX,
    FILTER_PLAN_TESTS_MAX, FILTER_PLANS_MAX, FILTER_TESTS_MAX, Filter, NUMBER_ARG, NUMBER_FAMILY,
    NUMBER_FILE_TYPE, NUMBER_GID, NUMBER_IN_CONTAINER, NUMBER_LOCAL_PORT, NUMBER_OPEN_FLAGS,
    NUMBER_OPEN_MODE, NUMBER_REMOTE_PORT, NUMBER_RESULT, NUMBER_SOCKET_TYPE, NUMBER_UID, Plan,
    STAGE_CALL, STAGE_FILE, STAGE_PLACE, STAGE_SOCKET, STAGES, Span, TEST_BITS, TEST_LAST,
    TEXT_COMM, TEXT_LOCAL, TEXT_PATH, TEXT_RAW_PATH, TEXT_REMOTE, TEXTS, Test,
};
use exporter_ebpf::record::CALL_SOCKETCALL;
use exporter_ebpf::syscall::NUMBERS;
use rule_engine::filter::{
    self, Atom, Clause, EventPlan, Number, NumberTest, Pattern, Side, Subnet, Text,
};
use rule_engine::schema::Schema;
use zerocopy::{FromZeros, IntoBytes};

pub use self::gate::{Gate, Places};
use self::tree::{Tree, Trees};

/// Ranges that the kernel compares a number with.
const RANGES_MAX: usize = 16;
/// The calls that open a file by its path.
const OPENS: [&str; 4] = ["open", "openat", "openat2", "creat"];
/// Programs that were executed, and the attempts that failed: what happens later is understood through them.
const ALWAYS: [&str; 2] = ["execve", "execveat"];

/// What the kernel programs go by.
pub struct Tables {
    filter: Box<Filter>,
    /// Event types for which there was no room.
    unfiltered: Vec<&'static str>,
}

impl Tables {
    /// Tables for a plan. Calls of which `fed` is true are needed whether a rule wants them or not, and pass.
    #[must_use]
    pub fn of(plan: &filter::Plan, schema: &Schema, fed: impl Fn(&str) -> bool) -> Self {
        let mut plans: Vec<(&'static str, EventPlan)> = plan
            .events
            .iter()
            .map(|(event, plan)| (schema.event_def(*event).name, plan))
            .filter(|(name, _)| is_filtered(name) && !fed(name))
            .map(|(name, plan)| (name, decided(name, plan)))
            .filter(|(_, plan)| !plan.passes_all())
            .collect();
        // One that is too large leaves room for the others.
        plans.sort_by_key(|(name, plan)| (size(plan), *name));
        let mut builder = Builder::new();
        let mut entered: Vec<(EventPlan, u8)> = Vec::new();
        let mut plan_of = [0; 256];
        let mut unfiltered = Vec::new();
        for (name, plan) in plans {
            let known = entered.iter().find(|(known, _)| *known == plan);
            let number = match known {
                Some((_, number)) => Some(*number),
                None => builder.enter(&plan),
            };
            let Some(number) = number else {
                unfiltered.push(name);
                continue;
            };
            entered.push((plan, number));
            for call in NUMBERS.iter().filter(|call| call.name == name) {
                if call.call != CALL_SOCKETCALL {
                    plan_of[usize::from(call.call)] = number;
                }
            }
        }
        let mut filter = builder.filter();
        filter.plan_of = plan_of;
        Self { filter, unfiltered }
    }

    /// Event types that all pass because the tables are full.
    #[must_use]
    pub fn unfiltered(&self) -> &[&'static str] {
        &self.unfiltered
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.filter.as_bytes()
    }
}

/// Whether events of a type may be held back at all.
#[must_use]
pub fn is_filtered(event: &str) -> bool {
    !ALWAYS.contains(&event)
}

/// Patterns in a plan.
fn size(plan: &EventPlan) -> usize {
    let patterns = |atom: &Atom| match atom {
        Atom::Text(_, any) => any.len(),
        _ => 1,
    };
    plan.atoms.iter().map(patterns).sum()
}

/// The plan of an event type without the questions that the kernel does not ask.
#[must_use]
pub fn decided(event: &str, plan: &EventPlan) -> EventPlan {
    let kept: Vec<usize> = (0..plan.atoms.len())
        .filter(|at| asks(event, &plan.atoms[*at]))
        .collect();
    let project = |mask: u64| {
        kept.iter()
            .enumerate()
            .fold(0, |bits, (to, from)| bits | (mask >> from & 1) << to)
    };
    let mut clauses: Vec<Clause> = Vec::new();
    for clause in &plan.clauses {
        let clause = Clause {
            required: project(clause.required),
            refused: project(clause.refused),
        };
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    }
    EventPlan {
        atoms: kept.iter().map(|at| plan.atoms[*at].clone()).collect(),
        clauses,
        ..EventPlan::default()
    }
}

/// Whether the kernel asks this about events of a type.
fn asks(event: &str, atom: &Atom) -> bool {
    let (opens, connects) = (OPENS.contains(&event), event == "connect");
    match atom {
        Atom::Number(number, test) => {
            let known = match number {
                Number::Result | Number::Uid | Number::Gid => true,
                Number::OpenFlags | Number::OpenMode | Number::FileType => opens,
                Number::Family | Number::SocketType => connects,
                Number::LocalPort | Number::RemotePort => connects,
                Number::Arg(number) => *number < 6 && !opens && !connects,
            };
            known && !matches!(test, NumberTest::Within(ranges) if ranges.len() > RANGES_MAX)
        }
        Atom::Text(text, any) => {
            let known = match text {
                Text::Comm | Text::Path => true,
                Text::RawPath => opens,
                // To build the path of the program for every call would cost more than it holds back.
                Text::Exe => false,
            };
            known && any.iter().all(|pattern| fits(*text, pattern))
        }
        Atom::Address(..) => connects,
        Atom::InContainer => true,
    }
}

/// Whether the trees can hold a pattern.
fn fits(text: Text, pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Is(bytes)
        | Pattern::Starts(bytes)
        | Pattern::Ends(bytes)
        | Pattern::Named(bytes) => bytes.len() <= FILTER_PATTERN_BYTES_MAX,
        Pattern::Within(bytes) => {
            text != Text::Comm && (1..=FILTER_PATTERN_BYTES_MAX).contains(&bytes.len())
        }
        Pattern::Dots => text == Text::RawPath,
    }
}

/// Fills the tables plan by plan.
struct Builder {
    plans: Vec<Plan>,
    tests: Vec<Test>,
    questions: Vec<Question>,
    trees: Trees,
}

/// What survives an answer.
#[derive(Clone, Copy)]
struct Surviving {
    if_true: u64,
    if_false: u64,
}

impl Surviving {
    fn of(plan: &EventPlan, bit: usize) -> Self {
        let clauses = plan.clauses.iter().enumerate();
        let (mut if_true, mut if_false) = (u64::MAX, u64::MAX);
        for (number, clause) in clauses {
            if_true &= !((clause.refused >> bit & 1) << number);
            if_false &= !((clause.required >> bit & 1) << number);
        }
        Self { if_true, if_false }
    }

    /// The clauses that ask.
    fn asking(self) -> u64 {
        !(self.if_true & self.if_false)
    }
}

impl Builder {
    fn new() -> Self {
        Self {
            // Plan 0 is none.
            plans: vec![Plan::new_zeroed()],
            tests: Vec::new(),
            questions: Vec::new(),
            trees: Trees::new(),
        }
    }

    /// Enters a plan and gives its number; `None`, and nothing is entered, when there is no room.
    fn enter(&mut self, plan: &EventPlan) -> Option<u8> {
        let (tests, questions, trees) =
            (self.tests.len(), self.questions.len(), self.trees.clone());
        let entered = self.try_enter(plan);
        if entered.is_none() {
            self.tests.truncate(tests);
            self.questions.truncate(questions);
            self.trees = trees;
        }
        entered
    }

    fn try_enter(&mut self, plan: &EventPlan) -> Option<u8> {
        let mut to = Plan::new_zeroed();
        to.clauses = plan
            .clauses
            .iter()
            .enumerate()
            .fold(0, |all, (number, _)| all | 1 << number);
        let atoms = |wanted: usize, of: fn(&Atom) -> usize| {
            let atoms = plan.atoms.iter().enumerate();
            atoms
                .filter(move |(_, atom)| of(atom) == wanted)
                .map(|(bit, atom)| (atom, Surviving::of(plan, bit)))
                .collect::<Vec<_>>()
        };
        for stage in 0..STAGES {
            let first = self.tests.len();
            for (atom, surviving) in atoms(stage, stage_of) {
                to.asked[stage] |= surviving.asking();
                self.tests.extend(tests_of(atom, surviving));
            }
            to.tests[stage] = span(
                first,
                self.tests.len(),
                FILTER_PLAN_TESTS_MAX,
                FILTER_TESTS_MAX,
            )?;
        }
        for text in 0..TEXTS {
            let atoms = atoms(text, text_of);
            let first = self.questions.len();
            self.questions
                .extend(atoms.iter().map(|(_, surviving)| Question {
                    if_true: surviving.if_true,
                    if_false: surviving.if_false,
                }));
            let questions = span(
                first,
                self.questions.len(),
                FILTER_PLAN_ATOMS_MAX,
                FILTER_ATOMS_MAX,
            )?;
            let asking = atoms
                .iter()
                .fold(0, |all, (_, surviving)| all | surviving.asking());
            to.texts[text] = self.text(atoms.iter().map(|(atom, _)| *atom))?;
            to.texts[text].atoms = questions;
            to.texts[text].clauses = asking;
            to.late |= asking;
        }
        to.late |= to.asked.iter().skip(1).fold(0, |all, asked| all | asked);
        let number = self.plans.len();
        if number >= FILTER_PLANS_MAX {
            return None;
        }
        self.plans.push(to);
        u8::try_from(number).ok()
    }

    /// The trees of the atoms about one text.
    fn text<'p>(
        &mut self,
        atoms: impl Iterator<Item = &'p Atom>,
    ) -> Option<exporter_ebpf::plan::Text> {
        let (mut forward, mut backward) = (Tree::default(), Tree::default());
        let mut to = exporter_ebpf::plan::Text::new_zeroed();
        for (number, atom) in atoms.enumerate() {
            let bit = 1 << number;
            match atom {
                Atom::Text(_, any) => {
                    for pattern in any {
                        enter_pattern(pattern, bit, &mut forward, &mut backward, &mut to);
                    }
                }
                Atom::Address(_, any) => {
                    for subnet in any {
                        for pattern in beginnings(*subnet) {
                            forward.end_of(pattern).always |= bit;
                        }
                    }
                }
                Atom::Number(..) | Atom::InContainer => {}
            }
        }
        backward.sum_up();
        to.forward = self.trees.enter(&forward)?;
        to.backward = self.trees.enter(&backward)?;
        Some(to)
    }

    fn filter(self) -> Box<Filter> {
        let (slots, accepts) = self.trees.used();
        tracing::debug!(
            plans = self.plans.len(),
            tests = self.tests.len(),
            questions = self.questions.len(),
            slots,
            accepts,
            "the kernel filter's tables"
        );
        // There is memory for two megabytes, or there is none for an agent.
        #[allow(
            clippy::expect_used,
            reason = "as any other allocation, this ends the process if it fails"
        )]
        let mut filter = Filter::new_box_zeroed().expect("memory");
        filter.plans[..self.plans.len()].copy_from_slice(&self.plans);
        filter.tests[..self.tests.len()].copy_from_slice(&self.tests);
        filter.atoms[..self.questions.len()].copy_from_slice(&self.questions);
        filter.accepts[..accepts].copy_from_slice(&self.trees.accepts);
        filter.slots.copy_from_slice(&self.trees.slots);
        filter
    }
}

/// A part of a table, if it is within the limits of a plan and of the table.
fn span(first: usize, end: usize, most: usize, all: usize) -> Option<Span> {
    let count = end - first;
    (count <= most && end <= all).then_some(Span {
        first: u16::try_from(first).ok()?,
        count: u16::try_from(count).ok()?,
    })
}

/// When an atom is asked; for those about texts none of the stages.
fn stage_of(atom: &Atom) -> usize {
    match atom {
        Atom::Number(Number::FileType, _) => STAGE_FILE,
        Atom::Number(
            Number::Family | Number::SocketType | Number::LocalPort | Number::RemotePort,
            _,
        ) => STAGE_SOCKET,
        Atom::Number(..) => STAGE_CALL,
        Atom::InContainer => STAGE_PLACE,
        Atom::Text(..) | Atom::Address(..) => STAGES,
    }
}

/// What an atom is about; for those about numbers none of the texts.
fn text_of(atom: &Atom) -> usize {
    match atom {
        Atom::Text(Text::Comm, _) => TEXT_COMM,
        Atom::Text(Text::RawPath, _) => TEXT_RAW_PATH,
        Atom::Text(Text::Path, _) => TEXT_PATH,
        Atom::Address(Side::Local, _) => TEXT_LOCAL,
        Atom::Address(Side::Remote, _) => TEXT_REMOTE,
        Atom::Text(Text::Exe, _) | Atom::Number(..) | Atom::InContainer => TEXTS,
    }
}

fn tests_of(atom: &Atom, surviving: Surviving) -> Vec<Test> {
    let test = |first, last, flags| Test {
        first,
        last,
        if_true: surviving.if_true,
        if_false: surviving.if_false,
        number: number_of(atom),
        flags,
        pad: [0; 3],
    };
    let mut tests = match atom {
        Atom::Number(_, NumberTest::Bits { mask, value }) => {
            vec![test(mask.cast_signed(), value.cast_signed(), TEST_BITS)]
        }
        Atom::Number(_, NumberTest::Within(ranges)) if !ranges.is_empty() => {
            ranges.iter().map(|(a, b)| test(*a, *b, 0)).collect()
        }
        Atom::InContainer => vec![test(1, 1, 0)],
        // No number is in no range.
        _ => vec![test(1, 0, 0)],
    };
    if let Some(last) = tests.last_mut() {
        last.flags |= TEST_LAST;
    }
    tests
}

fn number_of(atom: &Atom) -> u32 {
    let Atom::Number(number, _) = atom else {
        return NUMBER_IN_CONTAINER;
    };
    match number {
        Number::Result => NUMBER_RESULT,
        Number::OpenFlags => NUMBER_OPEN_FLAGS,
        Number::OpenMode => NUMBER_OPEN_MODE,
        Number::FileType => NUMBER_FILE_TYPE,
        Number::Uid => NUMBER_UID,
        Number::Gid => NUMBER_GID,
        Number::Family => NUMBER_FAMILY,
        Number::SocketType => NUMBER_SOCKET_TYPE,
        Number::LocalPort => NUMBER_LOCAL_PORT,
        Number::RemotePort => NUMBER_REMOTE_PORT,
        Number::Arg(number) => NUMBER_ARG + u32::from(*number),
    }
}

/// Enters a pattern of the atom that `bit` stands for.
fn enter_pattern(
    pattern: &Pattern,
    bit: u64,
    forward: &mut Tree,
    backward: &mut Tree,
    to: &mut exporter_ebpf::plan::Text,
) {
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<_>>();
    match pattern {
        Pattern::Is(text) => backward.end_of(reversed(text)).whole |= bit,
        Pattern::Ends(end) => backward.end_of(reversed(end)).always |= bit,
        // The last component holds no slash.
        Pattern::Named(name) if name.contains(&b'/') => {}
        Pattern::Named(name) => backward.end_of(reversed(name)).edge |= bit,
        Pattern::Starts(start) => {
            forward.end_of(start.iter().copied()).always |= bit;
            if !start.is_empty() {
                to.beginnings |= bit;
            }
        }
        Pattern::Within(directory) => {
            // Before the first slash of all there is nothing.
            let before: &[u8] = if **directory == *b"/" { b"" } else { directory };
            forward.end_of(before.iter().copied()).edge |= bit;
            to.beginnings |= bit;
        }
        Pattern::Dots => {
            to.dots |= bit;
            to.beginnings |= bit;
        }
    }
}

/// How the addresses of a network begin, whole bytes each, behind the number of their family.
fn beginnings(subnet: Subnet) -> Vec<Vec<u8>> {
    let (family, address) = match subnet.address {
        IpAddr::V4(address) => (4, address.octets().to_vec()),
        IpAddr::V6(address) => (6, address.octets().to_vec()),
    };
    let (whole, bits) = (usize::from(subnet.prefix / 8), subnet.prefix % 8);
    let mut start = vec![family];
    start.extend(address.iter().take(whole));
    let Some(partial) = address.get(whole).filter(|_| bits > 0) else {
        return vec![start];
    };
    let low = 0xff_u8 >> bits;
    (partial & !low..=partial | low)
        .map(|byte| [&start[..], &[byte]].concat())
        .collect()
}
