//! Places, trails and advice of what check finds; what it accepts is tested where conditions are judged.

use super::*;
use crate::ast::Expr;
use crate::samples::checked;

fn errors(text: &str) -> Vec<Finding> {
    checked(text).expect_err(text)
}

fn warnings(text: &str) -> Vec<(Code, String)> {
    let found = checked(text).expect(text).warnings;
    found
        .into_iter()
        .map(|finding| (finding.code, finding.message))
        .collect()
}

/// `call`, a place of text 1, expands to `body`, whose text is text 2.
fn expanded(name: &str, body: &Arc<Expr>, start: u32) -> Expr {
    let kind = ExprKind::Expanded {
        name: name.to_owned(),
        body: Arc::clone(body),
    };
    Expr {
        kind,
        range: TextRange {
            text: TextId(1),
            start,
            end: start + 1,
        },
    }
}

#[test]
fn all_errors_are_found_each_at_its_place() {
    let text = "proc.nmae = x and (fd.num = abc or not evt.type in (open, opne)) and proc.pid contains 5 and nosuch";
    let found: Vec<_> = errors(text)
        .into_iter()
        .map(|finding| {
            (
                &text[finding.range.start as usize..finding.range.end as usize],
                finding.message,
            )
        })
        .collect();
    let expected = [
        (
            "proc.nmae",
            "filter_check called with nonexistent field proc.nmae",
        ),
        ("abc", "abc is not a valid number"),
        ("opne", "unknown event type opne"),
        (
            "contains",
            "filter error: 'contains' operator not supported for numeric filters",
        ),
        ("nosuch", "undefined macro 'nosuch' used in filter"),
    ];
    assert_eq!(
        found,
        expected.map(|(place, message)| (place, message.to_owned()))
    );
}

#[test]
fn names_get_suggestions() {
    for (text, help) in [
        ("proc.nmae = x", Some("did you mean `proc.name`?")),
        ("evt.type = opne", Some("did you mean `open`?")),
        ("evt.arg.flgas = x", Some("did you mean `flags`?")),
        ("evt.type.is.opne = 1", Some("did you mean `open`?")),
        (
            "proc.name[1] = x",
            Some("`proc.name` exists, but not with this argument"),
        ),
        ("zzzzzz.zzzz = x", None),
        ("fd.num = 1.5", Some("numbers are whole and decimal")),
    ] {
        assert_eq!(errors(text)[0].help.as_deref(), help, "{text}");
    }
}

#[test]
fn only_unknown_fields_and_event_types_are_forgiven() {
    for (text, forgiven) in [
        ("nosuch.field = x", true),
        ("proc.name[1] = x", true),
        ("evt.type = nosuch", true),
        ("evt.arg.nosuch = x", false),
        ("fd.num = x", false),
        ("proc.pid contains 5", false),
    ] {
        assert_eq!(errors(text)[0].unknown_filter, forgiven, "{text}");
    }
}

#[test]
fn errors_in_macros_have_a_trail_and_are_told_once() {
    let schema = Schema::syscall();
    let body = Arc::new(parse::condition("nosuch.field = x", TextId(3)).unwrap());
    let middle = Arc::new(Expr {
        kind: ExprKind::Not(Box::new(expanded("inner", &body, 4))),
        range: TextRange {
            text: TextId(2),
            start: 0,
            end: 5,
        },
    });
    let root = Expr {
        kind: ExprKind::And(vec![
            expanded("outer", &middle, 10),
            expanded("outer", &middle, 20),
            expanded("inner", &body, 30),
        ]),
        range: TextRange {
            text: TextId(1),
            start: 0,
            end: 40,
        },
    };
    let found = condition(&root, &schema).unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].range.text, TextId(3));
    let trail: Vec<_> = found[0].trail.iter().map(|range| range.start).collect();
    assert_eq!(trail, [10, 4]);
}

#[test]
fn macros_that_double_are_checked_in_no_time() {
    let schema = Schema::syscall();
    let mut body =
        Arc::new(parse::condition("proc.name = x or evt.type = open", TextId(0)).unwrap());
    for _ in 0..100 {
        let kind = ExprKind::And(vec![expanded("m", &body, 0), expanded("m", &body, 1)]);
        body = Arc::new(Expr {
            kind,
            range: TextRange::default(),
        });
    }
    let found = condition(&body, &schema).unwrap();
    assert_eq!(found.events, EventSet::all(&schema));
}

#[test]
fn depth_is_limited() {
    let schema = Schema::syscall();
    let nest = |levels: usize| {
        let leaf = parse::condition("proc.name = x", TextId(0)).unwrap();
        (0..levels).fold(leaf, |inner, _| Expr {
            kind: ExprKind::Not(Box::new(inner)),
            range: TextRange::default(),
        })
    };
    assert!(condition(&nest(MAX_DEPTH - 1), &schema).is_ok());
    let message = "the condition nests deeper than 1000 levels";
    let found = condition(&nest(MAX_DEPTH), &schema).unwrap_err();
    assert_eq!(found[0].message, message);
    // Macros met before count with their own depth.
    let half = Arc::new(nest(600));
    let calls = (0..300).fold(expanded("m", &half, 0), |inner, _| Expr {
        kind: ExprKind::Not(Box::new(inner)),
        range: TextRange::default(),
    });
    let both = |second: Expr| Expr {
        kind: ExprKind::And(vec![expanded("m", &half, 1), second]),
        range: TextRange::default(),
    };
    assert!(condition(&both(calls.clone()), &schema).is_ok());
    let calls = (0..100).fold(calls, |inner, _| Expr {
        kind: ExprKind::Not(Box::new(inner)),
        range: TextRange::default(),
    });
    let found = condition(&both(calls), &schema).unwrap_err();
    assert_eq!(found[0].message, message);
}

