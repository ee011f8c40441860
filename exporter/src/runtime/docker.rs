//! The Docker Engine API, which podman speaks as well.
//!
//! In: answers in JSON. Out: [`ContainerInfo`]s. What an answer lacks stays unknown; only an answer that is no JSON, or is
//! about another container, is an error.
//!
//! Sources: the Engine API, version 1.24 and later: `/containers/json`, `/containers/ID/json`, `/images/ID/json`, `/events`.

use std::path::PathBuf;
use std::time::Duration;

use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::call::{CallError, within};
use super::engine::{Change, labels, last_applied, pod_by_labels};
use super::{http, image};
use crate::event::container::{Command, ContainerInfo, Mount, Probes, Runtime, Shares, is_hex_id};

/// `{"type":["container"]}`
const EVENTS: &str = "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D";
/// Time for the details of a container.
const DETAILS_TIME: Duration = Duration::from_millis(400);
/// Longest event that is read; real ones have a kilobyte.
const EVENT_BYTES_MAX: usize = 1 << 20;
/// Where an orchestrator that knows no annotations in Docker puts them.
const LAST_APPLIED: &str = "annotation.kubectl.kubernetes.io/last-applied-configuration";

/// An engine that speaks this API.
pub(super) struct Docker {
    /// Where.
    pub(super) socket: PathBuf,
    /// Which.
    pub(super) runtime: Runtime,
}

impl Docker {
    /// Ids of the containers that run or may soon.
    pub(super) async fn list(&self) -> Result<Vec<Box<str>>, CallError> {
        let answer = within(http::get(&self.socket, "/containers/json?all=true")).await?;
        listed(&answer.unwrap_or_default())
    }

    /// What it says of a container; none if it does not know it. While a container is being started its details are locked;
    /// then what the list says has to do, and the event of the start brings the rest.
    pub(super) async fn describe(&self, id: &str) -> Result<Option<ContainerInfo>, CallError> {
        // The engine takes names and parts of ids as well; a cgroup path has whole ids only.
        if !is_hex_id(id) {
            return Ok(None);
        }
        match timeout(DETAILS_TIME, self.details(id)).await {
            Ok(details) => details,
            Err(_) => self.outline(id).await,
        }
    }

    async fn details(&self, id: &str) -> Result<Option<ContainerInfo>, CallError> {
        let target = format!("/containers/{id}/json");
        let Some(answer) = within(http::get(&self.socket, &target)).await? else {
            return Ok(None);
        };
        let container = parsed(&answer)?;
        let image = match text(&container, "/Image") {
            image if is_hex_id(image::bare(image)) => {
                let target = format!("/images/{image}/json");
                within(http::get(&self.socket, &target)).await?
            }
            _ => None,
        };
        let image = image.map_or(Ok(Value::Null), |image| parsed(&image))?;
        info(id, self.runtime, &container, &image).map(Some)
    }

    async fn outline(&self, id: &str) -> Result<Option<ContainerInfo>, CallError> {
        // `{"id":["ID"]}`
        let filters = format!("%7B%22id%22%3A%5B%22{id}%22%5D%7D");
        let target = format!("/containers/json?all=true&filters={filters}");
        let answer = within(http::get(&self.socket, &target)).await?;
        let list = parsed(&answer.unwrap_or_default())?;
        match items(&list, "").find(|container| text(container, "/Id") == id) {
            Some(container) => info(id, self.runtime, &detailed(container), &Value::Null).map(Some),
            None => Ok(None),
        }
    }

    /// Tells what changes, until the engine ends it.
    pub(super) async fn watch(&self, changes: &mpsc::Sender<Change>) -> Result<(), CallError> {
        let mut body = within(http::open(&self.socket, EVENTS)).await?;
        let mut rest = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else {
                continue;
            };
            rest.extend_from_slice(&data);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                if let Some(change) = change(&line)
                    && changes.send(change).await.is_err()
                {
                    return Ok(());
                }
            }
            if rest.len() > EVENT_BYTES_MAX {
                return Err(CallError::TooLong);
            }
        }
        Err(CallError::Ended)
    }
}

/// What the details of a container say, whichever it is.
pub(super) fn understood(answer: &[u8]) -> Option<ContainerInfo> {
    // They may be events just as well.
    let _ = change(answer);
    let container = parsed(answer).ok()?;
    let id = text(&container, "/Id");
    info(id, Runtime::Docker, &container, &Value::Null).ok()
}

fn parsed(bytes: &[u8]) -> Result<Value, CallError> {
    serde_json::from_slice(bytes).map_err(|error| CallError::Malformed(error.to_string()))
}

fn listed(answer: &[u8]) -> Result<Vec<Box<str>>, CallError> {
    let over = ["exited", "dead", "removing", "stopped"];
    let is_over = |state: &str| over.contains(&state.to_ascii_lowercase().as_str());
    Ok(items(&parsed(answer)?, "")
        .filter(|container| !is_over(text(container, "/State")))
        .map(|container| text(container, "/Id"))
        .filter(|id| !id.is_empty())
        .map(Box::from)
        .collect())
}

