//! The seeds of `engine_answer` are answers: what is mutated from them gets past the first check.

use std::fs;
use std::path::Path;

use exporter::event::container::Interface;
use exporter::runtime::understood;

#[test]
fn every_interface_has_a_seed_that_is_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/engine_answer");
    for (name, interface) in [
        ("docker", Interface::Docker),
        ("cri", Interface::Cri),
        ("containerd", Interface::Containerd),
    ] {
        let answer = fs::read(folder.join(name)).expect("a file of this repository");
        let info = understood(interface, &answer).expect(name);
        assert_eq!((&*info.id, &*info.name), ("c1", "web"), "{name}");
        assert_eq!((&*info.image.tag, info.mounts.len()), ("1", 1), "{name}");
        assert!(info.privileged.is_some(), "{name}");
    }
}