#[test]
fn remarks() {
    use Code::{ConditionRemark as Remark, DeprecatedItem as Deprecated};
    for (row, text, expected) in [
        (
            74,
            "fd.name regex \"usr\"",
            vec![(Remark, "regex check with 'usr' may be optimized")],
        ),
        (
            74,
            "fd.name regex \".*usr.+\"",
            vec![(Remark, "regex check with '.*usr.+' may be optimized")],
        ),
        (
            74,
            "fd.name regex \"^usr$\"",
            vec![(Remark, "regex check with '^usr$' may be optimized")],
        ),
        (74, "fd.name regex \"^.*usr\"", vec![]),
        (74, "fd.name regex \"u[s]r\"", vec![]),
        (74, "fd.name regex \"u.r\"", vec![]),
        (
            153,
            "proc.name = evt.type",
            vec![(
                Remark,
                "'evt.type' may be a valid field misused as a const string value",
            )],
        ),
        (
            153,
            "proc.name in (a, \"proc.aname[2]\")",
            vec![(Remark, "'proc.aname[2]' may be a valid field misused")],
        ),
        (153, "proc.name = evt.arg", vec![]),
        (
            153,
            "proc.name = \" fd. name \"",
            vec![(Remark, "' fd. name ' may be a valid field misused")],
        ),
        (
            153,
            "proc.name = \"tolower(x)\"",
            vec![(
                Remark,
                "'tolower(x)' may be a valid field transformer misused",
            )],
        ),
        (
            172,
            "evt.type = open and evt.dir = >",
            vec![(Deprecated, "usage of deprecated field 'evt.dir'")],
        ),
        (
            172,
            "evt.latency > 5",
            vec![(Deprecated, "usage of deprecated field 'evt.latency'")],
        ),
        (0, "evt.type = open", vec![]),
    ] {
        let found = warnings(text);
        assert_eq!(found.len(), expected.len(), "row {row}: {text}: {found:?}");
        for ((code, message), (expected_code, part)) in found.iter().zip(expected) {
            assert_eq!(*code, expected_code, "row {row}: {text}");
            assert!(message.contains(part), "row {row}: {text}: {message}");
        }
    }
}

#[test]
fn fields_of_exceptions() {
    let schema = Schema::syscall();
    for (row, text, good) in [
        (237, "tolower(proc.name)", true),
        (237, "proc.aname[2]", true),
        (235, "proc.nosuch", false),
        (235, "proc.name ", false),
        (235, "proc", false),
        (235, "", false),
    ] {
        assert_eq!(field_text(text, &schema).is_ok(), good, "row {row}: {text}");
    }
}

#[test]
fn sets_of_event_types() {
    let schema = Schema::syscall();
    let names = |text: &str| -> Vec<&str> {
        checked(text)
            .expect(text)
            .events
            .iter()
            .map(|event| schema.event_def(event).name)
            .collect()
    };
    let all = schema.events.len();
    for (row, text, expected) in [
        (165, "evt.type = open and evt.type = close", vec![]),
        (
            166,
            "evt.type in (open, close) and evt.type != close",
            vec!["open"],
        ),
        (
            169,
            "(evt.type=open or evt.type=creat) and proc.name=x or evt.type=close and proc.name=x",
            vec!["open", "close", "creat"],
        ),
        (170, "evt.type = open and evt.num = 0", vec![]),
        (170, "evt.type = open and not evt.num = 0", vec!["open"]),
        (170, "evt.type = open and evt.num in (0)", vec![]),
        (170, "evt.type = open and evt.num < 1", vec![]),
        (170, "evt.type = open and evt.num >= 0", vec!["open"]),
        (172, "evt.type = open and evt.dir = >", vec!["open"]),
        (0, "evt.type in ()", vec![]),
        (0, "not evt.type != open", vec!["open"]),
        (0, "not (evt.type != open or proc.name = x)", vec!["open"]),
        (
            0,
            "not (proc.name = x or not evt.type = open)",
            vec!["open"],
        ),
    ] {
        let mut got = names(text);
        let mut expected: Vec<&str> = expected;
        got.sort_unstable();
        expected.sort_unstable();
        assert_eq!(got, expected, "row {row}: {text}");
    }
    for (row, text, missing) in [
        (167, "not evt.type = open and not evt.type = close", 2),
        (168, "evt.type = open or proc.name = x", 0),
        (171, "evt.type = anyof (open, close)", 0),
        (0, "evt.type exists", 0),
        (0, "not proc.name = x", 0),
        (0, "evt.type contains open", 0),
        (0, "syscall.type = open", 0),
        (0, "not (evt.type = open and proc.name = x)", 0),
    ] {
        assert_eq!(
            checked(text).expect(text).events.len(),
            all - missing,
            "row {row}: {text}"
        );
    }
}
