//! Fields that an engine answers: awaited until it has, then there or missing.

use super::*;
use crate::event::container::{ImageInfo, Mount, PodInfo, Probes, Shares};
use crate::event::kubernetes::{Object, Workload};

fn mount(source: &str, destination: &str) -> Mount {
    Mount {
        source: source.into(),
        destination: destination.into(),
        mode: "ro".into(),
        writable: false,
        propagation: "rprivate".into(),
    }
}

fn info() -> ContainerInfo {
    ContainerInfo {
        runtime: Runtime::Docker,
        name: "web".into(),
        image: ImageInfo {
            name: "team/web:1".into(),
            id: "12".into(),
            repository: "team/web".into(),
            tag: "1".into(),
            digest: "".into(),
        },
        privileged: Some(true),
        mounts: [mount("/etc", "/host/etc"), mount("/srv/a", "/data")].into(),
        labels: [
            ("app".into(), "web".into()),
            ("tier".into(), "front".into()),
        ]
        .into(),
        start_wall_ns: 400_000,
        ip: "10.0.0.9".into(),
        shares: Shares {
            network: Some(true),
            ..Shares::default()
        },
        probes: Probes {
            liveness: Some(["live".into(), "-x".into()].into()),
            ..Probes::default()
        },
        pod: Some(Box::new(PodInfo {
            namespace: "shop".into(),
            name: "web-1".into(),
            uid: "u".into(),
            sandbox_id: "fedcba98".repeat(8).into(),
            labels: [("app".into(), "web".into())].into(),
            ..PodInfo::default()
        })),
        ..ContainerInfo::default()
    }
}

#[test]
fn what_an_engine_tells_is_awaited_and_nothing_else() {
    let rows = [
        ("container.id", "0123456789ab"),
        ("container.type", "docker"),
        ("container.name", "?"),
        ("container.privileged", "?"),
        ("container.label.app", "?"),
        ("container.mount.dest[/etc]", "?"),
        ("k8s.ns.name", "?"),
        ("proc.is_container_healthcheck", "?"),
        ("container.healthcheck", "?"),
        ("proc.name", "cat"),
        ("fd.name", "-"),
    ];
    check(EXEC, "execve", View::Requested, true, &rows);
    // Outside containers there is nothing to wait for.
    let rows = [
        ("container.id", "host"),
        ("container.type", "host"),
        ("container.name", "-"),
        ("container.start_ts", "-"),
        ("proc.is_container_healthcheck", "false"),
    ];
    check(EXEC, "execve", View::Requested, false, &rows);
}

#[test]
fn what_an_engine_has_told_is_shown() {
    let world = World {
        metadata: Some(Arc::new(info())),
        ..world()
    };
    let rows = [
        ("container.name", "web"),
        ("container.image", "team/web:1"),
        ("container.image.id", "12"),
        ("container.image.repository", "team/web"),
        ("container.image.tag", "1"),
        ("container.image.digest", "-"),
        ("container.privileged", "true"),
        (
            "container.mounts",
            "/etc:/host/etc:ro:false:rprivate /srv/a:/data:ro:false:rprivate",
        ),
        ("container.mount[1]", "/srv/a:/data:ro:false:rprivate"),
        ("container.mount[/etc]", "/etc:/host/etc:ro:false:rprivate"),
        ("container.mount.dest[/srv/*]", "/data"),
        ("container.mount.source[/host/*]", "/etc"),
        ("container.mount.rdwr[0]", "false"),
        ("container.mount.mode[0]", "ro"),
        ("container.mount.dest[2]", "-"),
        ("container.mount.dest[/nowhere]", "-"),
        ("container.label.tier", "front"),
        ("container.label[app]", "web"),
        ("container.label.none", "-"),
        ("container.labels", "app:web, tier:front"),
        ("container.start_ts", "400000"),
        ("container.duration", "600000"),
        ("container.ip", "10.0.0.9"),
        ("container.host_network", "true"),
        ("container.host_pid", "-"),
        ("container.healthcheck", "NONE"),
        ("container.liveness_probe", "live -x"),
        ("k8s.ns.name", "shop"),
        ("k8s.pod.name", "web-1"),
        ("k8s.pod.uid", "u"),
        ("k8s.pod.id", "u"),
        ("k8s.pod.label.app", "web"),
        ("k8s.pod.labels", "app:web"),
        ("k8s.pod.sandbox_id", "fedcba98fedc"),
        ("k8s.pod.ip", "-"),
        ("proc.is_container_liveness_probe", "false"),
    ];
    check_in(&world, EXEC, "execve", View::Requested, true, &rows);
}

