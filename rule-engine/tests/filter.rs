//! The kernel filter of whole rule files: it comes to an end, keeps its limits, and is always the same.
//!
//! Falco's own files are not part of this project: `SAKER_COMPAT_RULES` names a folder that holds them. Without it the test
//! of those says that it did not run.

use std::path::{Path, PathBuf};

use rule_engine::filter::{ALTERNATIVES_MAX, ATOMS_MAX, Atom, CLAUSES_MAX, Plan, VERSION};
use rule_engine::load::{LoadOptions, Loaded, load, read_paths};
use rule_engine::render;
use rule_engine::schema::Schema;

fn loaded(paths: &[PathBuf], schema: &Schema) -> Loaded {
    let (sources, errors) = read_paths(paths);
    assert!(errors.is_empty(), "{errors:?}");
    load(sources, schema, &LoadOptions::default())
}

/// Checks the plan and gives how many lints there are.
fn check(paths: &[PathBuf]) -> usize {
    let schema = Schema::syscall();
    let loaded = loaded(paths, &schema);
    let rules = loaded.rules.as_ref().expect("the rules load");
    let plan = Plan::of(rules, &schema);
    assert_eq!(plan.version, VERSION);
    assert_eq!(
        plan,
        Plan::of(rules, &schema),
        "the same rules give the same plan"
    );
    assert_eq!(plan.events.len(), rules.events().len());
    eprintln!("{paths:?}: {} event types", plan.events.len());
    for (event, plan) in &plan.events {
        assert!(plan.atoms.len() <= ATOMS_MAX && plan.clauses.len() <= CLAUSES_MAX);
        let asked = plan.clauses.iter().fold(0, |all, clause| {
            assert_eq!(clause.required & clause.refused, 0);
            all | clause.required | clause.refused
        });
        let known = u64::MAX
            .checked_shr(64 - plan.atoms.len() as u32)
            .unwrap_or(0);
        assert_eq!(
            asked, known,
            "every atom is asked for and every bit is an atom"
        );
        for atom in &plan.atoms {
            if let Atom::Text(_, any) = atom {
                assert!(any.len() <= ALTERNATIVES_MAX);
            }
        }
        assert_eq!(plan.open.is_some(), plan.passes_all());
        let name = schema.event_def(*event).name;
        let (atoms, clauses) = (plan.atoms.len(), plan.clauses.len());
        let wide = plan
            .wide
            .iter()
            .map(|wide| rules.rule(wide.rule).name.as_str());
        eprintln!(
            "  {name}: {atoms} atoms, {clauses} clauses{}, wide: {:?}",
            if plan.passes_all() { ", open" } else { "" },
            wide.collect::<Vec<_>>(),
        );
    }
    let lints = loaded.filter_lints(&schema);
    for lint in &lints {
        eprintln!("{}\n", render::draw(lint, &loaded.sources, false));
    }
    lints.len()
}

#[test]
fn our_rules_close_the_filter() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    assert_eq!(
        check(&[rules]),
        0,
        "our own rules are written so that the kernel can decide"
    );
}

#[test]
fn upstream_files_have_plans_alone_and_together() {
    let Some(files) = testing::falco_files() else {
        return;
    };
    for file in &files {
        check(std::slice::from_ref(file));
    }
    check(&files);
}
