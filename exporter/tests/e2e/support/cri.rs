//! Pods on a containerd, made over CRI as a kubelet makes them.

pub(crate) mod message;

use std::collections::HashMap;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::Command;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use serde_json::{Value, json};
use tokio::net::UnixStream;

use self::message::*;
use super::daemon::Daemon;
use super::runtimes::Containerd;
use testing::rootfs;

/// The image of the containers, and that of the sandboxes.
pub(crate) const IMAGE: &str = "saker.local/team/busybox:7";
const PAUSE: &str = "saker.local/pause:1";

/// A containerd that makes pods.
#[derive(Debug)]
pub(crate) struct Pods {
    containerd: Containerd,
}

/// A pod with the host's network, which needs no plugin.
#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) sandbox: String,
    config: PodSandboxConfig,
}

impl Pods {
    /// Starts it, and gives it its images.
    pub(crate) fn start() -> Pods {
        let containerd = Containerd::start_cri(PAUSE);
        import(&containerd, "k8s.io");
        Pods { containerd }
    }

    /// The engine as `runtimes` of a configuration names it.
    pub(crate) fn runtime(&self) -> Value {
        json!({ "cri": self.containerd.socket() })
    }

    /// The engine's process.
    pub(crate) fn daemon(&self) -> &Daemon {
        self.containerd.daemon()
    }

    /// Ends the engine; its pods go on.
    pub(crate) fn stop(&mut self) {
        self.containerd.stop();
    }

    /// Starts it anew, where it was.
    pub(crate) fn start_again(&mut self) {
        self.containerd.start_again();
    }

    /// Makes a pod.
    pub(crate) fn run_pod(&self, namespace: &str, name: &str, uid: &str) -> Pod {
        self.run_pod_logging(namespace, name, uid, 0, "")
    }

    /// Makes a pod with the pid namespace of this mode, whose containers log into a folder.
    pub(crate) fn run_pod_logging(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        pid: i32,
        log_directory: &str,
    ) -> Pod {
        let config = PodSandboxConfig {
            metadata: Some(PodMetadata {
                name: name.to_owned(),
                uid: uid.to_owned(),
                namespace: namespace.to_owned(),
            }),
            log_directory: log_directory.to_owned(),
            labels: HashMap::from([("tier".to_owned(), "front".to_owned())]),
            linux: Some(LinuxPodConfig {
                cgroup_parent: format!("/kubepods/burstable/pod{uid}"),
                security_context: Some(PodSecurity {
                    namespaces: Some(Namespaces { network: 2, pid }),
                }),
            }),
        };
        let question = RunPodSandbox {
            config: Some(config.clone()),
        };
        let sandbox = self.call::<Id>("RunPodSandbox", &question).id;
        Pod { sandbox, config }
    }

    /// Starts a container in a pod, and gives its full id.
    pub(crate) fn start_container(&self, pod: &Pod, name: &str, command: &[&str]) -> String {
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata {
                name: name.to_owned(),
            }),
            image: Some(Image {
                image: IMAGE.to_owned(),
            }),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            ..ContainerConfig::default()
        };
        self.start_configured(pod, config)
    }

    /// Starts a container that is all this, and gives its full id.
    pub(crate) fn start_configured(&self, pod: &Pod, config: ContainerConfig) -> String {
        let question = CreateContainer {
            sandbox: pod.sandbox.clone(),
            config: Some(config),
            sandbox_config: Some(pod.config.clone()),
        };
        let id = self.call::<Id>("CreateContainer", &question);
        self.call::<Nothing>("StartContainer", &id);
        id.id
    }

    /// Whether a container runs.
    pub(crate) fn is_running(&self, container: &str) -> bool {
        self.status(container).state == 1
    }

    /// Ends a container as a kubelet does, and gives its exit code.
    pub(crate) fn stop_container(&self, container: &str, timeout: i64) -> i32 {
        let id = container.to_owned();
        self.call::<Nothing>("StopContainer", &StopContainer { id, timeout });
        self.status(container).exit_code
    }

    /// Gives the engine what `docker save` has written.
    pub(crate) fn load(&self, archive: &Path) {
        let archive = archive.to_str().expect("a UTF-8 path");
        let import = ["images", "import", "--snapshotter", "native", archive];
        self.containerd
            .run(&[&["-n", "k8s.io"][..], &import].concat());
    }

    fn status(&self, container: &str) -> ContainerStatus {
        let id = container.to_owned();
        let answer = self.call::<ContainerStatusResponse>("ContainerStatus", &Id { id });
        answer.status.expect("a container has a status")
    }

    fn call<A: Message + Default>(&self, method: &str, question: &impl Message) -> A {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(call(&self.containerd.socket(), method, question))
    }
}

