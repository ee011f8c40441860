//! The actions for the bundled rules, and the rules that have none.
//!
//! Every bundled rule is in one of both tables, once; the tests hold that.

mod containers;
mod files;
mod network;
mod programs;

pub(super) use self::containers::NETWORK_NAMESPACE;
use super::action::Action;

/// Themes, in the order in which they are reported.
const THEMES: [&[Action]; 11] = [
    containers::ESCAPES,
    files::SECRETS,
    files::INTEGRITY,
    files::TRACES,
    files::PERSISTENCE,
    containers::EXECUTION,
    containers::KERNEL,
    network::NETWORK,
    programs::SHELLS,
    programs::TOOLS,
    programs::USERS,
];

/// Rules that nothing harmless provokes, and why.
pub(super) const UNPROVOKED: &[(&str, &str)] = &[
    (
        crate::detect::CANARY_RULE,
        "the agent provokes it itself, and shows no match of it",
    ),
    (
        "Launch Privileged Container",
        "it takes a container engine that starts a privileged container",
    ),
    (
        "Launch Excessively Capable Container",
        "it takes a container engine that tells what a container may do",
    ),
    (
        "Launch Sensitive Mount Container",
        "it takes a container engine that tells what a container is given",
    ),
    (
        "Mount Launched in Privileged Container",
        "it takes a container engine that tells that a container is privileged",
    ),
    (
        "Shell spawned by main program of container",
        "it takes a container that has been running for half a minute",
    ),
];

/// All actions.
pub(super) fn all() -> impl Iterator<Item = &'static Action> {
    THEMES.into_iter().flatten()
}
