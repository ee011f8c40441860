//! Checks a JSON value against a JSON Schema: the keywords that our schema uses, and a panic on any other.

use regex::Regex;
use serde_json::Value;

/// Everything about `value` that the schema forbids, with the path to it.
pub(super) fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, value, "$", &mut found);
    found
}

fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        let mut say = |what: String| found.push(format!("{path}: {what}"));
        match keyword.as_str() {
            "$schema" | "title" | "description" => {}
            "type" => {
                let one = [wanted.clone()];
                let names = wanted.as_array().map_or(&one[..], |names| names);
                if !names.iter().any(|name| is_type(name, value)) {
                    say(format!("{value} is not of type {wanted}"));
                }
            }
            "enum" => {
                if !wanted.as_array().expect("a list").contains(value) {
                    say(format!("{value} is not one of {wanted}"));
                }
            }
            "pattern" => {
                let pattern = Regex::new(wanted.as_str().expect("text")).expect("a pattern");
                if value.as_str().is_some_and(|text| !pattern.is_match(text)) {
                    say(format!("{value} does not match {wanted}"));
                }
            }
            "required" => {
                for name in wanted.as_array().expect("a list") {
                    let name = name.as_str().expect("text");
                    if value
                        .as_object()
                        .is_some_and(|object| !object.contains_key(name))
                    {
                        say(format!("{name} is missing"));
                    }
                }
            }
            "properties" => {
                for (name, schema) in wanted.as_object().expect("an object") {
                    if let Some(value) = value.get(name) {
                        check(schema, value, &format!("{path}.{name}"), found);
                    }
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties");
                for (name, value) in value.as_object().into_iter().flatten() {
                    if known.is_some_and(|known| known.get(name).is_some()) {
                        continue;
                    }
                    match wanted {
                        Value::Bool(false) => found.push(format!("{path}: {name} is unknown")),
                        schema => check(schema, value, &format!("{path}.{name}"), found),
                    }
                }
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(wanted, value, &format!("{path}[{index}]"), found);
                }
            }
            other => panic!("keyword {other} is not checked here"),
        }
    }
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type is text") {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("type {other} is not checked here"),
    }
}
