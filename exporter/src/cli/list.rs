//! `saker list`: what there is.
//!
//! In: the schema and the rules. Out: text for people, JSON, or a page of documentation.

mod metrics;

use std::io::{self, Write};

use clap::ValueEnum;
use rule_engine::load::LoadOptions;
use rule_engine::schema::{
    ArgKind, EventDef, EventKind, FieldDef, Multiplicity, ParamDef, Schema, Supply,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::rules::{self, RuleArgs};
use super::supply::Agent;
use super::{Terminal, Verdict};

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Subject {
    /// Rules, in the order in which they are tried.
    Rules,
    /// Macros.
    Macros,
    /// Lists.
    Lists,
    /// Fields that conditions and outputs may use.
    Fields,
    /// Event types.
    Events,
    /// Metrics that the agent shows.
    Metrics,
}

/// Flags of `saker list`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What to list.
    subject: Subject,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print fields, events or metrics as a page of documentation.
    #[arg(long, conflicts_with = "json", hide = true)]
    markdown: bool,
    #[command(flatten)]
    rules: RuleArgs,
}

/// Prints the list.
pub(super) fn run(args: &Args, terminal: &mut Terminal<'_>) -> anyhow::Result<Verdict> {
    let schema = Schema::syscall();
    let supply = Agent::new(&schema);
    let out = &mut *terminal.out;
    match (args.subject, args.json, args.markdown) {
        (Subject::Fields, false, false) => fields_text(&supply, &schema, out)?,
        (Subject::Fields, true, _) => {
            let fields = schema
                .fields
                .iter()
                .map(|field| field_json(&supply, &schema, field));
            print_json(out, &fields.collect::<Vec<_>>())?;
        }
        (Subject::Fields, _, true) => fields_page(&supply, &schema, out)?,
        (Subject::Events, false, false) => events_text(&supply, &schema, out)?,
        (Subject::Events, true, _) => {
            let events = schema.events.iter().map(|event| event_json(&supply, event));
            print_json(out, &events.collect::<Vec<_>>())?;
        }
        (Subject::Events, _, true) => events_page(&supply, &schema, out)?,
        (Subject::Metrics, false, false) => metrics::text(&schema, out)?,
        (Subject::Metrics, true, _) => print_json(out, &metrics::json(&schema))?,
        (Subject::Metrics, _, true) => metrics::page(&schema, out)?,
        (_, _, true) => anyhow::bail!("--markdown is for fields, events and metrics"),
        (subject, json, false) => return loaded(subject, json, args, &schema, terminal),
    }
    Ok(Verdict::Good)
}

/// What rule files hold.
fn loaded(
    subject: Subject,
    json: bool,
    args: &Args,
    schema: &Schema,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<Verdict> {
    let Some(loaded) =
        rules::load_whole(&args.rules.rules, schema, &LoadOptions::default(), terminal)?
    else {
        return Ok(Verdict::Bad);
    };
    let out = &mut *terminal.out;
    match (subject, json) {
        (Subject::Macros, true) => print_json(out, &loaded.macro_infos())?,
        (Subject::Macros, false) => {
            for item in loaded.macro_infos() {
                writeln!(
                    out,
                    "{}{}: {}",
                    item.name,
                    unused(item.used),
                    one_line(&item.condition)
                )?;
            }
        }
        (Subject::Lists, true) => print_json(out, &loaded.list_infos())?,
        (Subject::Lists, false) => {
            for item in loaded.list_infos() {
                writeln!(
                    out,
                    "{}{}: {}",
                    item.name,
                    unused(item.used),
                    item.items.join(", ")
                )?;
            }
        }
        (_, true) => print_json(out, &loaded.rule_infos(schema))?,
        (_, false) => {
            for rule in loaded.rule_infos(schema) {
                let off = if rule.enabled { "" } else { " (off)" };
                writeln!(
                    out,
                    "{:13}  {}{off}: {}",
                    rule.priority,
                    rule.name,
                    one_line(&rule.description)
                )?;
            }
        }
    }
    Ok(Verdict::Good)
}

fn unused(used: bool) -> &'static str {
    if used { "" } else { " (unused)" }
}

/// Text without line breaks and runs of blanks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn print_json(out: &mut dyn Write, items: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, items)?;
    writeln!(out)
}

fn fields_text(supply: &Agent<'_>, schema: &Schema, out: &mut dyn Write) -> io::Result<()> {
    let forms: Vec<_> = schema.fields.iter().map(form).collect();
    let width = forms.iter().map(String::len).max().unwrap_or(0);
    for (field, form) in schema.fields.iter().zip(forms) {
        let source = if supplied(supply, schema, field) {
            "       "
        } else {
            "missing"
        };
        writeln!(
            out,
            "{form:width$}  {:9}  {source}  {}",
            field.ty.name(),
            field.doc
        )?;
    }
    Ok(())
}

