//! The rows of the edge-case table that are about syntax, by number, and the law that printing and parsing are inverse.

use proptest::prelude::*;

use super::*;
use crate::source::TextRange;

/// Parses and prints again; an error is its message.
fn parsed(text: &str) -> Result<String, String> {
    condition(text, TextId(0))
        .map(|expr| expr.to_string())
        .map_err(|finding| finding.message)
}

#[track_caller]
fn accepts(row: u32, text: &str, printed: &str) {
    assert_eq!(parsed(text).as_deref(), Ok(printed), "row {row}: {text}");
}

#[track_caller]
fn refuses(row: u32, text: &str, message: &str) {
    let got = parsed(text).expect_err(text);
    assert!(got.contains(message), "row {row}: {text}: {got}");
}

const CHECK: &str = "expected a '(' token, a field check, or an identifier";
const STRING: &str = "expected a string value";
const NUMBER: &str = "expected a number value";
const LIST: &str = "expected a list, an identifier";
const OPERATOR: &str = "expected a valid check operator";

#[test]
fn connectives() {
    refuses(1, "", "filter input string is empty");
    refuses(1, "  ", CHECK);
    refuses(2, "()", CHECK);
    accepts(3, "((proc.name=init))", "proc.name = init");
    accepts(
        4,
        "a.b=c or d.e=f and g.h=i",
        "(a.b = c or (d.e = f and g.h = i))",
    );
    accepts(5, "not a.b=c and d.e=f", "(not a.b = c and d.e = f)");
    accepts(6, "not not a.b=c", "a.b = c");
    accepts(6, "not not not a.b=c", "not a.b = c");
    accepts(7, "not(a.b=c)", "not a.b = c");
    accepts(7, "not not(a.b=c)", "a.b = c");
    accepts(7, "not (not a.b=c)", "not (not a.b = c)");
    accepts(8, "nota.b=c", "nota.b = c");
    accepts(9, "not", "not");
    accepts(10, "a.b=c and not", "(a.b = c and not)");
    refuses(11, "x.y=c or", "expected blank or '(' after 'or'");
    refuses(12, "x.y=c ornot a.b=c", "expected blank or '(' after 'or'");
    refuses(
        12,
        "x.y=c andnot a.b=c",
        "expected blank or '(' after 'and'",
    );
    accepts(13, "(a.b=c)and(d.e=f)", "(a.b = c and d.e = f)");
    accepts(14, "a.b>0and d.e=f", "(a.b > 0 and d.e = f)");
    accepts(15, "a.b=\"c\"and d.e=f", "(a.b = c and d.e = f)");
    refuses(
        16,
        "proc.name=initand evt.num>0",
        "unexpected token after 'initand'",
    );
    refuses(
        17,
        "proc.name = init AND evt.num > 0",
        "unexpected token after 'init'",
    );
    accepts(
        18,
        "a.b existsand c.d exists",
        "(a.b exists and c.d exists)",
    );
    refuses(19, "a.b exists exists", "unexpected token after 'exists'");
    refuses(19, "a.b exists = 1", "unexpected token after 'exists'");
}

#[test]
fn connectives_that_touch_parentheses() {
    accepts(
        13,
        "a.b=c or(d.e=f)or(g.h=i)",
        "(a.b = c or d.e = f or g.h = i)",
    );
    accepts(
        13,
        "a.b exists and(d.e=f)and not(g.h=i)or x.y exists",
        "((a.b exists and d.e = f and not g.h = i) or x.y exists)",
    );
    // What follows `or(` is one whole member of the `or`.
    refuses(13, "a.b=c or(d.e=f)and x.y=z", "unexpected token after ')'");
    refuses(13, "(a.b=c or(d.e=f)and x.y=z)", "expected a ')' token");
    accepts(
        13,
        "a.b=c or (d.e=f)and x.y=z",
        "(a.b = c or (d.e = f and x.y = z))",
    );
    accepts(
        50,
        "a.b\t=\nc\r\nand\tnot\nd.e\u{8}exists",
        "(a.b = c and not d.e exists)",
    );
    refuses(
        51,
        "a.b = c\u{a0}and d.e = f",
        "unexpected token after 'c\u{a0}and'",
    );
    refuses(266, "proc.name = init)", "unexpected token after 'init'");
    refuses(266, "(proc.name = init", "expected a ')' token");
    accepts(271, " \n a.b = c \t ", "a.b = c");
}

