//! Laws of the tables, and look-ups.

use std::collections::HashSet;

use super::*;

#[test]
fn names_are_unique() {
    let schema = Schema::syscall();
    assert_eq!(
        schema.fields.len(),
        schema.field_ids.len(),
        "a field stands twice"
    );
    assert_eq!(
        schema.events.len(),
        schema.event_ids.len(),
        "an event stands twice"
    );
    for event in &schema.events {
        let names: HashSet<_> = event.params.iter().map(|param| param.name).collect();
        assert_eq!(
            names.len(),
            event.params.len(),
            "{} has a parameter twice",
            event.name
        );
    }
}

#[test]
fn every_field_has_a_meaning_in_one_sentence() {
    for field in Schema::syscall().fields {
        assert!(
            field.doc.ends_with('.') && field.doc.len() > 5,
            "{}: {:?}",
            field.name,
            field.doc
        );
        assert!(field.name.contains('.'), "{}", field.name);
    }
}

#[test]
fn supply_names_events_that_exist() {
    let schema = Schema::syscall();
    for field in &schema.fields {
        if let Supply::Named(events) = field.supply {
            for event in events {
                assert!(
                    schema.event(event).is_some(),
                    "{} is supplied by {event}, which does not exist",
                    field.name
                );
            }
        }
    }
}

#[test]
fn filter_only_fields_are_bare() {
    for field in Schema::syscall().fields {
        if field.filter_only.is_some() {
            assert!(field.no_rhs && field.no_transform, "{}", field.name);
        }
    }
}

#[test]
fn dotted_arguments_are_split_off() {
    let schema = Schema::syscall();
    let split = |name| {
        schema
            .split(name)
            .map(|(id, arg)| (schema.field_def(id).name, arg))
    };
    for (name, expected) in [
        ("proc.name", Some(("proc.name", None))),
        ("evt.arg.flags", Some(("evt.arg", Some("flags")))),
        ("evt.args", Some(("evt.args", None))),
        ("evt.type.is.open", Some(("evt.type.is", Some("open")))),
        ("evt.abspath.src", Some(("evt.abspath.src", None))),
        ("thread.cgroup.cpu", Some(("thread.cgroup", Some("cpu")))),
        ("thread.cgroups", Some(("thread.cgroups", None))),
        ("k8s.pod.label.app", Some(("k8s.pod.label", Some("app")))),
        (
            "container.label.io.kubernetes.x",
            Some(("container.label", Some("io.kubernetes.x"))),
        ),
        ("proc.name.x", None),
        ("proc.nosuch", None),
        ("evt", None),
    ] {
        assert_eq!(split(name), expected, "{name}");
    }
}

#[test]
fn parameters_have_the_type_of_the_first_event() {
    let schema = Schema::syscall();
    for (name, ty) in [
        ("flags", Some(ParamType::Flags32)),
        ("mode", Some(ParamType::Uint32)),
        ("res", Some(ParamType::Errno)),
        ("uid", Some(ParamType::Uint32)),
        ("addr", Some(ParamType::SockAddr)),
        ("args", Some(ParamType::ByteBuf)),
        ("ID", Some(ParamType::SyscallId)),
        ("nosuch", None),
    ] {
        assert_eq!(schema.raw_param(name).map(|param| param.ty), ty, "{name}");
    }
}

#[test]
fn events_know_what_they_are() {
    let schema = Schema::syscall();
    let event = |name: &str| {
        schema.event_def(
            schema
                .event(name)
                .unwrap_or_else(|| panic!("no event {name}")),
        )
    };
    assert!(event("openat").has_result && event("openat").creates_fd);
    assert!(event("execve").has_result && !event("execve").uses_fd);
    assert!(!event("getuid").has_result && !event("modify_ldt").has_result);
    assert!(event("modify_ldt").generic && event("modify_ldt").kind == EventKind::Syscall);
    assert_eq!(event("signaldeliver").kind, EventKind::Tracepoint);
    assert_eq!(event("container").kind, EventKind::Meta);
    assert!(event("recvfrom").reads && event("sendto").writes && event("poll").waits);
    let params: Vec<_> = event("unlinkat")
        .params
        .iter()
        .map(|param| param.name)
        .collect();
    assert_eq!(params, ["res", "dirfd", "name", "flags"]);
}

#[test]
fn supply_answers_by_event() {
    let schema = Schema::syscall();
    let check = |event: &str, field: &str| {
        let (id, arg) = schema.split(field).expect("the field exists");
        schema.supplies(schema.event(event).expect("the event exists"), id, arg)
    };
    for (event, field, expected) in [
        ("execve", "proc.name", true),
        ("execve", "fd.name", false),
        ("openat", "fd.name", true),
        ("openat", "evt.arg.dirfd", true),
        ("open", "evt.arg.dirfd", false),
        ("modify_ldt", "evt.res", false),
        ("close", "evt.res", true),
        ("procexit", "syscall.type", false),
        ("rename", "fs.path.source", true),
        ("rename", "fs.path.name", false),
        ("openat", "k8s.rc.name", true),
        ("openat", "k8s.svc.name", false),
    ] {
        assert_eq!(check(event, field), expected, "{event} {field}");
    }
}