impl Drop for Pods {
    fn drop(&mut self) {
        let end = || {
            for pod in self.call::<PodList>("ListPodSandbox", &Nothing {}).items {
                self.call::<Nothing>("StopPodSandbox", &pod);
                self.call::<Nothing>("RemovePodSandbox", &pod);
            }
        };
        if std::thread::panicking() {
            // The engine may be what failed; if it is not, nothing of the test goes on to run.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(end));
        } else {
            end();
        }
    }
}

/// Gives a containerd the images, in a namespace of its own.
pub(crate) fn import(containerd: &Containerd, namespace: &str) {
    let images = images(containerd.root());
    let images = images.to_str().expect("a UTF-8 path");
    let import = ["images", "import", "--snapshotter", "native", images];
    containerd.run(&[&["-n", namespace][..], &import].concat());
}

async fn call<A: Message + Default>(socket: &Path, method: &str, question: &impl Message) -> A {
    let stream = UnixStream::connect(socket).await.expect("it listens");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("it speaks HTTP/2");
    tokio::spawn(connection);
    let message = question.encode_to_vec();
    let length = u32::try_from(message.len()).expect("a short question");
    let body = [&[0][..], &length.to_be_bytes(), &message].concat();
    let request = Request::post(format!(
        "http://localhost/runtime.v1.RuntimeService/{method}"
    ))
    .header("content-type", "application/grpc")
    .header("te", "trailers")
    .body(Full::new(Bytes::from(body)))
    .expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    let refused = response.headers().get("grpc-message").cloned();
    let body = response.into_body().collect().await.expect("an answer");
    let trailers = body.trailers().cloned().unwrap_or_default();
    let status = trailers.get("grpc-status").map(|status| status.as_bytes());
    assert_eq!(
        status,
        Some(&b"0"[..]),
        "{method}: {refused:?} {trailers:?}"
    );
    A::decode(&body.to_bytes()[5..]).expect("a message")
}

/// Both images as an OCI layout in one archive: two names over one layer.
fn images(root: &Path) -> std::path::PathBuf {
    let layer = rootfs::archive(root);
    let layout = root.with_file_name("layout");
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("the scratch folder is writable");
    let keep = |file: &Path, kind: &str| {
        let sum = Command::new("sha256sum")
            .arg(file)
            .output()
            .expect("coreutils");
        let sum = String::from_utf8_lossy(&sum.stdout)[..64].to_owned();
        fs::copy(file, blobs.join(&sum)).expect("copied");
        let size = fs::metadata(file).expect("a file").len();
        json!({ "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": format!("sha256:{sum}"), "size": size })
    };
    let keep_json = |value: Value, kind: &str| {
        let file = root.with_file_name("blob.json");
        fs::write(&file, value.to_string()).expect("written");
        keep(&file, kind)
    };
    let layer = keep(&layer, "layer.v1.tar");
    let arch = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "amd64"
    };
    // Images that are equal have one id, and an engine tells but one of the names of an id.
    let image = |name: &str| {
        let config = json!({
            "architecture": arch, "os": "linux",
            "config": { "Cmd": ["/bin/sleep", "10000"], "Labels": { "name": name } },
            "rootfs": { "type": "layers", "diff_ids": [layer["digest"]] }
        });
        let config = keep_json(config, "config.v1+json");
        let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
        let mut manifest = keep_json(manifest, "manifest.v1+json");
        manifest["annotations"] = json!({ "io.containerd.image.name": name });
        manifest
    };
    let index = json!({ "schemaVersion": 2, "manifests": [image(IMAGE), image(PAUSE)] });
    fs::write(layout.join("index.json"), index.to_string()).expect("written");
    let version = json!({ "imageLayoutVersion": "1.0.0" });
    fs::write(layout.join("oci-layout"), version.to_string()).expect("written");
    rootfs::archive(&layout)
}
