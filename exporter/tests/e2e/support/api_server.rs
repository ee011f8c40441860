//! A small API server of Kubernetes: lists, gets and watches of objects that a test puts in, and faults on demand.
//!
//! It is shaped like the real one as far as its clients look: `kubectl` is one of them.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::stream::unfold;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A resource: its name, its kind, and whether it lives in a namespace.
type Resource = (&'static str, &'static str, bool);

/// Groups by their versions' paths, and the resources of each.
const RESOURCES: [(&str, &[Resource]); 2] = [
    (
        "/api/v1",
        &[
            ("pods", "Pod", true),
            ("namespaces", "Namespace", false),
            ("nodes", "Node", false),
        ],
    ),
    (
        "/apis/apps/v1",
        &[
            ("deployments", "Deployment", true),
            ("replicasets", "ReplicaSet", true),
        ],
    ),
];

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The running server.
pub(crate) struct ApiServer {
    folder: TempDir,
    store: Arc<Store>,
}

struct Store {
    inner: Mutex<Inner>,
    /// Counts changes and cuts.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    /// By path: `/api/v1/namespaces/shop/pods/web-1`.
    objects: BTreeMap<String, Value>,
    version: u64,
    /// What happened to pods: version, type, object.
    log: Vec<(u64, &'static str, Value)>,
    /// Watches from before this version are too old.
    oldest: u64,
    /// Watches that were begun before so many cuts are broken off.
    cuts: u64,
    token: String,
    requests: Vec<String>,
}

impl ApiServer {
    /// Starts it, and writes a kubeconfig with its token.
    pub(crate) fn start() -> ApiServer {
        let folder = TempDir::with_prefix("saker-kube-").expect("a scratch folder");
        let store = Arc::new(Store {
            inner: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        listener.set_nonblocking(true).expect("a socket");
        let served = Arc::clone(&store);
        // Ends with the test.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(serve(listener, served));
        });
        let server = ApiServer { folder, store };
        server.set_token("first");
        fs::write(server.token_file(), "first").expect("written");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "e2e",
            "clusters": [{ "name": "e2e", "cluster": { "server": format!("http://{address}") } }],
            "users": [{ "name": "e2e", "user": { "tokenFile": server.token_file() } }],
            "contexts": [{ "name": "e2e", "context": { "cluster": "e2e", "user": "e2e" } }],
        });
        fs::write(server.kubeconfig(), config.to_string()).expect("written");
        server
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts an object in, or changes it; `path` as in the API.
    pub(crate) fn put(&self, path: &str, mut object: Value) {
        let mut inner = self.inner();
        inner.version += 1;
        let version = inner.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let kind = match inner.objects.insert(path.to_owned(), object.clone()) {
            Some(_) => "MODIFIED",
            None => "ADDED",
        };
        if path.contains("/pods/") {
            inner.log.push((version, kind, object));
        }
        drop(inner);
        self.announce();
    }

    /// Takes an object out.
    pub(crate) fn delete(&self, path: &str) {
        let mut inner = self.inner();
        inner.version += 1;
        let version = inner.version;
        let mut object = inner.objects.remove(path).expect("it is there");
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        inner.log.push((version, "DELETED", object));
        drop(inner);
        self.announce();
    }

    /// Breaks all watches off, in the middle.
    pub(crate) fn cut(&self) {
        self.inner().cuts += 1;
        self.announce();
    }

    /// Forgets what happened so far: who has not heard of it has to list again.
    pub(crate) fn expire(&self) {
        let mut inner = self.inner();
        inner.version += 1;
        inner.oldest = inner.version;
        inner.log.clear();
    }

    /// Takes this token only, from now on.
    pub(crate) fn set_token(&self, token: &str) {
        self.inner().token = token.to_owned();
    }

    /// What was asked for, as path and query.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.inner().requests.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.store.inner.lock().expect("nobody panics with it")
    }

    fn announce(&self) {
        self.store.changed.send_modify(|count| *count += 1);
    }
}

