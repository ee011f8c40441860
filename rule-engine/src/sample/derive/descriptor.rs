//! What follows about the event's file descriptor: its type, its directory, both ends of a connection.
//!
//! In: seeds and changes, the event's definition and result. Out: `fd.*`.

use std::net::IpAddr;

use super::{makes_fd, number, text};
use crate::sample::datum::Owned;
use crate::sample::facts::Facts;
use crate::schema::EventDef;

/// Types of descriptors and their letters.
const FD_TYPES: &[(&str, &str)] = &[
    ("file", "f"),
    ("directory", "d"),
    ("ipv4", "4"),
    ("ipv6", "6"),
    ("unix", "u"),
    ("pipe", "p"),
    ("event", "e"),
    ("signalfd", "s"),
    ("eventpoll", "l"),
    ("inotify", "i"),
    ("timerfd", "t"),
    ("netlink", "n"),
    ("bpf", "b"),
    ("userfaultfd", "u"),
    ("io_uring", "r"),
    ("memfd", "m"),
    ("pidfd", "P"),
];

/// What a new descriptor is, by the event that makes it.
const CREATED: &[(&str, &str)] = &[
    ("socket", "ipv4"),
    ("pipe", "pipe"),
    ("pipe2", "pipe"),
    ("eventfd", "event"),
    ("eventfd2", "event"),
    ("signalfd", "signalfd"),
    ("signalfd4", "signalfd"),
    ("epoll_create", "eventpoll"),
    ("epoll_create1", "eventpoll"),
    ("inotify_init", "inotify"),
    ("inotify_init1", "inotify"),
    ("timerfd_create", "timerfd"),
    ("bpf", "bpf"),
    ("userfaultfd", "userfaultfd"),
    ("io_uring_setup", "io_uring"),
    ("memfd_create", "memfd"),
    ("pidfd_open", "pidfd"),
];

/// The event's descriptor.
pub(super) fn derive(facts: &mut Facts<'_>, event: &EventDef, result: Option<i64>) {
    let failed = makes_fd(event) && result.is_some_and(|result| result < 0);
    let num = if failed {
        -1
    } else if makes_fd(event) {
        result.unwrap_or(3)
    } else {
        3
    };
    facts.put("fd.num", Owned::Int(num));
    let kind = descriptor_type(facts, event);
    let letter = FD_TYPES
        .iter()
        .find(|(name, _)| *name == kind)
        .map_or("o", |(_, letter)| letter);
    facts.put("fd.typechar", Owned::text(letter));
    if failed {
        for field in ["fd.type", "fd.filename"] {
            facts.miss(field);
        }
    }
    facts.put("fd.type", Owned::text(&kind));
    if matches!(kind.as_str(), "ipv4" | "ipv6") {
        connection(facts, event);
    } else {
        facts.put("fd.l4proto", Owned::text("<NA>"));
        for field in ["fd.ip", "fd.net", "fd.port", "fd.proto"] {
            facts.put(field, Owned::Several(Vec::new()));
        }
    }
    if kind == "unix" {
        facts.put("fd.sockfamily", Owned::text("unix"));
    }
    facts.put(
        "fd.connected",
        Owned::Bool(matches!(event.name, "connect" | "accept" | "accept4") && !failed),
    );
    facts.put("fd.name_changed", Owned::Bool(false));
    if let Some(name) = text(facts, "fd.name") {
        facts.put("fd.nameraw", Owned::text(&name));
        if let Some((directory, file)) = name
            .rsplit_once('/')
            .filter(|_| matches!(kind.as_str(), "file" | "directory"))
        {
            facts.put(
                "fd.directory",
                Owned::text(if directory.is_empty() { "/" } else { directory }),
            );
            facts.put("fd.filename", Owned::text(file));
        }
    }
    facts.put("fd.is_upper_layer", Owned::Bool(false));
    facts.put("fd.is_lower_layer", Owned::Bool(false));
    facts.put("fd.ino", Owned::Int(1_048_578));
}

/// Type of the descriptor: as set, else by its addresses, its name, or the event that makes it.
fn descriptor_type(facts: &Facts<'_>, event: &EventDef) -> String {
    if let Some(kind) = text(facts, "fd.type") {
        return kind;
    }
    if let Some(letter) = text(facts, "fd.typechar") {
        return FD_TYPES
            .iter()
            .find(|(_, known)| *known == letter)
            .map_or("unknown", |(kind, _)| kind)
            .to_owned();
    }
    let address = ["fd.sip", "fd.cip", "fd.lip", "fd.rip"]
        .iter()
        .find_map(|field| facts.get(field));
    let kind = match address {
        Some(Owned::Ip(IpAddr::V4(_))) => "ipv4",
        Some(Owned::Ip(IpAddr::V6(_))) => "ipv6",
        _ => match CREATED.iter().find(|(name, _)| *name == event.name) {
            Some((_, kind)) => kind,
            None if event.category == "net" => "ipv4",
            None if text(facts, "fd.name")
                .is_some_and(|name| name.len() > 1 && name.ends_with('/')) =>
            {
                "directory"
            }
            None => "file",
        },
    };
    kind.to_owned()
}

/// Both ends of a connection, in every form that fields have for them.
fn connection(facts: &mut Facts<'_>, event: &EventDef) {
    let accepts = matches!(event.name, "accept" | "accept4" | "listen");
    facts.put("fd.is_server", Owned::Bool(accepts));
    let server = matches!(facts.get("fd.is_server"), Some(Owned::Bool(true)));
    facts.put("fd.sockfamily", Owned::text("ip"));
    facts.put("fd.l4proto", Owned::text("tcp"));
    let (local, remote) = if server { ("s", "c") } else { ("c", "s") };
    for (side, name) in [(local, "l"), (remote, "r")] {
        for what in ["ip", "port"] {
            let (by_role, by_place) = (format!("fd.{side}{what}"), format!("fd.{name}{what}"));
            if let Some(value) = facts.get(&by_role).cloned() {
                facts.put(&by_place, value);
            } else if let Some(value) = facts.get(&by_place).cloned() {
                facts.put(&by_role, value);
            }
        }
    }
    for side in ["c", "s", "l", "r"] {
        if let Some(address) = facts.get(&format!("fd.{side}ip")).cloned() {
            facts.put(&format!("fd.{side}net"), address);
        }
    }
    for what in ["ip", "net", "port"] {
        let both = ["c", "s"]
            .iter()
            .filter_map(|side| facts.get(&format!("fd.{side}{what}")).cloned())
            .collect();
        facts.put(&format!("fd.{what}"), Owned::Several(both));
    }
    let end = |facts: &Facts<'_>, side: &str| match facts.get(&format!("fd.{side}ip")) {
        Some(Owned::Ip(address)) => Some(format!(
            "{address}:{}",
            number(facts, &format!("fd.{side}port")).unwrap_or(0)
        )),
        _ => None,
    };
    match (end(facts, "c"), end(facts, "s")) {
        (Some(client), Some(server)) => {
            facts.put("fd.name", Owned::text(format!("{client}->{server}")))
        }
        (None, Some(server)) => facts.put("fd.name", Owned::text(server)),
        _ => {}
    }
}
