//! What a system call costs while the agent runs, beside what it costs without: one load, the agent started and ended in turns.
//!
//! In: `load.c`, compiled here; the agent's binary, with the bundled rules. Out: Markdown; with `--write PAGE.md` put into the
//! page. Needs root and a C compiler. Times are those of a clock, so that what others do on the machine is in them: only what
//! stands in one row was measured in turns, and the median of the differences is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use testing::page;

use load::{Agent, Load, median};

mod load;

/// Rounds, of which every second one has the agent.
const ROUNDS: usize = 14;
/// Operations of the cheapest kind in a round.
const COUNT: u64 = 400_000;

/// By operation, in the order in which they are done: ns without the agent, with it, and the agent's ns of processor time.
type Figures = BTreeMap<usize, (String, Vec<f64>, Vec<f64>)>;

fn main() {
    page::main("kernel", &page::arguments(), report);
}

fn report() -> String {
    let mut load = Load::start("mixed", ROUNDS, COUNT);
    let mut figures = Figures::new();
    let mut agent_ns = Vec::new();
    for round in 0..ROUNDS {
        let agent = (round % 2 == 1).then(|| Agent::start(&[]));
        let before = agent.as_ref().map(Agent::cpu_ns);
        for (number, (name, ns)) in load.round().into_iter().enumerate() {
            let (_, without, with) = figures
                .entry(number)
                .or_insert_with(|| (name, Vec::new(), Vec::new()));
            match agent {
                Some(_) => with.push(ns),
                None => without.push(ns),
            }
        }
        if let (Some(agent), Some(before)) = (&agent, before) {
            agent_ns.push(agent.cpu_ns() - before);
        }
    }
    load.end();
    let mut out = format!(
        "Measured on {}; {} rounds with the agent, as many without, in turns; medians.\n\n| per operation | without | with | adds |\n|---|---|---|---|\n",
        page::machine(),
        ROUNDS / 2,
    );
    for (name, without, with) in figures.into_values() {
        let adds = median(without.iter().zip(&with).map(|(a, b)| b - a).collect());
        let (without, with) = (median(without), median(with));
        let _ = writeln!(
            out,
            "| {name} | {without:.0} ns | {with:.0} ns | {adds:+.0} ns, {:.2} times |",
            with / without
        );
    }
    let _ = writeln!(
        out,
        "\nDuring a round, a million and a half of these, the agent took {:.1} ms of processor time.",
        median(agent_ns) / 1e6
    );
    out
}