#[test]
fn checks() {
    refuses(20, "proc.name", OPERATOR);
    refuses(21, "name = x", "unexpected token after 'name'");
    accepts(22, "proc.name ==init", "proc.name = init");
    accepts(22, "proc.name =init", "proc.name = init");
    accepts(22, "proc.name= init", "proc.name = init");
    refuses(23, "proc.name = =init", STRING);
    refuses(24, "proc.name = (init)", STRING);
    refuses(25, "proc.name = a,b", "unexpected token after 'a'");
    refuses(25, "proc.name = a(b", "unexpected token after 'a'");
    refuses(25, "proc.name = a)b", "unexpected token after 'a'");
    accepts(26, "proc.name = init#c", "proc.name = init#c");
    accepts(27, "a.b in(c)", "a.b in (c)");
    accepts(27, "a.b in ( c , x )", "a.b in (c, x)");
    accepts(27, "a.b in (\"c\")", "a.b in (c)");
    refuses(28, "a.b in (c,)", STRING);
    refuses(28, "a.b in (a,,b)", STRING);
    // The first string of a list that cannot be read makes the list an empty one, if nothing else is in it.
    accepts(60, "a.b in ( \"\\d+\")", "a.b in ()");
    accepts(60, "a.b = anyof ('\\\"')", "a.b = anyof ()");
    refuses(60, "a.b in (\"\\d\" )", "unsupported string escape");
    refuses(60, "a.b in (\"\\d\", x)", "unsupported string escape");
    refuses(60, "a.b in (x, \"\\d\")", "unsupported string escape");
    // What ends a word is not just what is skipped between words.
    accepts(50, "a.b\u{8}=\u{8}c", "a.b = c");
    accepts(50, "a.b = c\u{8}d", "a.b = \"c\\bd\"");
    refuses(50, "a.b = c\u{b}and c.d = e", "unexpected token after 'c'");
    accepts(50, "not\u{c}a.b = c", "not a.b = c");
    refuses(50, "not\u{8}a.b = c", "unexpected token after 'not'");
    refuses(29, "a.b in (c x)", "expected a ')' token");
    accepts(30, "a.b in ()", "a.b in ()");
    accepts(30, "a.b in ( )", "a.b in ()");
    refuses(31, "fd.name in /home", LIST);
    refuses(31, "fd.name pmatch /home", LIST);
    accepts(32, "fd.name in file", "fd.name in (file)");
    accepts(32, "fd.name infile", "fd.name in (file)");
    refuses(33, "proc.name in (val(proc.pname))", "expected a ')' token");
    accepts(
        34,
        "proc.name in val(proc.pname)",
        "proc.name in val(proc.pname)",
    );
    refuses(35, "a.b contains\"in\"", OPERATOR);
    refuses(35, "a.b startswith(init)", OPERATOR);
    refuses(36, "proc.exepath > /usr", NUMBER);
    refuses(36, "proc.exepath > \"5\"", NUMBER);
    accepts(37, "proc.name > 5", "proc.name > 5");
    accepts(37, "a.b <= -5.5e+10", "a.b <= -5.5e+10");
    accepts(37, "a.b>=0xfg", "a.b >= 0xfg");
    refuses(37, "a.b > 1e1", "unexpected token after '1'");
    accepts(45, "a.b > val( c.d )", "a.b > val(c.d)");
    refuses(45, "val(fd.name) = x", "unexpected token after 'val'");
    refuses(
        46,
        "fd.name = val(tolower(fd.name))",
        "expected a field within 'val'",
    );
    refuses(47, "proc.aname[ 1 ] = x", "expected a valid field argument");
    refuses(47, "proc.aname[] = x", "expected a valid field argument");
    refuses(47, "proc.aname[1 = x", "expected a ']' token");
    accepts(48, "proc.args[\"1\"] = ls", "proc.args[1] = ls");
    refuses(49, "evt.arg.0 = x", OPERATOR);
    refuses(267, "proc.name === init", STRING);
    refuses(267, "proc.name <> init", NUMBER);
    refuses(267, "proc.name ! = init", OPERATOR);
    refuses(268, "proc.name = ini\"t\"", "unexpected token after 'ini'");
    refuses(268, "proc.name = 'in'it", "unexpected token after ''in''");
}