async fn serve(listener: std::net::TcpListener, store: Arc<Store>) {
    let listener = TcpListener::from_std(listener).expect("a socket");
    while let Ok((stream, _)) = listener.accept().await {
        let store = Arc::clone(&store);
        let service = service_fn(move |request| {
            let answer = answer(&request, &store);
            async move { Ok::<_, Infallible>(answer) }
        });
        let connection = hyper::server::conn::http1::Builder::new();
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}

fn answer(request: &Request<Incoming>, store: &Arc<Store>) -> Response<Body> {
    let header = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let path = request.uri().path();
    let query = parameters(request.uri().query().unwrap_or(""));
    let mut inner = store.inner.lock().expect("nobody panics with it");
    inner.requests.push(request.uri().to_string());
    // Over plain HTTP kubectl shows no token; like a server with anonymous access this one takes who shows none.
    let accepted = format!("Bearer {}", inner.token);
    if header(AUTHORIZATION).is_some_and(|shown| shown != accepted) {
        return refused(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    if let Some(known) = discovery(path) {
        return ok(&known);
    }
    let metadata_only =
        header(ACCEPT).is_some_and(|accept| accept.contains("as=PartialObjectMetadata;"));
    if let Some(object) = inner.objects.get(path) {
        let mut object = object.clone();
        if metadata_only {
            object = json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"],
            });
        }
        return ok(&object);
    }
    if !path.ends_with("/pods") {
        return refused(StatusCode::NOT_FOUND, "NotFound");
    }
    let node = query.get("fieldSelector").map(String::as_str).unwrap_or("");
    let node = node.strip_prefix("spec.nodeName=").unwrap_or("").to_owned();
    if query.get("watch").is_some_and(|watch| watch != "false") {
        let from: u64 = query["resourceVersion"].parse().unwrap_or(0);
        let watch = Watch {
            store: Arc::clone(store),
            changed: store.changed.subscribe(),
            node,
            seen: from,
            cuts: inner.cuts,
            over: false,
            expired: from < inner.oldest,
        };
        return Response::new(watch.body());
    }
    let items = inner.objects.iter();
    let items: Vec<&Value> = items
        .filter(|(path, pod)| path.contains("/pods/") && is_on(pod, &node))
        .map(|(_, pod)| pod)
        .collect();
    ok(&json!({
        "apiVersion": "v1", "kind": "PodList",
        "metadata": { "resourceVersion": inner.version.to_string() },
        "items": items,
    }))
}

fn is_on(pod: &Value, node: &str) -> bool {
    node.is_empty() || pod["spec"]["nodeName"] == node
}

/// The parameters of a query; only what our clients escape is unescaped.
fn parameters(query: &str) -> HashMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let plain = |text: &str| text.replace("%3D", "=").replace("%2C", ",");
    pairs
        .map(|(name, value)| (name.to_owned(), plain(value)))
        .collect()
}

/// What `kubectl` wants to know before it asks.
fn discovery(path: &str) -> Option<Value> {
    match path {
        "/version" => {
            return Some(json!({ "major": "1", "minor": "33", "gitVersion": "v1.33.0" }));
        }
        "/api" => return Some(json!({ "kind": "APIVersions", "versions": ["v1"] })),
        "/apis" => {
            let version = json!({ "groupVersion": "apps/v1", "version": "v1" });
            let group =
                json!({ "name": "apps", "versions": [version], "preferredVersion": version });
            return Some(json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [group] }));
        }
        _ => {}
    }
    let (group, resources) = RESOURCES.iter().find(|(group, _)| *group == path)?;
    let resources: Vec<Value> = resources
        .iter()
        .map(|(name, kind, namespaced)| {
            json!({
                "name": name, "singularName": kind.to_lowercase(), "kind": kind, "namespaced": namespaced,
                "verbs": ["get", "list", "watch"],
            })
        })
        .collect();
    let version = group
        .trim_start_matches("/apis/")
        .trim_start_matches("/api/");
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources,
    }))
}

fn ok(value: &Value) -> Response<Body> {
    response(StatusCode::OK, value)
}

fn refused(status: StatusCode, reason: &str) -> Response<Body> {
    response(status, &status_object(status.as_u16(), reason))
}

fn status_object(code: u16, reason: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "reason": reason, "message": reason, "code": code,
    })
}

fn response(status: StatusCode, value: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(value.to_string()));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(body)
        .expect("a response")
}

/// A watch of pods under way.
struct Watch {
    store: Arc<Store>,
    changed: watch::Receiver<u64>,
    node: String,
    /// The newest version that has been told of.
    seen: u64,
    /// Cuts before it began.
    cuts: u64,
    over: bool,
    expired: bool,
}

impl Watch {
    fn body(self) -> Body {
        let lines = unfold(self, |mut watch| async move {
            let line = watch.next().await?;
            Some((line.map(Frame::data), watch))
        });
        StreamBody::new(lines).boxed_unsync()
    }

    /// The next line; an error breaks the connection off.
    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        if self.over {
            return None;
        }
        if self.expired {
            self.over = true;
            return Some(Ok(line("ERROR", &status_object(410, "Expired"))));
        }
        loop {
            {
                let inner = self.store.inner.lock().expect("nobody panics with it");
                if inner.cuts > self.cuts {
                    self.over = true;
                    return Some(Err(std::io::ErrorKind::ConnectionReset.into()));
                }
                let news = inner
                    .log
                    .iter()
                    .find(|(version, _, _)| *version > self.seen);
                if let Some((version, kind, object)) = news {
                    self.seen = *version;
                    if is_on(object, &self.node) {
                        return Some(Ok(line(kind, object)));
                    }
                    // A bookmark says how far the watch has come.
                    let metadata = json!({ "resourceVersion": version.to_string() });
                    let bookmark =
                        json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata });
                    return Some(Ok(line("BOOKMARK", &bookmark)));
                }
            }
            self.changed.changed().await.ok()?;
        }
    }
}

fn line(kind: &str, object: &Value) -> Bytes {
    Bytes::from(format!("{}\n", json!({ "type": kind, "object": object })))
}
