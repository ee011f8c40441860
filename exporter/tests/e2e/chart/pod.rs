//! A kubelet's part: the container of a rendered DaemonSet or Pod with its volumes, environment, rights and probes, over CRI.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::cri::Pods;
use crate::support::cri::message::{
    Capabilities, ContainerConfig, ContainerMetadata, ContainerSecurity, Image, KeyValue,
    LinuxContainerConfig, Mount, Namespaces, Number, Profile, Resources,
};
use crate::support::exposition::Exposition;
use crate::support::http::get;
use crate::support::shipped;

/// The node's name.
pub(super) const NODE: &str = "node-1";
/// What a container that is to end by itself may take; only a failing test waits for it.
const END_TIME_MAX: Duration = Duration::from_secs(240);
/// The container's log, in the pod's folder.
const LOG: &str = "saker.log";

/// What Helm makes of the chart.
pub(super) fn rendered(values: &Value) -> Vec<Value> {
    let folder = TempDir::new().expect("a scratch folder");
    let path = folder.path().join("values.yaml");
    fs::write(&path, values.to_string()).expect("the scratch folder is writable");
    let output = Command::new(shipped("target/charts/bin/python"))
        .arg(shipped("xtask/src/chart/engines/helm4.py"))
        .arg("render")
        .arg(shipped("charts/saker"))
        .arg(&path)
        .output()
        .expect("`make services` installs Helm");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    serde_json::from_slice(&output.stdout).expect("a list in JSON")
}

/// The pod of the DaemonSet on this machine.
pub(super) struct Pod<'a> {
    engine: &'a Pods,
    spec: Value,
    /// A folder for each ConfigMap, and one for what is logged.
    volumes: TempDir,
    container: String,
}

