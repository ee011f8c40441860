//! Which container a cgroup path belongs to.
//!
//! In: a path inside a cgroup hierarchy, as the kernel names it (v1, hybrid or v2: the forms are the same). Out: a
//! [`ContainerId`], or none for the host. Never: I/O, and no guess: a path that no known runtime writes is the host's.
//!
//! Sources: what each runtime writes with its cgroupfs and its systemd driver, recorded in the table of the tests.

mod table;

pub use self::table::Cgroups;
use crate::event::container::{ContainerId, Runtime, is_hex_id};

/// Longest container id that is believed (Docker and CRI write 64 hex digits; `ctr` and LXC take free text).
const ID_LEN_MAX: usize = 128;

/// The container that a cgroup path belongs to; the innermost one when they nest.
#[must_use]
pub fn container(path: &[u8]) -> Option<ContainerId> {
    let path = std::str::from_utf8(path).ok()?;
    let mut before = path.trim_end_matches('/');
    while let Some((parents, name)) = before.rsplit_once('/') {
        if let Some((runtime, id)) = component(parents, name) {
            return Some(ContainerId {
                full: id.into(),
                runtime,
                pod_uid: pod_uid(path),
            });
        }
        before = parents;
    }
    None
}

/// The container of a path that only its shim's arguments vouch for: `ctr` writes `/NAMESPACE/ID`, both free text.
#[must_use]
pub fn shim_container(path: &[u8], namespace: &[u8], id: &[u8]) -> Option<ContainerId> {
    let rest = path.strip_prefix(b"/")?.strip_prefix(namespace)?;
    let rest = rest.strip_prefix(b"/")?.strip_prefix(id)?;
    if !(rest.is_empty() || rest.starts_with(b"/")) || id.is_empty() || id.len() > ID_LEN_MAX {
        return None;
    }
    Some(ContainerId {
        full: std::str::from_utf8(id).ok()?.into(),
        runtime: Runtime::Containerd,
        pod_uid: None,
    })
}

/// What one component says: the runtime and the id in it.
fn component<'a>(parents: &str, name: &'a str) -> Option<(Runtime, &'a str)> {
    let name = name
        .strip_suffix(".scope")
        .or_else(|| name.strip_suffix(".service"))
        .unwrap_or(name);
    let parent = parents.rsplit('/').next().unwrap_or("");

    // runc's systemd form that reached a cgroupfs driver: SLICE:PREFIX:ID.
    let mut parts = name.rsplitn(3, ':');
    if let (Some(id), Some(prefix), Some(_slice)) = (parts.next(), parts.next(), parts.next())
        && is_hex_id(id)
    {
        return Some((prefix_runtime(prefix).unwrap_or(Runtime::Unknown), id));
    }
    if let Some((prefix, id)) = name.rsplit_once('-')
        && is_hex_id(id)
    {
        // `libpod-conmon-ID` and `crio-conmon-ID` are the monitors, on the host.
        return prefix_runtime(prefix).map(|runtime| (runtime, id));
    }
    if is_hex_id(name) {
        return Some((parent_runtime(parents, parent), name));
    }
    if is_ecs_task(name) {
        return Some((Runtime::Docker, name));
    }
    if let Some(id) = name.strip_prefix("lxc.payload.") {
        return named(Runtime::Lxc, id);
    }
    match parent {
        "lxc" | "lxc.payload" => named(Runtime::Lxc, name),
        "buildkit" => named(Runtime::Buildkit, name),
        "machine.slice" => named(Runtime::Nspawn, name.strip_prefix("machine-")?),
        // `ctr` without a namespace; others are found by their shim.
        "default" if parents == "/default" => named(Runtime::Containerd, name),
        _ => None,
    }
}

fn named(runtime: Runtime, id: &str) -> Option<(Runtime, &str)> {
    (!id.is_empty() && id.len() <= ID_LEN_MAX).then_some((runtime, id))
}