#[test]
fn modifiers() {
    accepts(
        38,
        "proc.name = anyof and evt.num>0",
        "(proc.name = anyof and evt.num > 0)",
    );
    accepts(38, "proc.name = anyof", "proc.name = anyof");
    accepts(38, "(proc.name = anyof )", "proc.name = anyof");
    accepts(
        38,
        "proc.name = anyof and(a.b=c)",
        "(proc.name = anyof and a.b = c)",
    );
    refuses(
        39,
        "proc.name = anyof(init)",
        "unexpected token after 'anyof'",
    );
    refuses(
        40,
        "proc.name =anyof (init)",
        "unexpected token after 'anyof'",
    );
    accepts(41, "proc.name = oneof init", "proc.name = oneof (init)");
    accepts(
        41,
        "proc.name contains\tallof\n( a , \"b c\" )",
        "proc.name contains allof (a, \"b c\")",
    );
    accepts(41, "proc.name != anyof ()", "proc.name != anyof ()");
    accepts(
        41,
        "proc.name = anyof android",
        "proc.name = anyof (android)",
    );
    refuses(42, "fd.num >= anyof (1, 9)", NUMBER);
    refuses(42, "fd.num in anyof (x)", "unexpected token after 'anyof'");
    refuses(
        42,
        "fd.num exists anyof (x)",
        "unexpected token after 'exists'",
    );
    refuses(
        261,
        "fd.name = anyof val(fd.name)",
        "unexpected token after 'val'",
    );
}

#[test]
fn transformers() {
    refuses(
        43,
        "toupper (proc.name) = X",
        "unexpected token after 'toupper'",
    );
    accepts(
        44,
        "toupper( proc.name ) = INIT",
        "toupper(proc.name) = INIT",
    );
    accepts(
        44,
        "len(basename(a.b)) > len(c.d)",
        "len(basename(a.b)) > len(c.d)",
    );
    accepts(
        158,
        "join(\",\", (a.b, 'x', 5)) = x",
        "join(\",\", (a.b, \"x\", 5)) = x",
    );
    accepts(
        158,
        "getopt((a.b,c.d[2]), \"f:\")[f] = x",
        "getopt((a.b, c.d[2]), \"f:\")[f] = x",
    );
    accepts(158, "join(\",\", ( )) = x", "join(\",\", ()) = x");
    accepts(
        264,
        "concat(\"in\", \"it\") = proc.name",
        "concat(\"in\", \"it\") = proc.name",
    );
    accepts(
        265,
        "proc.name = concat(\"in\", \"it\")",
        "proc.name = concat(\"in\", \"it\")",
    );
    refuses(44, "toupper() = x", "expected a field");
    refuses(44, "toupper(a.b = x", "closing the transformer");
    accepts(259, "a.b pmatch tolower(c.d)", "a.b pmatch tolower(c.d)");
    accepts(259, "a.b = tolower", "a.b = tolower");
}

