//! The container of the Helm chart, started by a real engine as a kubelet would: image, arguments, user, capabilities, mounts and
//! probes are those that Helm renders. In it the agent sees a shell in another container, knows a process that was there before it,
//! and passes `helm test`.
//!
//! The image is made by the last stage of the Containerfile. To spare a second build of everything, it holds the binary under
//! test with the libraries that it loads in place of the static one.

mod pod;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::pod::{Pod, of_kind, rendered};
use crate::support::agent::{SAKER, field};
use crate::support::cri::message::{ContainerConfig, ContainerMetadata, Image, Mount};
use crate::support::cri::{self, IMAGE, Pods};
use crate::support::docker::Docker;
use crate::support::http::free_address;
use crate::support::shipped;
use crate::support::wait::{wait_for, wait_until};

const SHELL_RULE: &str = "Terminal shell in container";
const FILE_RULE: &str = "Read sensitive file untrusted";

/// Copies a file to the same place in a tree.
fn copy(from: &Path, tree: &Path, to: &Path) {
    let to = tree.join(to.strip_prefix("/").expect("a whole path"));
    fs::create_dir_all(to.parent().expect("a folder")).expect("the scratch folder is writable");
    fs::copy(from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}

/// Builds the image under this name.
fn build(docker: &Docker, name: &str) {
    let folder = TempDir::with_prefix("saker-image-").expect("a scratch folder");
    let tree = folder.path();
    copy(Path::new(SAKER), tree, Path::new("/usr/bin/saker"));
    let ldd = Command::new("ldd")
        .arg(SAKER)
        .output()
        .expect("ldd is part of libc-bin");
    for word in String::from_utf8_lossy(&ldd.stdout).split_whitespace() {
        let library = Path::new(word);
        if library.is_absolute() {
            copy(library, tree, library);
        }
    }
    for entry in fs::read_dir(shipped("rules")).expect("rules/") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let name = path.file_name().expect("a name");
            copy(&path, tree, &Path::new("/usr/share/saker/rules").join(name));
        }
    }
    let file = fs::read_to_string(shipped("Containerfile")).expect("Containerfile");
    let (_, last) = file.split_once("\nFROM scratch\n").expect("a last stage");
    let text = format!("FROM scratch\n{last}").replace("--from=build /src/target/image/", ".");
    let stage = TempDir::with_prefix("saker-stage-").expect("a scratch folder");
    let path = stage.path().join("Containerfile");
    fs::write(&path, text).expect("the scratch folder is writable");
    let [path, tree] = [&path, tree].map(|path| path.to_str().expect("a path in UTF-8"));
    let arguments = ["build", "--quiet", "--tag", name, "--file", path, tree];
    let mut command = docker.command(&arguments);
    command.env("DOCKER_BUILDKIT", "0");
    let output = command.output().expect("docker is installed");
    crate::support::docker::finished(output, &arguments);
}

/// A folder with the engine's socket, from which mounts reach containers, as on nodes that systemd has started.
struct Sockets(TempDir);

impl Sockets {
    fn of(pods: &Pods) -> Sockets {
        let folder = TempDir::with_prefix("saker-sockets-").expect("a scratch folder");
        let runtime = pods.runtime();
        let socket = Path::new(runtime["cri"].as_str().expect("a socket"));
        fs::hard_link(socket, folder.path().join("cri.sock")).expect("in one file system");
        let sockets = Sockets(folder);
        let path = sockets.path();
        mount(&[OsStr::new("--bind"), path.as_ref(), path.as_ref()]);
        mount(&[OsStr::new("--make-shared"), path.as_ref()]);
        sockets
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        // A container that is still there holds it no longer than it lives.
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.path())
            .status();
    }
}

fn mount(arguments: &[&OsStr]) {
    let status = Command::new("mount").args(arguments).status();
    assert!(status.expect("mount is part of util-linux").success());
}

/// The image's name in the chart.
fn image(objects: &[Value]) -> &str {
    let pod = &of_kind(objects, "DaemonSet")["spec"]["template"]["spec"];
    pod["containers"][0]["image"].as_str().expect("a name")
}

/// A rule of this name that nothing matches.
fn rule(name: &str) -> String {
    format!(
        "- rule: {name}\n  desc: d\n  condition: evt.type = execve and proc.name = no-such-program\n  output: o\n  priority: NOTICE\n"
    )
}

/// A container of busybox whose shell runs a script.
fn shell(name: &str, script: &str) -> ContainerConfig {
    ContainerConfig {
        metadata: Some(ContainerMetadata {
            name: name.to_owned(),
        }),
        image: Some(Image {
            image: IMAGE.to_owned(),
        }),
        command: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        ..ContainerConfig::default()
    }
}

/// A shell that was there before the agent, and does something when it is told to.
struct Earlier {
    folder: TempDir,
    container: String,
}

impl Earlier {
    /// The end of its command line.
    const MARK: &str = "exit # earlier";

