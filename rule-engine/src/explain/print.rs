//! A checked comparison as text, near to how it was written.

use crate::ast::{Literal, Modifier, Operator, TransformArg};
use crate::op::Constant;
use crate::schema::Schema;
use crate::source::TextRange;
use crate::typed::{Check, Function, Operand, Test};

/// Values of a list that are printed; the others are counted.
const SHOWN_VALUES: usize = 8;

/// The comparison in one line.
pub(super) fn check(check: &Check, schema: &Schema) -> String {
    let left = operand(&check.operand, schema);
    match &check.test {
        Test::Exists => format!("{left} exists"),
        Test::Constants {
            op,
            modifier,
            values,
        } => format!("{left} {}", constants(*op, *modifier, values)),
        Test::Operand { op, right } => {
            let right = match right {
                Operand::Field(used) => format!("val({})", used.field.written(schema)),
                other => operand(other, schema),
            };
            format!("{left} {} {right}", op.name())
        }
    }
}

fn constants(op: Operator, modifier: Option<Modifier>, values: &[Constant]) -> String {
    let modifier = modifier
        .map(|modifier| format!(" {}", modifier.name()))
        .unwrap_or_default();
    let list = !modifier.is_empty()
        || matches!(op, Operator::In | Operator::Intersects | Operator::Pmatch);
    let mut shown: Vec<String> = values.iter().take(SHOWN_VALUES).map(constant).collect();
    if values.len() > SHOWN_VALUES {
        shown.push(format!("… {} in all", values.len()));
    }
    let shown = shown.join(", ");
    if list {
        format!("{}{modifier} ({shown})", op.name())
    } else {
        format!("{} {shown}", op.name())
    }
}

fn constant(constant: &Constant) -> String {
    match constant {
        Constant::Text(bytes) | Constant::Bytes(bytes) => literal(bytes).to_string(),
        Constant::Int(number) => number.to_string(),
        Constant::Uint(number) => number.to_string(),
        Constant::Bool(truth) => truth.to_string(),
        Constant::Ip(address) => address.to_string(),
        Constant::Net(network) => network.to_string(),
    }
}

fn literal(bytes: &[u8]) -> Literal {
    Literal {
        value: bytes.into(),
        quoted: false,
        range: TextRange::default(),
    }
}

fn operand(operand: &Operand, schema: &Schema) -> String {
    match operand {
        Operand::Field(used) => used.field.written(schema),
        Operand::Text(text) => TransformArg::Text(literal(text)).to_string(),
        Operand::Number(number) => literal(number).to_string(),
        Operand::List(items) => format!("({})", all(items, schema)),
        Operand::Transform(transform) => function(&transform.function, schema),
    }
}

fn all(operands: &[Operand], schema: &Schema) -> String {
    operands
        .iter()
        .map(|item| operand(item, schema))
        .collect::<Vec<_>>()
        .join(", ")
}

fn function(function: &Function, schema: &Schema) -> String {
    let one = |name: &str, x: &Operand| format!("{name}({})", operand(x, schema));
    let two = |name: &str, x: &Operand, y: &Operand| {
        format!("{name}({}, {})", operand(x, schema), operand(y, schema))
    };
    match function {
        Function::Tolower(x) => one("tolower", x),
        Function::Toupper(x) => one("toupper", x),
        Function::B64(x) => one("b64", x),
        Function::Basename(x) => one("basename", x),
        Function::Len(x) => one("len", x),
        Function::Join { separator, items } => two("join", separator, items),
        Function::Concat(items) => format!("concat({})", all(items, schema)),
        Function::Getopt {
            words,
            options,
            wanted,
        } => {
            let wanted = wanted
                .as_ref()
                .map(|option| format!("[{option}]"))
                .unwrap_or_default();
            format!("{}{wanted}", two("getopt", words, options))
        }
    }
}