#[test]
fn strings() {
    let value = |text: &str| match condition(&format!("a.b = {text}"), TextId(0))
        .expect(text)
        .kind
    {
        ExprKind::Check(Check {
            rhs: Rhs::Value(literal),
            ..
        }) => String::from_utf8_lossy(&literal.value).into_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(value("\"a'b\""), "a'b", "row 53");
    assert_eq!(value("'a\"b'"), "a\"b", "row 53");
    refuses(
        54,
        "a.b = \"a\\'b\"",
        "invalid \\' escape in \"-quoted string",
    );
    refuses(
        54,
        "a.b = 'a\\\"b'",
        "invalid \\\" escape in '-quoted string",
    );
    assert_eq!(value("\"a\\\"b\""), "a\"b", "row 55");
    assert_eq!(value("'a\\'b'"), "a'b", "row 55");
    refuses(56, "a.b = \"a\\\\\"", STRING);
    assert_eq!(value("\"a\\\\b\""), "a\\b", "row 57");
    assert_eq!(value("\"a\\ b\""), "a\\b", "row 57");
    assert_eq!(value("\"a\\/b\""), "a/b", "row 58");
    assert_eq!(value("\"\\x69nit\\x414\""), "initA4", "row 59");
    for escape in ["\\x4", "\\x4g", "\\u0041", "\\d+", "a\\-b", "\\é"] {
        refuses(
            60,
            &format!("a.b = \"{escape}\""),
            "unsupported string escape sequence",
        );
        refuses(
            60,
            &format!("a.b in (x, \"{escape}\")"),
            "unsupported string escape sequence",
        );
    }
    assert_eq!(value("\\a"), "\\a", "row 63");
    assert_eq!(value("\"\\b\\f\\n\\r\\t\""), "\u{8}\u{c}\n\r\t");
    assert_eq!(value("\"\""), "");
}

#[test]
fn nesting_has_a_limit_and_no_stack_overflow() {
    let nested = |depth: usize| format!("{}a.b=c{}", "(".repeat(depth), ")".repeat(depth));
    accepts(0, &nested(MAX_DEPTH), "a.b = c");
    refuses(
        0,
        &nested(MAX_DEPTH + 1),
        "exceeded max depth limit of 1000",
    );
    refuses(
        0,
        &"(".repeat(1_000_000),
        "exceeded max depth limit of 1000",
    );
    refuses(
        0,
        &"not(".repeat(1_000_000),
        "exceeded max depth limit of 1000",
    );
    refuses(
        0,
        &"a.b=c or(".repeat(100_000),
        "exceeded max depth limit of 1000",
    );
    refuses(
        0,
        &"tolower(".repeat(1_000_000),
        "exceeded max depth limit of 100",
    );
    let deep = "not (a.b = c or ".repeat(MAX_DEPTH) + "x.y exists" + &")".repeat(MAX_DEPTH);
    accepts(0, &deep, &deep);
}

#[test]
fn errors_point_at_the_place() {
    let range = |text: &str| {
        let finding = condition(text, TextId(7)).expect_err(text);
        (finding.range.start, finding.range.end, finding.range.text)
    };
    assert_eq!(range("proc.name = init AND x.y = z"), (17, 20, TextId(7)));
    assert_eq!(range("proc.name = \"a\\d\""), (14, 16, TextId(7)));
    assert_eq!(range("proc.name ="), (11, 11, TextId(7)));
    assert_eq!(range("proc.name foo x"), (10, 13, TextId(7)));
}

/// The same tree up to places and quotes.
fn normal(expr: &Expr) -> String {
    let text = format!("{expr:?}");
    let range = format!("{:?}", TextRange::default());
    let shape =
        regex::Regex::new(r"TextRange \{ text: TextId\(\d+\), start: \d+, end: \d+ \}").unwrap();
    let quotes = regex::Regex::new("quoted: (true|false)").unwrap();
    quotes
        .replace_all(&shape.replace_all(&text, range.as_str()), "quoted: _")
        .into_owned()
}

fn literal() -> impl Strategy<Value = Literal> {
    let value = prop_oneof![
        "[a-z/.*]{1,6}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..6),
        "[ \\\\\"'(),=\\x08\\t\\n\u{0}é]{0,5}".prop_map(String::into_bytes),
        proptest::sample::select(vec!["anyof", "and", "not", "val", "tolower"])
            .prop_map(|w| w.as_bytes().to_vec()),
    ];
    value.prop_map(|value| Literal {
        value: value.into(),
        quoted: true,
        range: TextRange::default(),
    })
}

fn number() -> impl Strategy<Value = Literal> {
    "[+-]?[0-9]{1,3}(\\.[0-9]{0,2})?([eE][+-][0-9])?|0x[0-9a-z]{1,3}".prop_map(|n| Literal {
        value: n.into_bytes().into(),
        quoted: false,
        range: TextRange::default(),
    })
}

fn field() -> impl Strategy<Value = FieldExpr> {
    let arg = proptest::option::of("[a-z0-9 \\[\\]\"'\\\\]{0,4}");
    ("[a-z]{1,4}(\\.[a-z][a-z0-9_]{0,4}){1,2}", arg).prop_map(|(name, arg)| FieldExpr {
        name,
        arg: arg.map(|text| FieldArg { text, quoted: true }),
        range: TextRange::default(),
    })
}

fn transform() -> impl Strategy<Value = TransformExpr> {
    let leaf = || {
        prop_oneof![
            field().prop_map(TransformArg::Field),
            literal().prop_map(TransformArg::Text),
            number().prop_map(TransformArg::Number),
        ]
    };
    let wrap = |args: Vec<TransformArg>, which: usize| TransformExpr {
        transformer: Transformer::ALL[which],
        args,
        arg: None,
        range: TextRange::default(),
    };
    let list = proptest::collection::vec(leaf(), 0..3)
        .prop_map(|items| TransformArg::List(items, TextRange::default()));
    let inner = (
        proptest::collection::vec(prop_oneof![leaf(), list], 1..3),
        0..8usize,
    )
        .prop_map(move |(a, w)| wrap(a, w));
    (inner, 0..8usize, any::<bool>()).prop_map(move |(inner, which, nested)| {
        if nested {
            wrap(vec![TransformArg::Transform(inner)], which)
        } else {
            inner
        }
    })
}

fn check_kind() -> impl Strategy<Value = ExprKind> {
    use Operator as Op;
    let operand = || prop_oneof![3 => field().prop_map(Operand::Field), 1 => transform().prop_map(Operand::Transform)];
    let list = || {
        proptest::collection::vec(literal(), 0..4).prop_map(|v| Rhs::List(v, TextRange::default()))
    };
    let reference = || {
        prop_oneof![
            field().prop_map(Rhs::Field),
            transform().prop_map(Rhs::Transform)
        ]
    };
    let spread = vec![
        Op::Eq,
        Op::Ne,
        Op::Glob,
        Op::Contains,
        Op::Bstartswith,
        Op::Regex,
        Op::Iglob,
    ];
    let tests = prop_oneof![
        Just((Op::Exists, None, Rhs::None)),
        (
            proptest::sample::select(vec![Op::Lt, Op::Le, Op::Gt, Op::Ge]),
            prop_oneof![number().prop_map(Rhs::Value), reference()]
        )
            .prop_map(|(op, rhs)| (op, None, rhs)),
        (
            proptest::sample::select(spread.clone()),
            prop_oneof![literal().prop_map(Rhs::Value), reference()]
        )
            .prop_map(|(op, rhs)| (op, None, rhs)),
        (
            proptest::sample::select(spread),
            proptest::sample::select(Modifier::ALL.to_vec()),
            list()
        )
            .prop_map(|(op, m, rhs)| (op, Some(m), rhs)),
        (
            proptest::sample::select(vec![Op::In, Op::Intersects, Op::Pmatch]),
            prop_oneof![list(), reference()]
        )
            .prop_map(|(op, rhs)| (op, None, rhs)),
    ];
    (operand(), tests).prop_map(|(operand, (op, modifier, rhs))| {
        ExprKind::Check(Check {
            operand,
            op,
            modifier,
            rhs,
            op_range: TextRange::default(),
        })
    })
}

fn expr() -> impl Strategy<Value = Expr> {
    let at = |kind| Expr {
        kind,
        range: TextRange::default(),
    };
    let leaf =
        prop_oneof![4 => check_kind(), 1 => "m_[a-z]{1,4}".prop_map(ExprKind::Macro)].prop_map(at);
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(ExprKind::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(ExprKind::Or),
            inner.prop_map(|e| ExprKind::Not(Box::new(e))),
        ]
        .prop_map(at)
    })
}

proptest! {
    #[test]
    fn printing_then_parsing_gives_the_same_tree(expr in expr()) {
        let text = expr.to_string();
        let again = condition(&text, TextId(0)).map_err(|e| TestCaseError::fail(format!("{text}: {}", e.message)))?;
        prop_assert_eq!(normal(&expr), normal(&again), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "([a-z]{1,3}|[ .=<>!()\\[\\],\"'\\\\0-9\u{e9}\u{8}]|not |and |or |in|anyof |val\\(|len\\(){0,30}") {
        let _ = condition(&text, TextId(0));
    }
}
