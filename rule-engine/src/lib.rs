//! Falco's rule language as a library: rule files in, a compiled rule set out, events judged against it.
//!
//! The stages, each a module that uses only the ones before it:
//!
//! ```text
//! source, diagnostic, schema, value     the ground: texts and spans, messages, what fields and events exist
//! suggest, priority, render, text       did-you-mean; the eight levels; messages drawn; texts that know their places
//! read      YAML → items with spans
//! lex, ast, parse                       condition text → tree
//! collect   items of all files → lists, macros, rules (append, override, exceptions, redefinition)
//! resolve   list substitution, macro expansion
//! op        which operator fits which type, and what it means
//! typed, check, eventset                tree + schema → typed tree, or errors with a place
//! template  output text → compiled template
//! transform what transformers make of values
//! program, compile, eval                typed rules → programs indexed by event type → matches
//! reference the plain evaluator, a part of a condition at a time
//! filter    what a kernel can decide of the rules: a plan, and its meaning
//! load      all of this in order: files → rule set or diagnostics
//! sample    events made of field values
//! casetest  rule unit tests             explain  the evaluated tree of one rule over one event
//! ```
//!
//! # Example
//!
//! ```
//! use rule_engine::eval::Evaluator;
//! use rule_engine::load::{self, LoadOptions};
//! use rule_engine::sample::MapEvent;
//! use rule_engine::schema::Schema;
//! use rule_engine::source::Source;
//!
//! let rules = "
//! - list: editors
//!   items: [vim, nano]
//! - rule: Password hashes read
//!   desc: Somebody reads the password hashes.
//!   condition: evt.type in (open, openat) and fd.name = /etc/shadow and not proc.name in (editors)
//!   output: read by %proc.name
//!   priority: WARNING
//! ";
//! let schema = Schema::syscall();
//! let source = Source { name: "rules.yaml".into(), text: rules.into() };
//! let options = LoadOptions { append_output: Vec::new(), ..LoadOptions::default() };
//! let loaded = load::load(vec![source], &schema, &options);
//! assert!(loaded.diagnostics.is_empty());
//! let rules = loaded.rules.expect("rules without errors are compiled");
//!
//! // A host implements `value::Fields` for its events; this one is made of field values.
//! let fields = serde_json::json!({ "evt.type": "openat", "fd.name": "/etc/shadow", "proc.name": "cat" });
//! let event = MapEvent::from_json(&schema, &fields).expect("the fields exist");
//!
//! let mut matches = Vec::new();
//! Evaluator::new(&rules).evaluate(&rules, &event, |found| {
//!     let mut output = String::new();
//!     found.output(&mut output);
//!     matches.push((found.rule.name.clone(), output));
//! });
//! assert_eq!(matches, [("Password hashes read".to_owned(), "read by cat".to_owned())]);
//! ```
//!
//! The crate knows no operating system, no eBPF and no async runtime: the host hands in a [`schema::Schema`] and, per
//! event, an implementation of [`value::Fields`].

pub mod ast;
pub mod casetest;
pub mod check;
mod collect;
pub mod compile;
pub mod diagnostic;
pub mod errno;
pub mod eval;
pub mod eventset;
pub mod explain;
pub mod filter;
mod lex;
pub mod load;
pub mod op;
pub mod parse;
pub mod priority;
pub mod program;
mod read;
pub mod reference;
pub mod render;
mod resolve;
pub mod sample;
#[cfg(test)]
mod samples;
pub mod schema;
pub mod source;
pub mod suggest;
pub mod template;
mod text;
mod transform;
pub mod typed;
pub mod value;