/// An item of the list in the form of the details, as far as it goes.
fn detailed(container: &Value) -> Value {
    let part = |path| container.pointer(path).cloned().unwrap_or_default();
    json!({
        "Id": part("/Id"),
        "Name": part("/Names/0"),
        "Image": part("/ImageID"),
        "Config": { "Image": part("/Image"), "Labels": part("/Labels") },
        "HostConfig": part("/HostConfig"),
        "Mounts": part("/Mounts"),
        "NetworkSettings": part("/NetworkSettings"),
    })
}

/// What an event means; none for those that change nothing that is shown.
fn change(line: &[u8]) -> Option<Change> {
    let event: Value = serde_json::from_slice(line).ok()?;
    let id = match text(&event, "/Actor/ID") {
        "" => text(&event, "/id"),
        id => id,
    };
    let action = match text(&event, "/Action") {
        "" => text(&event, "/status"),
        action => action,
    };
    if !is_hex_id(id) {
        return None;
    }
    match action {
        "create" | "start" | "rename" | "update" => Some(Change::There(id.into())),
        "die" | "died" | "destroy" | "remove" => Some(Change::Gone(id.into())),
        _ => None,
    }
}

fn info(
    id: &str,
    runtime: Runtime,
    container: &Value,
    image: &Value,
) -> Result<ContainerInfo, CallError> {
    if text(container, "/Id") != id {
        return Err(CallError::Malformed(format!("not about container {id}")));
    }
    let own_labels = container
        .pointer("/Config/Labels")
        .and_then(Value::as_object);
    let texts = own_labels.into_iter().flatten();
    let labels = labels(texts.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))));
    let pod = pod_by_labels(&labels);
    let mut probes = match labels.iter().find(|(key, _)| **key == *LAST_APPLIED) {
        Some((_, json)) => last_applied(json, pod.as_ref().map_or("", |(name, _)| name)),
        None => Probes::default(),
    };
    probes.health = health(container);
    let name = text(container, "/Name");
    let strings = |path| items(image, path).filter_map(Value::as_str);
    let shares = |path| Some(container.pointer(path)?.as_str()? == "host");
    Ok(ContainerInfo {
        id: id.into(),
        runtime,
        name: name.strip_prefix('/').unwrap_or(name).into(),
        image: image::image(
            text(container, "/Config/Image"),
            text(container, "/Image"),
            strings("/RepoTags"),
            strings("/RepoDigests"),
        ),
        privileged: container
            .pointer("/HostConfig/Privileged")
            .and_then(Value::as_bool),
        mounts: items(container, "/Mounts").map(mount).collect(),
        labels,
        start_wall_ns: time(text(container, "/State/StartedAt")),
        ip: address(container).into(),
        shares: Shares {
            pid: shares("/HostConfig/PidMode"),
            network: shares("/HostConfig/NetworkMode"),
            ipc: shares("/HostConfig/IpcMode"),
        },
        probes,
        pod: pod.map(|(_, pod)| Box::new(pod)),
    })
}

/// A text in an answer; empty if it is not there.
fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or("")
}

/// The items of a list in an answer.
fn items<'v>(value: &'v Value, path: &str) -> impl Iterator<Item = &'v Value> {
    let list = value.pointer(path).and_then(Value::as_array);
    list.into_iter().flatten()
}

fn mount(mount: &Value) -> Mount {
    Mount {
        source: text(mount, "/Source").into(),
        destination: text(mount, "/Destination").into(),
        mode: text(mount, "/Mode").into(),
        writable: mount.pointer("/RW").and_then(Value::as_bool) == Some(true),
        propagation: text(mount, "/Propagation").into(),
    }
}

/// ns since the epoch; 0 for the year 1, which is how the engine writes "not yet".
fn time(text: &str) -> u64 {
    let time: Option<jiff::Timestamp> = text.parse().ok();
    time.map_or(0, |time| u64::try_from(time.as_nanosecond()).unwrap_or(0))
}

fn address(container: &Value) -> &str {
    let networks = container.pointer("/NetworkSettings/Networks");
    let networks = networks.and_then(Value::as_object).into_iter().flatten();
    let own = text(container, "/NetworkSettings/IPAddress");
    std::iter::once(own)
        .chain(networks.map(|(_, network)| text(network, "/IPAddress")))
        .find(|address| !address.is_empty())
        .unwrap_or("")
}

fn health(container: &Value) -> Option<Command> {
    let words = |path| items(container, path).filter_map(Value::as_str);
    let mut test = words("/Config/Healthcheck/Test");
    let command: Command = match test.next()? {
        "CMD" => test.map(Box::from).collect(),
        "CMD-SHELL" => {
            let mut shell: Vec<Box<str>> = words("/Config/Shell").map(Box::from).collect();
            if shell.is_empty() {
                shell = vec!["/bin/sh".into(), "-c".into()];
            }
            shell.extend(test.map(Box::from));
            shell.into()
        }
        _ => return None,
    };
    (!command.is_empty()).then_some(command)
}

#[cfg(test)]
mod tests;
