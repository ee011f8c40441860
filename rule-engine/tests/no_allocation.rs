//! An event that matches nothing takes no memory from the allocator, once the evaluator has seen a few events.

#![allow(
    unsafe_code,
    reason = "counting allocations needs an allocator of our own"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bumpalo::Bump;
use rule_engine::compile::{RuleSpec, rule_set};
use rule_engine::eval::Evaluator;
use rule_engine::priority::Priority;
use rule_engine::program::{Matching, RuleSet};
use rule_engine::schema::{EventTypeId, Schema};
use rule_engine::source::TextId;
use rule_engine::value::{FieldRef, Fields, Value};
use rule_engine::{check, parse, template};

/// The system's allocator, counting calls by thread.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // While a thread ends there is nothing left to count with.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call is handed on as it is; counting touches only a thread-local number that needs no allocation.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises about `layout` are those that System asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from System with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the pointer came from System with this layout.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// An open of a file; text fields are put together in the arena, as a host has to.
struct Open {
    ty: EventTypeId,
    name: &'static [u8],
    text: &'static [u8],
}

impl Fields for Open {
    fn event_type(&self) -> EventTypeId {
        self.ty
    }

    fn get<'a>(&'a self, field: &FieldRef, arena: &'a Bump) -> Option<Value<'a>> {
        match field.id.0 % 3 {
            0 => None,
            _ if self.name.is_empty() => None,
            1 => Some(Value::Text(arena.alloc_slice_copy(self.name))),
            _ => Some(Value::Text(self.text)),
        }
    }
}

/// Conditions of every kind of work: sets, automata, patterns, transformers, right sides. None holds for a [`Open`].
const CONDITIONS: &[&str] = &[
    "proc.name in (a, b, c) or proc.name contains zzz1 or proc.name contains zzz2",
    "fd.name icontains zzz or fd.name glob \"zz[z]*\" or fd.name pmatch (/zzz, /z*/y)",
    "fd.name regex \"zz[[:digit:]]+\" or proc.exepath regex \"z(a|b)*\"",
    "proc.name = anyof (x, y, zzz) and fd.name != allof (v, w)",
    "tolower(fd.name) = zzz or toupper(basename(proc.exepath)) in (X, Y)",
    "concat(proc.name, fd.name, proc.exepath) = zzz or join(\"-\", (proc.name, fd.name)) = zzz",
    "len(proc.name) > 5000 or b64(proc.name) = zzz",
    "fd.name glob val(proc.exepath) and proc.name = zzz",
    "getopt((proc.name, proc.exepath, fd.name), \"x:\")[x] = zzz",
    "evt.type in (open, openat) and not proc.name exists and fd.name = zzz",
    "proc.cmdline startswith zzz or proc.cmdline endswith zzz",
];

fn rules(schema: &Schema) -> RuleSet {
    let spec = |(position, text): (usize, &&str)| {
        let expr = parse::condition(text, TextId(0)).expect("the condition parses");
        let checked = check::condition(&expr, schema).expect("the condition is right");
        let (output, _) =
            template::parse("%fd.name %proc.name", TextId(0), schema).expect("the output is right");
        RuleSpec {
            name: format!("rule {position}"),
            desc: "a rule".to_owned(),
            priority: Priority::Notice,
            source: "syscall".to_owned(),
            file: "rules.yaml".to_owned(),
            tags: Vec::new(),
            enabled: true,
            position,
            condition: checked.typed,
            events: checked.events,
            output,
        }
    };
    rule_set(
        CONDITIONS.iter().enumerate().map(spec).collect(),
        schema,
        Matching::All,
    )
}

#[test]
fn events_that_match_nothing_allocate_nothing() {
    let schema = Schema::syscall();
    let set = rules(&schema);
    let open = schema.event("open").expect("the event type exists");
    let long: &[u8] = &[b'q'; 4096];
    let events = [
        Open {
            ty: open,
            name: b"/home/file.txt",
            text: b"init",
        },
        Open {
            ty: open,
            name: b"bad \xff utf-8",
            text: b"\xff\xfe",
        },
        Open {
            ty: open,
            name: long,
            text: long,
        },
        Open {
            ty: open,
            name: b"",
            text: b"",
        },
        Open {
            ty: schema.event("close").expect("the event type exists"),
            name: b"q",
            text: b"-x",
        },
    ];
    let mut evaluator = Evaluator::new(&set);
    let mut judge = || {
        let before = CALLS.get();
        let mut matches = 0;
        for event in &events {
            evaluator.evaluate(&set, event, |_| matches += 1);
        }
        assert_eq!(matches, 0, "the events match nothing");
        CALLS.get() - before
    };
    // The first rounds find how much memory there has to be, and fill the caches of automata.
    (0..100).for_each(|_| _ = judge());
    assert_eq!((0..1000).map(|_| judge()).sum::<u64>(), 0);
    // The count is no constant zero.
    let before = CALLS.get();
    drop(std::hint::black_box(vec![1]));
    assert_eq!(CALLS.get() - before, 1);
}
