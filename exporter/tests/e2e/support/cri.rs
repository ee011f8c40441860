//! Pods on a containerd, made over CRI as a kubelet makes them.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use serde_json::{Value, json};
use tokio::net::UnixStream;

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
        let config = PodSandboxConfig {
            metadata: Some(PodMetadata {
                name: name.to_owned(),
                uid: uid.to_owned(),
                namespace: namespace.to_owned(),
            }),
            labels: HashMap::from([("tier".to_owned(), "front".to_owned())]),
            linux: Some(LinuxPodConfig {
                cgroup_parent: format!("/kubepods/burstable/pod{uid}"),
                security_context: Some(SecurityContext {
                    namespaces: Some(Namespaces { network: 2 }),
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
        };
        let question = CreateContainer {
            sandbox: pod.sandbox.clone(),
            config: Some(config),
            sandbox_config: Some(pod.config.clone()),
        };
        let id = self.call::<Id>("CreateContainer", &question);
        self.call::<Nothing>("StartContainer", &id);
        id.id
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
        if std::thread::panicking() {
            return;
        }
        for pod in self.call::<PodList>("ListPodSandbox", &Nothing {}).items {
            self.call::<Nothing>("StopPodSandbox", &pod);
            self.call::<Nothing>("RemovePodSandbox", &pod);
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

// Messages of CRI v1, by the names and numbers of its api.proto, as far as these tests need them.

#[derive(Clone, PartialEq, Message)]
struct Nothing {}

/// Of a sandbox or a container: the field has number 1 in all of them.
#[derive(Clone, PartialEq, Message)]
struct Id {
    #[prost(string, tag = "1")]
    id: String,
}

#[derive(Clone, PartialEq, Message)]
struct PodList {
    #[prost(message, repeated, tag = "1")]
    items: Vec<Id>,
}

#[derive(Clone, PartialEq, Message)]
struct PodMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    uid: String,
    #[prost(string, tag = "3")]
    namespace: String,
}

#[derive(Clone, PartialEq, Message)]
struct PodSandboxConfig {
    #[prost(message, optional, tag = "1")]
    metadata: Option<PodMetadata>,
    #[prost(map = "string, string", tag = "6")]
    labels: HashMap<String, String>,
    #[prost(message, optional, tag = "8")]
    linux: Option<LinuxPodConfig>,
}

#[derive(Clone, PartialEq, Message)]
struct LinuxPodConfig {
    #[prost(string, tag = "1")]
    cgroup_parent: String,
    #[prost(message, optional, tag = "2")]
    security_context: Option<SecurityContext>,
}

#[derive(Clone, PartialEq, Message)]
struct SecurityContext {
    #[prost(message, optional, tag = "1")]
    namespaces: Option<Namespaces>,
}

#[derive(Clone, PartialEq, Message)]
struct Namespaces {
    #[prost(int32, tag = "1")]
    network: i32,
}

#[derive(Clone, PartialEq, Message)]
struct RunPodSandbox {
    #[prost(message, optional, tag = "1")]
    config: Option<PodSandboxConfig>,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerMetadata {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(string, tag = "1")]
    image: String,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerConfig {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ContainerMetadata>,
    #[prost(message, optional, tag = "2")]
    image: Option<Image>,
    #[prost(string, repeated, tag = "3")]
    command: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct CreateContainer {
    #[prost(string, tag = "1")]
    sandbox: String,
    #[prost(message, optional, tag = "2")]
    config: Option<ContainerConfig>,
    #[prost(message, optional, tag = "3")]
    sandbox_config: Option<PodSandboxConfig>,
}