fn prefix_runtime(prefix: &str) -> Option<Runtime> {
    match prefix {
        "docker" => Some(Runtime::Docker),
        "cri-containerd" | "nerdctl" | "containerd" => Some(Runtime::Containerd),
        "crio" => Some(Runtime::Crio),
        "libpod" => Some(Runtime::Podman),
        _ => None,
    }
}

fn parent_runtime(parents: &str, parent: &str) -> Runtime {
    match parent {
        "docker" | "actions_job" => Runtime::Docker,
        "libpod_parent" => Runtime::Podman,
        _ if parents.starts_with("/ecs/") => Runtime::Docker,
        _ if pod_uid(parents).is_some() => Runtime::Cri,
        _ => Runtime::Unknown,
    }
}

/// Amazon ECS on Fargate: 32 hex digits, a dash, ten digits.
fn is_ecs_task(name: &str) -> bool {
    name.split_once('-').is_some_and(|(task, number)| {
        task.len() == 32
            && task.bytes().all(|b| b.is_ascii_hexdigit())
            && number.len() == 10
            && number.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The pod's uid: `pod<uid>` (cgroupfs driver) or `…-pod<uid with _>.slice` (systemd driver).
fn pod_uid(path: &str) -> Option<Box<str>> {
    path.split(['/', ':']).rev().find_map(|name| {
        let uid = match name.strip_suffix(".slice") {
            Some(slice) => slice.rsplit_once("-pod")?.1.replace('_', "-"),
            None => name.strip_prefix("pod")?.to_owned(),
        };
        // Static pods carry the 32 digits of their manifest's hash instead of a UUID.
        let digits = uid.bytes().filter(u8::is_ascii_hexdigit).count();
        let dashes = uid.bytes().filter(|b| *b == b'-').count();
        (digits == 32 && digits + dashes == uid.len()).then(|| uid.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9f1c2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8";
    const UID: &str = "7a3c1f0e-55b1-4c0c-9a58-0a1d4d2c9e11";

    /// Path with `ID`, `UID` and `U_D` (uid with underscores) put in → runtime, whether it is in a pod.
    const PATHS: &[(&str, Runtime, bool)] = &[
        ("/docker/ID", Runtime::Docker, false),
        ("/system.slice/docker-ID.scope", Runtime::Docker, false),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-ID.scope",
            Runtime::Docker,
            false,
        ),
        (
            "/docker/0000000000000000000000000000000000000000000000000000000000000000/docker/ID",
            Runtime::Docker,
            false,
        ),
        ("/docker/ID/init.scope", Runtime::Docker, false),
        ("/actions_job/ID", Runtime::Docker, false),
        ("/ecs/task-definition/ID", Runtime::Docker, false),
        ("/kubepods/burstable/podUID/ID", Runtime::Cri, true),
        ("/kubepods/besteffort/podUID/ID", Runtime::Cri, true),
        ("/kubepods/podUID/ID", Runtime::Cri, true),
        (
            "/kubepods/burstable/poda1b2c3d4e5f60718293a4b5c6d7e8f90/ID",
            Runtime::Cri,
            true,
        ),
        (
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podU_D.slice/cri-containerd-ID.scope",
            Runtime::Containerd,
            true,
        ),
        (
            "/kubepods.slice/kubepods-podU_D.slice/crio-ID.scope",
            Runtime::Crio,
            true,
        ),
        (
            "/kubepods.slice/kubepods-podU_D.slice/crio-ID.scope/container",
            Runtime::Crio,
            true,
        ),
        (
            "/kubepods.slice/kubepods-podU_D.slice/docker-ID.scope",
            Runtime::Docker,
            true,
        ),
        (
            "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod1.slice/kubelet-kubepods-podU_D.slice/cri-containerd-ID.scope",
            Runtime::Containerd,
            true,
        ),
        (
            "/system.slice/containerd.service/kubepods-burstable-podU_D.slice:cri-containerd:ID",
            Runtime::Containerd,
            true,
        ),
        ("/system.slice:docker:ID", Runtime::Docker, false),
        ("/system.slice/nerdctl-ID.scope", Runtime::Containerd, false),
        ("/libpod_parent/libpod-ID", Runtime::Podman, false),
        ("/machine.slice/libpod-ID.scope", Runtime::Podman, false),
        (
            "/machine.slice/libpod-ID.scope/container",
            Runtime::Podman,
            false,
        ),
        (
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
            Runtime::Podman,
            false,
        ),
        ("/k8s.io/ID", Runtime::Unknown, false),
    ];

    #[test]
    fn paths_of_runtimes_give_their_container() {
        for (path, runtime, in_pod) in PATHS {
            let text = path
                .replace("U_D", &UID.replace('-', "_"))
                .replace("UID", UID)
                .replace("ID", ID);
            let got = container(text.as_bytes()).unwrap_or_else(|| panic!("{text}: no container"));
            assert_eq!(
                (&*got.full, got.runtime, got.pod_uid.is_some()),
                (ID, *runtime, *in_pod),
                "{text}"
            );
            assert_eq!(got.short(), &ID[..12]);
        }
    }

    #[test]
    fn names_that_somebody_chose_stay_whole() {
        for (path, id, runtime) in [
            ("/default/ctrtest", "ctrtest", Runtime::Containerd),
            ("/default/ctrtest/sub/child", "ctrtest", Runtime::Containerd),
            ("/lxc/web", "web", Runtime::Lxc),
            (
                "/lxc.payload.web/system.slice/cron.service",
                "web",
                Runtime::Lxc,
            ),
            ("/lxc.payload/web", "web", Runtime::Lxc),
            ("/machine.slice/machine-arch.scope", "arch", Runtime::Nspawn),
            (
                "/docker/buildkit/k2j3h4g5f6",
                "k2j3h4g5f6",
                Runtime::Buildkit,
            ),
            (
                "/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-1234567890",
                "0123456789abcdef0123456789abcdef-1234567890",
                Runtime::Docker,
            ),
        ] {
            let got = container(path.as_bytes()).unwrap_or_else(|| panic!("{path}: no container"));
            assert_eq!(
                (got.short(), &*got.full, got.runtime),
                (id, id, runtime),
                "{path}"
            );
        }
    }

    #[test]
    fn paths_of_the_host_give_none() {
        for path in [
            "",
            "/",
            "//",
            "/init.scope",
            "/system.slice/docker.service",
            "/system.slice/containerd.service",
            "/user.slice/user-0.slice/session-3.scope",
            "/kubepods.slice/kubepods-burstable.slice",
            "/process_api/465d15a0ba9b31c75742329c344d7a32",
            "/other/default/thing",
            "/default",
            "/machine.slice",
            "/lxc",
            "/docker/ABCDEF",
            "no/slash/at/the/front",
        ] {
            assert_eq!(container(path.as_bytes()), None, "{path}");
        }
        for monitor in ["libpod-conmon", "crio-conmon"] {
            let path = format!("/machine.slice/{monitor}-{ID}.scope");
            assert_eq!(container(path.as_bytes()), None, "{path}");
        }
        assert_eq!(container(b"/docker/\xff\xfe"), None);
    }

    #[test]
    fn a_shim_vouches_for_free_names() {
        let got =
            |path: &[u8]| shim_container(path, b"team", b"job-1").map(|c| c.full.into_string());
        assert_eq!(got(b"/team/job-1").as_deref(), Some("job-1"));
        assert_eq!(got(b"/team/job-1/sub").as_deref(), Some("job-1"));
        assert_eq!(got(b"/team/job-11"), None);
        assert_eq!(got(b"/other/job-1"), None);
        assert_eq!(shim_container(b"/team/", b"team", b""), None);
    }
}
