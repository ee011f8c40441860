//! `saker explain`: why a rule matches an event or not.
//!
//! In: a rule's name and an event as JSON. Out: the evaluated condition with the value of every field.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, bail};
use rule_engine::casetest;
use rule_engine::program::RuleSet;
use rule_engine::sample::MapEvent;
use rule_engine::schema::Schema;
use rule_engine::suggest::closest;

use super::rules::{self, RuleArgs};
use super::{Terminal, Verdict};

/// Bytes of an event at most.
const MAX_EVENT_BYTES: u64 = 1 << 20;

/// Flags of `saker explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the rule.
    #[arg(long, value_name = "NAME")]
    rule: String,
    #[command(flatten)]
    rules: RuleArgs,
    /// File with the event: a JSON object of field names and values, or a match as Saker and Falco write it. `-` reads
    /// standard input.
    #[arg(value_name = "EVENT.json")]
    event: PathBuf,
    /// Print the evaluated condition as JSON.
    #[arg(long)]
    json: bool,
}

/// Explains.
pub(super) fn run(args: &Args, terminal: &mut Terminal<'_>) -> anyhow::Result<Verdict> {
    let schema = Schema::syscall();
    let Some(loaded) = rules::load_whole(
        &args.rules.rules,
        &schema,
        &casetest::load_options(),
        terminal,
    )?
    else {
        return Ok(Verdict::Bad);
    };
    let rules = loaded
        .rules
        .as_ref()
        .context("rules without errors are compiled")?;
    let rule = find(rules, &args.rule)?;
    let event = event(&schema, &args.event)?;
    let explanation = rule_engine::explain::explain(rule, &event, &schema)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *terminal.out, &explanation.json())?;
        writeln!(terminal.out)?;
    } else {
        write!(terminal.out, "{}", explanation.text())?;
    }
    Ok(Verdict::Good)
}

fn find<'r>(rules: &'r RuleSet, name: &str) -> anyhow::Result<&'r rule_engine::program::Rule> {
    if let Some(rule) = rules.rules().iter().find(|rule| rule.name == name) {
        return Ok(rule);
    }
    let names = rules.rules().iter().map(|rule| rule.name.as_str());
    match closest(name, names) {
        Some(near) => bail!("there is no rule `{name}`; did you mean `{near}`?"),
        None => bail!("there is no rule `{name}`; `saker list rules` names them"),
    }
}

fn event(schema: &Schema, path: &Path) -> anyhow::Result<MapEvent> {
    let name = path.display();
    let text = read(path).with_context(|| format!("cannot read {name}"))?;
    let json: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{name} is not JSON"))?;
    MapEvent::from_json(schema, &json).map_err(|errors| {
        let line = |error: &rule_engine::sample::SampleError| match &error.help {
            Some(help) => format!("{}; {help}", error.message),
            None => error.message.clone(),
        };
        let all = errors.iter().map(line).collect::<Vec<_>>().join("\n  ");
        anyhow::anyhow!("{name} is no event:\n  {all}")
    })
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin()
            .lock()
            .take(MAX_EVENT_BYTES + 1)
            .read_to_string(&mut text)?;
    } else {
        fs::File::open(path)?
            .take(MAX_EVENT_BYTES + 1)
            .read_to_string(&mut text)?;
    }
    if text.len() as u64 > MAX_EVENT_BYTES {
        return Err(io::Error::other(format!(
            "it is larger than {MAX_EVENT_BYTES} bytes, which is the limit"
        )));
    }
    Ok(text)
}
