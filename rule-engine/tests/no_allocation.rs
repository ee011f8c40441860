//! An event that matches nothing takes no memory from the allocator, once the evaluator has seen a few events.

use bumpalo::Bump;
use rule_engine::eval::Evaluator;
use rule_engine::load::{LoadOptions, load};
use rule_engine::program::RuleSet;
use rule_engine::schema::{EventTypeId, Schema};
use rule_engine::source::Source;
use rule_engine::value::{FieldRef, Fields, Value};
use testing::allocations::{self, Counting};

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
    let rule = |(number, condition): (usize, &&str)| {
        format!(
            "- rule: rule {number}\n  desc: a rule\n  priority: NOTICE\n  output: \"%fd.name %proc.name\"\n  \
             condition: >\n    {condition}\n"
        )
    };
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: CONDITIONS.iter().enumerate().map(rule).collect(),
    };
    let loaded = load(vec![source], schema, &LoadOptions::default());
    loaded.rules.expect("the rules are right")
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
        let mut matches = 0;
        let calls = allocations::during(|| {
            for event in &events {
                evaluator.evaluate(&set, event, |_| matches += 1);
            }
        });
        assert_eq!(matches, 0, "the events match nothing");
        calls
    };
    // The first rounds find how much memory there has to be, and fill the caches of automata.
    (0..100).for_each(|_| _ = judge());
    assert_eq!((0..1000).map(|_| judge()).sum::<u64>(), 0);
}
