//! What an action is: a program that does something harmless that a rule must notice, and the surroundings that it needs.
//!
//! In: nothing. Out: [`Action`]s as constants, read by the stage. Never: a path of the host: what an action names lies in a
//! scratch root that only its own process sees.

use std::net::Ipv4Addr;

use super::program::Call;

/// One rule and what provokes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Action {
    /// Name of the rule.
    pub(super) rule: &'static str,
    /// What is done, in words.
    pub(super) does: &'static str,
    /// Path of the program in the scratch root; its last part is the name of the process.
    pub(super) path: &'static str,
    /// What it is called by, if not by its path.
    pub(super) called: Option<&'static str>,
    /// Arguments.
    pub(super) args: &'static [&'static str],
    /// Environment.
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// What the program does.
    pub(super) calls: &'static [Call],
    /// Where the rule wants it to happen.
    pub(super) place: Place,
    /// Name of the process that starts the program.
    pub(super) parent: &'static str,
    /// Whether somebody sits at a terminal.
    pub(super) on_terminal: bool,
    /// The user that the program runs as.
    pub(super) user: u32,
    /// Whether the rule is about what root does.
    pub(super) takes_root: bool,
    /// The user that logged in, if somebody did.
    pub(super) login: Option<u32>,
    /// Files that are there before.
    pub(super) files: &'static [&'static str],
    /// Addresses that this network has.
    pub(super) addresses: &'static [Ipv4Addr],
    /// Whether the program lies in the upper layer of an overlay.
    pub(super) in_upper_layer: bool,
    /// Why the rule does not match in a container that an engine has made for the test, if so.
    pub(super) excused_below_engine: Option<&'static str>,
}

/// Where something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a container or not: the rule does not ask.
    Anywhere,
    /// On the host.
    Host,
    /// In the control group of a container.
    Container,
}

impl Action {
    /// The program at `path` makes these calls.
    pub(super) const fn new(
        rule: &'static str,
        does: &'static str,
        path: &'static str,
        calls: &'static [Call],
    ) -> Self {
        Self {
            rule,
            does,
            path,
            called: None,
            args: &[],
            environment: &[],
            calls,
            place: Place::Anywhere,
            parent: "saker-selftest",
            on_terminal: false,
            user: 0,
            takes_root: false,
            login: None,
            files: &[],
            addresses: &[],
            in_upper_layer: false,
            excused_below_engine: None,
        }
    }

    /// The program at `path` is run with these arguments, and does nothing.
    pub(super) const fn run(
        rule: &'static str,
        does: &'static str,
        path: &'static str,
        args: &'static [&'static str],
    ) -> Self {
        Self {
            args,
            ..Self::new(rule, does, path, &[])
        }
    }

    /// In a container.
    pub(super) const fn in_container(self) -> Self {
        Self {
            place: Place::Container,
            ..self
        }
    }

    /// On the host.
    pub(super) const fn on_host(self) -> Self {
        Self {
            place: Place::Host,
            ..self
        }
    }

    /// Started by a process of this name.
    pub(super) const fn by(self, parent: &'static str) -> Self {
        Self { parent, ..self }
    }

    /// On a terminal.
    pub(super) const fn on_terminal(self) -> Self {
        Self {
            on_terminal: true,
            ..self
        }
    }

    /// Called by another name.
    pub(super) const fn called(self, name: &'static str) -> Self {
        Self {
            called: Some(name),
            ..self
        }
    }

    /// By this user.
    pub(super) const fn user(self, user: u32) -> Self {
        Self { user, ..self }
    }

    /// By root, and it does not count if it is somebody else.
    pub(super) const fn takes_root(self) -> Self {
        Self {
            takes_root: true,
            ..self
        }
    }

    /// By somebody who has logged in as this user.
    pub(super) const fn login(self, user: u32) -> Self {
        Self {
            login: Some(user),
            ..self
        }
    }

    /// With these variables.
    pub(super) const fn environment(
        self,
        environment: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self {
            environment,
            ..self
        }
    }

    /// Where these files are.
    pub(super) const fn files(self, files: &'static [&'static str]) -> Self {
        Self { files, ..self }
    }

    /// In a network with these addresses.
    pub(super) const fn addresses(self, addresses: &'static [Ipv4Addr]) -> Self {
        Self { addresses, ..self }
    }

    /// Not in a container that an engine has made for the test.
    pub(super) const fn excused_below_engine(self, why: &'static str) -> Self {
        Self {
            excused_below_engine: Some(why),
            ..self
        }
    }

    /// From the upper layer of an overlay.
    pub(super) const fn in_upper_layer(self) -> Self {
        Self {
            in_upper_layer: true,
            ..self
        }
    }
}