impl<'a> Pod<'a> {
    /// Starts that of the DaemonSet, with the node's network: a pod of its own would take a plugin.
    pub(super) fn start(engine: &'a Pods, objects: &[Value]) -> Pod<'a> {
        let spec = &of_kind(objects, "DaemonSet")["spec"]["template"]["spec"];
        assert_eq!(spec["hostNetwork"], true);
        Pod::of(engine, spec, objects, &[])
    }

    /// Starts that of `helm test`, for which these names are the node's.
    pub(super) fn start_test(engine: &'a Pods, objects: &[Value], names: &[&str]) -> Pod<'a> {
        Pod::of(engine, &of_kind(objects, "Pod")["spec"], objects, names)
    }

    fn of(engine: &'a Pods, spec: &Value, objects: &[Value], names: &[&str]) -> Pod<'a> {
        let volumes = TempDir::with_prefix("saker-volumes-").expect("a scratch folder");
        let mut pod = Pod {
            engine,
            spec: spec.clone(),
            volumes,
            container: String::new(),
        };
        for object in objects
            .iter()
            .filter(|object| object["kind"] == "ConfigMap")
        {
            let name = text(&object["metadata"]["name"]);
            fs::create_dir(pod.volumes.path().join(name)).expect("a scratch folder");
            pod.change_config_map(name, &object["data"]);
        }
        let hosts = format!("127.0.0.1 localhost\n{} {}\n", address(), names.join(" "));
        fs::write(pod.volumes.path().join("hosts"), hosts).expect("a scratch folder");
        let name = text(&pod.container()["name"]);
        let uid = Uuid::now_v7().to_string();
        let log = pod.volumes.path().join("log");
        let log = log.to_str().expect("a path in UTF-8");
        let sandbox = engine.run_pod_logging("security", name, &uid, pod.pid_mode(), log);
        pod.container = engine.start_configured(&sandbox, pod.config());
        pod
    }

    /// Puts other files into a ConfigMap's volume, as a kubelet does: a new folder, to which a link is turned at once.
    pub(super) fn change_config_map(&self, name: &str, data: &Value) {
        let volume = self.volumes.path().join(name);
        let versions = fs::read_dir(&volume).expect("a volume").count();
        let version = format!("..version-{versions}");
        fs::create_dir(volume.join(&version)).expect("a scratch folder");
        for (file, content) in data.as_object().expect("files") {
            fs::write(volume.join(&version).join(file), text(content)).expect("a scratch folder");
            let link = volume.join(file);
            if !link.is_symlink() {
                symlink(Path::new("..data").join(file), link).expect("a scratch folder");
            }
        }
        symlink(&version, volume.join("..data.new")).expect("a scratch folder");
        fs::rename(volume.join("..data.new"), volume.join("..data")).expect("turned");
    }

    /// Whether a probe succeeds.
    pub(super) fn probe(&self, name: &str) -> bool {
        let request = &self.container()[name]["httpGet"];
        assert_eq!(request["port"], "metrics", "{name}");
        self.get(text(&request["path"])).is_some()
    }

    /// Its metrics now.
    pub(super) fn scrape(&self) -> Exposition {
        Exposition::parse(&self.get("/metrics").expect("metrics"))
    }

    /// What `kubectl logs` shows of matches.
    pub(super) fn lines(&self) -> Vec<Value> {
        let log = self.log();
        log.lines()
            .filter_map(|line| line.split_once(" stdout F "))
            .map(|(_, line)| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    }

    /// What it has written, as a kubelet keeps it.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.volumes.path().join("log").join(LOG)).unwrap_or_default()
    }

    /// Waits for its end, and gives its exit code.
    pub(super) fn end(&self) -> i32 {
        // It takes longer than a condition that is waited for: it lets half a minute pass.
        let begun = Instant::now();
        while self.engine.is_running(&self.container) {
            assert!(begun.elapsed() < END_TIME_MAX, "{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
        self.engine.stop_container(&self.container, 0)
    }

    /// Ends it as a kubelet does, and gives its exit code.
    pub(super) fn stop(&self) -> i32 {
        let grace = self.spec["terminationGracePeriodSeconds"].as_i64();
        self.engine
            .stop_container(&self.container, grace.expect("a time"))
    }

    fn container(&self) -> &Value {
        &self.spec["containers"][0]
    }

    fn get(&self, path: &str) -> Option<String> {
        assert!(
            self.engine.is_running(&self.container),
            "the container has ended: {}",
            self.log()
        );
        let port = self.container()["ports"][0]["containerPort"].as_u64();
        let port = u16::try_from(port.expect("a port")).expect("a port");
        match get(([127, 0, 0, 1], port).into(), path, "") {
            Ok((200, text)) => Some(text),
            _ => None,
        }
    }

    /// Mode of the pid namespace: the node's, or one of its own for each container.
    fn pid_mode(&self) -> i32 {
        if self.spec["hostPID"] == true { 2 } else { 1 }
    }

    /// What a kubelet asks of the engine.
    fn config(&self) -> ContainerConfig {
        let container = self.container();
        let words = |value: &Value| list(value).map(|word| text(word).to_owned()).collect();
        let envs = list(&container["env"]).map(|variable| {
            let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
                Some("spec.nodeName") => NODE.to_owned(),
                _ => text(&variable["value"]).replace("$(NODE_NAME)", NODE),
            };
            KeyValue {
                key: text(&variable["name"]).to_owned(),
                value,
            }
        });
        let mounts = list(&container["volumeMounts"]).map(|mount| Mount {
            container_path: text(&mount["mountPath"]).to_owned(),
            host_path: self.source(&mount["name"]).display().to_string(),
            readonly: mount["readOnly"] == true,
            propagation: i32::from(mount["mountPropagation"] == "HostToContainer"),
        });
        // A kubelet adds it to every container.
        let hosts = Mount {
            container_path: "/etc/hosts".to_owned(),
            host_path: self.volumes.path().join("hosts").display().to_string(),
            readonly: false,
            propagation: 0,
        };
        ContainerConfig {
            metadata: Some(ContainerMetadata {
                name: text(&container["name"]).to_owned(),
            }),
            image: Some(Image {
                image: text(&container["image"]).to_owned(),
            }),
            args: words(&container["args"]),
            envs: envs.collect(),
            mounts: mounts.chain([hosts]).collect(),
            log_path: LOG.to_owned(),
            linux: Some(LinuxContainerConfig {
                resources: Some(Resources {
                    memory_limit_in_bytes: self.memory_limit(),
                }),
                security_context: Some(self.security()),
            }),
            ..ContainerConfig::default()
        }
    }

    /// 0: none.
    fn memory_limit(&self) -> i64 {
        let Some(limit) = self.container()["resources"]["limits"]["memory"].as_str() else {
            return 0;
        };
        let mebibytes = limit.strip_suffix("Mi").expect("a limit in Mi");
        mebibytes.parse::<i64>().expect("a number") << 20
    }

    fn security(&self) -> ContainerSecurity {
        let rights = &self.container()["securityContext"];
        let words = |value: &Value| list(value).map(|word| text(word).to_owned()).collect();
        let number = |value: &Value| value.as_i64().map(|value| Number { value });
        let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(rights["privileged"], false);
        let seccomp = match &rights["seccompProfile"]["type"] {
            Value::Null => &self.spec["securityContext"]["seccompProfile"]["type"],
            own => own,
        };
        ContainerSecurity {
            capabilities: Some(Capabilities {
                add: words(&rights["capabilities"]["add"]),
                drop: words(&rights["capabilities"]["drop"]),
            }),
            namespace_options: Some(Namespaces {
                network: 2,
                pid: self.pid_mode(),
            }),
            run_as_user: number(&rights["runAsUser"]),
            run_as_group: number(&rights["runAsGroup"]),
            readonly_rootfs: rights["readOnlyRootFilesystem"] == true,
            no_new_privs: rights["allowPrivilegeEscalation"] == false,
            // As a kubelet gives them for `procMount: Default`.
            masked_paths: paths(&[
                "/proc/kcore",
                "/proc/keys",
                "/proc/timer_list",
                "/sys/firmware",
            ]),
            readonly_paths: paths(&[
                "/proc/bus",
                "/proc/fs",
                "/proc/irq",
                "/proc/sys",
                "/proc/sysrq-trigger",
            ]),
            seccomp: Some(Profile {
                profile_type: i32::from(seccomp != "RuntimeDefault"),
            }),
        }
    }

    /// Where a volume lies on this machine.
    fn source(&self, name: &Value) -> PathBuf {
        let volume = list(&self.spec["volumes"])
            .find(|volume| volume["name"] == *name)
            .unwrap_or_else(|| panic!("no volume {name}"));
        match (&volume["configMap"]["name"], &volume["hostPath"]["path"]) {
            (Value::String(map), _) => self.volumes.path().join(map),
            (_, Value::String(path)) => PathBuf::from(path),
            _ => panic!("{volume} is of a kind that this test does not know"),
        }
    }
}

/// The machine's own address: by that of the loopback interface the agent answers to no name. Nothing is sent.
fn address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket
        .connect("192.0.2.1:9")
        .expect("the machine has a network");
    socket.local_addr().expect("it is bound").ip()
}

/// The one object of this kind.
pub(super) fn of_kind<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut fit = objects.iter().filter(|object| object["kind"] == kind);
    fit.next().unwrap_or_else(|| panic!("no {kind}"))
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