#[test]
fn what_the_api_server_tells_of_a_pod_is_shown() {
    let object = |name: &str| Object {
        name: name.into(),
        uid: format!("uid-{name}").into(),
        labels: [("app".into(), name.into()), ("tier".into(), "front".into())].into(),
    };
    let mut world = World {
        metadata: Some(Arc::new(info())),
        pod: Some(PodMeta {
            pod: Object {
                uid: "u".into(),
                ..object("web-1")
            },
            ip: "10.0.0.9".into(),
            namespace: Some(object("shop")),
            deployment: Some(object("web")),
            workload: Some(Workload {
                kind: "Deployment".into(),
                name: "web".into(),
            }),
            ..PodMeta::default()
        }),
        ..world()
    };
    let rows = [
        ("k8smeta.pod.name", "web-1"),
        ("k8smeta.pod.uid", "u"),
        ("k8smeta.pod.label[tier]", "front"),
        ("k8smeta.pod.labels", "(app:web-1,tier:front)"),
        ("k8smeta.pod.ip", "10.0.0.9"),
        ("k8smeta.ns.name", "shop"),
        ("k8smeta.ns.label[none]", "-"),
        ("k8s.ns.id", "uid-shop"),
        ("k8s.ns.label.app", "shop"),
        ("k8s.ns.labels", "app:shop, tier:front"),
        ("k8s.deployment.name", "web"),
        ("k8smeta.deployment.uid", "uid-web"),
        ("k8smeta.workload.kind", "Deployment"),
        ("k8smeta.rs.name", "-"),
        ("k8smeta.node.name", "-"),
        // This one the container runtime knows too.
        ("k8s.pod.label.app", "web"),
    ];
    check_in(&world, EXEC, "execve", View::Requested, true, &rows);
    // Nothing waits for it.
    world.pod = None;
    let rows = [("k8smeta.pod.name", "-"), ("k8s.deployment.name", "-")];
    check_in(&world, EXEC, "execve", View::Requested, true, &rows);
}

#[test]
fn the_event_of_a_container_tells_of_it_as_json() {
    let world = World {
        metadata: Some(Arc::new(info())),
        ..world()
    };
    let expected = concat!(
        r#"{"container":{"type":0,"id":"","full_id":"","name":"web","image":"team/web:1","imageid":"12","imagerepo":"team/web","#,
        r#""imagetag":"1","imagedigest":"","privileged":true,"created_time":0,"ip":"10.0.0.9","host_pid":false,"#,
        r#""host_network":true,"host_ipc":false,"labels":{"app":"web","tier":"front"},"#,
        r#""Mounts":[{"Source":"/etc","Destination":"/host/etc","Mode":"ro","RW":false,"Propagation":"rprivate"},"#,
        r#"{"Source":"/srv/a","Destination":"/data","Mode":"ro","RW":false,"Propagation":"rprivate"}],"#,
        r#""is_pod_sandbox":false,"pod_sandbox_id":"fedcba98fedc","pod_sandbox_labels":{"app":"web"},"cni_json":"","#,
        r#""LivenessProbe":{"exe":"live","args":["-x"]}}}"#,
    );
    let rows = [
        ("evt.type", "container"),
        ("evt.arg.json", expected),
        ("evt.is_async", "true"),
        ("evt.asynctype", "container"),
        ("evt.category", "process"),
        ("evt.res", "-"),
        ("syscall.type", "-"),
        ("container.name", "web"),
    ];
    let facts = Facts::Container;
    check_in(&world, facts, "container", View::Requested, true, &rows);
    let rows = [("evt.is_async", "false"), ("evt.asynctype", "-")];
    check_in(&world, EXEC, "execve", View::Requested, true, &rows);
}

/// `probe` is entered into the container from outside; `cat(30)` is its child or not.
#[test]
fn a_probe_is_what_was_put_into_the_container_and_what_it_starts() {
    for (elder_in_container, args, expected) in [
        (true, "-x\0", "true"),
        (true, "-y\0", "false"),
        (false, "-x\0", "false"),
    ] {
        let mut world = World {
            metadata: Some(Arc::new(info())),
            ..world()
        };
        let cgroup = Arc::new(Cgroup {
            container: Some(ContainerId {
                full: "0123456789abcdef".repeat(4).into(),
                runtime: Runtime::Docker,
                pod_uid: None,
            }),
            ..Cgroup::default()
        });
        let mut live = process(25, 20, "live", args);
        let image = Arc::make_mut(&mut live.image);
        image.exe = b"live"[..].into();
        if elder_in_container {
            live.cgroup = Arc::clone(&cgroup);
        }
        world.processes.insert(live.key, live);
        if let Some(cat) = world.processes.get_mut(&key(30)) {
            cat.cgroup = cgroup;
        }
        let rows = [("proc.is_container_liveness_probe", expected)];
        check_in(&world, EXEC, "execve", View::Requested, true, &rows);
    }
}
