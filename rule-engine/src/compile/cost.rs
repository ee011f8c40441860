//! What checks cost, so that cheap ones are tried first.

use crate::schema::{FieldDef, Multiplicity};
use crate::value::FieldKey;

/// The usual cost of fetching a field, in the time of comparing two numbers.
const USUAL: u32 = 5;

/// What it costs to fetch a field, at a guess from its name: whether a host has it at hand, has to look through ancestors, put
/// text together or ask for late metadata.
pub(super) fn of_field(def: &FieldDef, arg: &FieldKey) -> u32 {
    let name = def.name;
    let late = name.starts_with("container.") && name != "container.id" || name.starts_with("k8s");
    if late || name.ends_with("ip.name") {
        return 500;
    }
    if name.ends_with(".args") || name == "evt.info" {
        return 200;
    }
    if name.starts_with("evt.arg") || name.starts_with("proc.env") || name.starts_with("proc.aenv")
    {
        return 60;
    }
    match (def.multiplicity, arg) {
        (Multiplicity::Any, FieldKey::Index(index)) => USUAL * (*index).clamp(1, 10),
        (Multiplicity::Any, _) => 60,
        _ if name.ends_with("cmdline") => 20,
        _ => USUAL,
    }
}

/// What a transformer costs besides its fields.
pub(super) const TRANSFORM: u32 = 30;