/// Whether this agent has a source for the field; else it is always missing.
fn supplied(supply: &Agent<'_>, schema: &Schema, field: &FieldDef) -> bool {
    schema.field(field.name).is_some_and(|id| supply.has(id))
}

fn field_json(supply: &Agent<'_>, schema: &Schema, field: &FieldDef) -> Value {
    json!({
        "name": field.name,
        "type": field.ty.name(),
        "argument": argument(field.arg),
        "multiplicity": multiplicity(field.multiplicity),
        "deprecated": field.deprecated,
        "filter_only": field.filter_only.is_some(),
        "transformable": !field.no_transform,
        "right_hand_side": !field.no_rhs,
        "events": supplied_by(schema, field),
        "supplied": supplied(supply, schema, field),
        "description": field.doc,
    })
}

/// How the field is written, with its argument.
fn form(field: &FieldDef) -> String {
    let name = field.name;
    match field.arg {
        ArgKind::None => name.to_owned(),
        ArgKind::OptionalIndex => format!("{name}, {name}[N]"),
        ArgKind::OptionalKey => format!("{name}, {name}[NAME]"),
        ArgKind::RequiredKey => format!("{name}[NAME]"),
        ArgKind::RequiredIndexOrKey => format!("{name}[N], {name}[GLOB]"),
        ArgKind::Dotted { index_too: true } => format!("{name}.NAME, {name}[N]"),
        ArgKind::Dotted { index_too: false } => format!("{name}.NAME"),
        ArgKind::DottedOrKey => format!("{name}.NAME, {name}[NAME]"),
    }
}

fn argument(arg: ArgKind) -> &'static str {
    match arg {
        ArgKind::None => "none",
        ArgKind::OptionalIndex => "optional index",
        ArgKind::OptionalKey => "optional index or key",
        ArgKind::RequiredKey => "key",
        ArgKind::RequiredIndexOrKey => "index or key",
        ArgKind::Dotted { index_too: true } => "name or index",
        ArgKind::Dotted { index_too: false } => "name",
        ArgKind::DottedOrKey => "name or key",
    }
}

fn multiplicity(multiplicity: Multiplicity) -> &'static str {
    match multiplicity {
        Multiplicity::One => "one",
        Multiplicity::Any => "any ancestor",
        Multiplicity::Sides => "either side",
        Multiplicity::List => "list",
    }
}

/// Names of the events that have the field, where not all have; nothing for all.
fn supplied_by(schema: &Schema, field: &FieldDef) -> Value {
    match field.supply {
        Supply::Every | Supply::Param | Supply::Syscall => Value::Null,
        _ => {
            let id = schema.field(field.name);
            let names = schema.events.iter().filter(|event| {
                let event = schema.event(event.name);
                id.zip(event)
                    .is_some_and(|(field, event)| schema.supplies(event, field, None))
            });
            names.map(|event| event.name).collect()
        }
    }
}

fn events_text(supply: &Agent<'_>, schema: &Schema, out: &mut dyn Write) -> io::Result<()> {
    let names = schema.events.iter().map(|event| event.name.len());
    let width = names.max().unwrap_or(0);
    for event in &schema.events {
        let params = if event.generic {
            "generic: name only".to_owned()
        } else {
            params(event.params)
        };
        let tier = supply.tier(event.name).unwrap_or("-");
        let (name, kind, category) = (event.name, kind(event.kind), category(event));
        let also = match supply.by_ring(name) {
            true => "; also by io_uring",
            false => "",
        };
        writeln!(
            out,
            "{name:width$}  {tier:4}  {kind:10}  {category:9}  {params}{also}"
        )?;
    }
    Ok(())
}

fn event_json(supply: &Agent<'_>, event: &EventDef) -> Value {
    let params = event
        .params
        .iter()
        .map(|param| json!({ "name": param.name, "type": param.ty.name() }));
    json!({
        "name": event.name,
        "tier": supply.tier(event.name),
        "io_uring": supply.by_ring(event.name),
        "kind": kind(event.kind),
        "category": category(event),
        "generic": event.generic,
        "result": event.has_result,
        "parameters": params.collect::<Vec<_>>(),
    })
}

fn params(params: &[ParamDef]) -> String {
    params
        .iter()
        .map(|param| param.name)
        .collect::<Vec<_>>()
        .join(" ")
}

fn kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Syscall => "syscall",
        EventKind::Tracepoint => "tracepoint",
        EventKind::Meta => "meta",
    }
}

/// The category, as `evt.category` has it.
fn category(event: &EventDef) -> &'static str {
    if event.category == "io" {
        "of its fd"
    } else {
        event.category
    }
}