    fn start(pods: &Pods, pod: &cri::Pod) -> Earlier {
        let folder = TempDir::with_prefix("saker-earlier-").expect("a scratch folder");
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).expect("the scratch folder is writable");
        let script = format!("read line </told/pipe; cat /etc/shadow; {}", Earlier::MARK);
        let told = Mount {
            container_path: "/told".to_owned(),
            host_path: folder.path().display().to_string(),
            readonly: true,
            propagation: 0,
        };
        let config = ContainerConfig {
            mounts: vec![told],
            ..shell("earlier", &script)
        };
        let container = pods.start_configured(pod, config);
        Earlier { folder, container }
    }

    /// Does it, and the agent knows who did it: the kernel has told of a process that is not in the agent's pid namespace, and the
    /// node's /proc of its arguments.
    fn is_known_to(&self, pod: &Pod<'_>) {
        fs::write(self.folder.path().join("pipe"), "go\n").expect("somebody reads");
        let line = line(pod, FILE_RULE, &self.container);
        assert_eq!(field(&line, "k8s.pod.name"), "try");
        let command = field(&line, "proc.pcmdline");
        let command = command.as_str().expect("text");
        assert!(command.ends_with(Earlier::MARK), "{line:#}");
    }
}

#[test]
fn the_chart_s_container_passes_its_probes_and_sees_what_others_do() {
    let pods = Pods::start();
    let sockets = Sockets::of(&pods);
    let objects = rendered(&json!({
        "hostNetwork": true,
        "web": { "port": free_address().port() },
        "runtimeDirectories": [sockets.path()],
        "config": { "runtimes": [{ "cri": sockets.path().join("cri.sock") }] },
        "rules": { "custom": { "acme.yaml": rule("Acme") } },
    }));
    let (_folder, archive) = archive(image(&objects));
    pods.load(&archive);
    let uid = "5f9d3c1e-6e4e-4f0a-9d55-0c4f6a1b2c3d";
    let shop = pods.run_pod("shop", "try", uid);
    let earlier = Earlier::start(&pods, &shop);
    let pod = Pod::start(&pods, &objects);
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        wait_until(probe, || pod.probe(probe));
    }
    wait_until("the engine answers", || {
        pod.scrape().sum("saker_runtime_up", &[]) == Some(1.0)
    });
    assert_eq!(matches(&pod, "Acme"), Some(0.0), "the rules of the values");
    assert_eq!(matches(&pod, SHELL_RULE), Some(0.0), "and the bundled ones");

    sees_a_shell(&pods, &shop, &pod);
    earlier.is_known_to(&pod);

    pod.change_config_map("saker-rules", &json!({ "acme.yaml": rule("Other") }));
    wait_until("the changed rules are in force", || {
        matches(&pod, "Other").is_some()
    });
    assert_eq!(matches(&pod, "Acme"), None);

    let test = Pod::start_test(&pods, &objects, &["saker.security.svc"]);
    assert_eq!(test.end(), 0, "{}", test.log());
    let log = test.log();
    assert!(log.contains(" detected, 0 missed, "), "{log}");
    assert_eq!(pod.stop(), 0, "{}", pod.log());
}

/// The image of this name as `docker save` writes it, in a folder that goes away.
fn archive(name: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::with_prefix("saker-image-").expect("a scratch folder");
    let path = folder.path().join("image.tar");
    let docker = Docker::start();
    build(&docker, name);
    docker.run(&["save", "--output", path.to_str().expect("UTF-8"), name]);
    (folder, path)
}

fn matches(pod: &Pod<'_>, rule: &str) -> Option<f64> {
    pod.scrape()
        .sum("saker_rule_matches_total", &[("rule", rule)])
}

/// The first line of this rule about this container.
fn line(pod: &Pod<'_>, rule: &str, container: &str) -> Value {
    wait_for(rule, || {
        let is_it =
            |line: &Value| line["rule"] == rule && field(line, "container.id") == &container[..12];
        pod.lines().into_iter().find(is_it)
    })
}

fn sees_a_shell(pods: &Pods, shop: &cri::Pod, pod: &Pod<'_>) {
    let config = ContainerConfig {
        tty: true,
        ..shell("victim", "cat /etc/shadow; tty; sleep 1000")
    };
    let victim = pods.start_configured(shop, config);
    for rule in [SHELL_RULE, FILE_RULE] {
        let line = line(pod, rule, &victim);
        assert_eq!(line["hostname"], pod::NODE);
        assert_eq!(field(&line, "container.name"), "victim");
        assert_eq!(field(&line, "k8s.pod.name"), "try");
        assert_eq!(field(&line, "k8s.ns.name"), "shop");
    }
    let counted = pod.scrape().sum(
        "saker_workload_rule_matches_total",
        &[("rule", SHELL_RULE), ("k8s_pod_name", "try")],
    );
    assert_eq!(counted, Some(1.0));
}

#[test]
fn what_the_image_holds_checks_rules_as_anybody() {
    let docker = Docker::start();
    build(&docker, "saker/image:1");
    let said = docker.run(&[
        "run",
        "--rm",
        "--network",
        "none",
        "--read-only",
        "--user",
        "65534",
        "--cap-drop",
        "ALL",
        "saker/image:1",
        "check",
        "-r",
        "/usr/share/saker/rules",
    ]);
    assert!(said.contains("rules"), "{said}");
    let labels = docker.run(&[
        "inspect",
        "--format",
        "{{json .Config.Labels}}",
        "saker/image:1",
    ]);
    for label in ["title", "source", "licenses", "version", "revision"] {
        assert!(
            labels.contains(&format!("org.opencontainers.image.{label}")),
            "{labels}"
        );
    }
}
