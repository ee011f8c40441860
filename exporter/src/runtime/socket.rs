//! Where engines listen when nobody says otherwise.

use std::collections::HashSet;
use std::mem;
use std::path::{Path, PathBuf};

use crate::config::RuntimeSocket;

const DOCKER: &[&str] = &["/run/docker.sock", "/var/run/docker.sock"];
const PODMAN: &[&str] = &["/run/podman/podman.sock"];
const CRIO: &[&str] = &["/run/crio/crio.sock"];
/// These serve CRI and containerd's own services.
const CONTAINERD: &[&str] = &[
    "/run/containerd/containerd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/k0s/containerd.sock",
    "/var/snap/microk8s/common/run/containerd.sock",
];

/// The usual sockets, each once though it may have several names. They need not be there yet.
pub(super) fn usual() -> Vec<RuntimeSocket> {
    let docker = paths(DOCKER).map(RuntimeSocket::Docker);
    let podman = paths(PODMAN).map(RuntimeSocket::Podman);
    let cri = paths(CRIO).chain(paths(CONTAINERD)).map(RuntimeSocket::Cri);
    let containerd = paths(CONTAINERD).map(RuntimeSocket::Containerd);
    let mut seen = HashSet::new();
    docker
        .chain(podman)
        .chain(cri)
        .chain(containerd)
        .filter(|socket| seen.insert((mem::discriminant(socket), resolved(socket.path()))))
        .collect()
}

fn paths(paths: &'static [&'static str]) -> impl Iterator<Item = PathBuf> {
    paths.iter().map(PathBuf::from)
}

/// The path without links in its folders, as far as they are there: /var/run is a link to /run nearly everywhere.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(resolved) = path.canonicalize() {
        return resolved;
    }
    match (
        path.parent().and_then(|folder| folder.canonicalize().ok()),
        path.file_name(),
    ) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_with_two_names_is_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("run")).unwrap();
        std::os::unix::fs::symlink("run", folder.path().join("var-run")).unwrap();
        let name = |run: &str| resolved(&folder.path().join(run).join("x.sock"));
        assert_eq!(name("run"), name("var-run"));
        assert_ne!(name("run"), name("nowhere"));
        let usual = usual();
        assert!(usual.contains(&RuntimeSocket::Cri("/run/crio/crio.sock".into())));
        let containerd = "/run/k3s/containerd/containerd.sock";
        assert!(usual.contains(&RuntimeSocket::Cri(containerd.into())));
        assert!(usual.contains(&RuntimeSocket::Containerd(containerd.into())));
    }
}