fn fields_page(agent: &Agent<'_>, schema: &Schema, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "# Fields\n\n\
         Every field that a rule's condition or output may use. Generated by `saker list fields --markdown`; do not edit.\n\n\
         *any* behind a type means that a check without an index asks whether some ancestor satisfies it, *sides* that it\n\
         asks both ends of a connection, *list* that only list operators apply. A field that an event does not have is\n\
         missing: every check on it is false. So is one that is marked as not supplied, of every event."
    )?;
    let family = |name: &'static str| name.split('.').next().unwrap_or(name);
    let mut last = "";
    for field in &schema.fields {
        if family(field.name) != last {
            last = family(field.name);
            writeln!(
                out,
                "\n## {last}\n\n| field | type | events | meaning |\n|---|---|---|---|"
            )?;
        }
        let mark = match field.multiplicity {
            Multiplicity::One => "",
            Multiplicity::Any => " *any*",
            Multiplicity::Sides => " *sides*",
            Multiplicity::List => " *list*",
        };
        let deprecated = if field.deprecated {
            " *Deprecated.*"
        } else {
            ""
        };
        let lacking = schema.field(field.name);
        let lacking = lacking.and_then(|field| agent.lacks_because(field));
        let lacking = lacking.map_or_else(String::new, |why| format!(" **Not supplied**: {why}."));
        let form = form(field)
            .split(", ")
            .map(|form| format!("`{form}`"))
            .collect::<Vec<_>>()
            .join(", ");
        writeln!(
            out,
            "| {form} | {}{mark} | {} | {}{deprecated}{lacking} |",
            field.ty.name(),
            supply(field),
            field.doc
        )?;
    }
    Ok(())
}

/// Which events have the field, in few words.
fn supply(field: &FieldDef) -> String {
    match field.supply {
        Supply::Every => "all".to_owned(),
        Supply::Fd => "with a file descriptor".to_owned(),
        Supply::Io => "that read or write".to_owned(),
        Supply::Result => "with a result".to_owned(),
        Supply::Syscall => "syscalls".to_owned(),
        Supply::Param => "with the parameter".to_owned(),
        Supply::Named(names) => names.join(", "),
        Supply::Never => "none".to_owned(),
    }
}

fn events_page(supply: &Agent<'_>, schema: &Schema, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "# Events\n\n\
         Every name that `evt.type` may be compared with. Generated by `saker list events --markdown`; do not edit.\n\n\
         ## Events with parameters\n\n\
         Each parameter is `evt.arg.NAME` as text and `evt.rawarg.NAME` as it is. Events with a result have `evt.res` and\n\
         `evt.rawres`.\n\n\
         | event | kind | category | result | parameters |\n|---|---|---|---|---|"
    )?;
    for event in schema.events.iter().filter(|event| !event.generic) {
        let result = if event.has_result { "yes" } else { "" };
        let param = |param: &ParamDef| format!("`{}` {}", param.name, param.ty.name());
        let params = event
            .params
            .iter()
            .map(param)
            .collect::<Vec<_>>()
            .join(", ");
        writeln!(
            out,
            "| {} | {} | {} | {result} | {params} |",
            event.name,
            kind(event.kind),
            category(event)
        )?;
    }
    writeln!(
        out,
        "\n## Events by name only\n\nSyscalls and other names without parameters of their own.\n"
    )?;
    let names: Vec<_> = schema
        .events
        .iter()
        .filter(|event| event.generic)
        .map(|event| event.name)
        .collect();
    for line in names.chunks(8) {
        writeln!(out, "{}", line.join(", "))?;
    }
    let by_ring = schema.events.iter().map(|event| event.name);
    let by_ring: Vec<_> = by_ring.filter(|name| supply.by_ring(name)).collect();
    writeln!(out, "\n## By io_uring\n\n{BY_RING}\n")?;
    for line in by_ring.chunks(8) {
        writeln!(out, "{}", line.join(", "))?;
    }
    writeln!(out, "\n{UNSEEN}")?;
    Ok(())
}

/// What is said before the names of events that come of requests.
const BY_RING: &str = "\
The kernel does these for a process that asks by an io_uring, too. Then no system call of the name is made; the event comes
of the request's completion, with the parameters that the call would have. A request is what its `…at` form is: an `openat`, an
`unlinkat`, a `renameat2`, a `sendto`, a `recvfrom`, an `accept4`.";

/// What of io_uring is not seen.
const UNSEEN: &str = "\
What is not seen of it: requests on kernels without the tracepoint `io_uring_submit_req` (before Linux 6.4; the log says so at
the start, and `io_uring_setup`, `io_uring_enter` and `io_uring_register` still tell who uses a ring); what one request does over and over
(multishot); the address that `bind` and `sendto` are given; requests that no event here stands for. A request that asks for no
completion, or whose completion finds no room, is told as if it had gone well: with the result 0. A new descriptor of the ring's own,
which has no number in the process, is told with the result 0 too.";
