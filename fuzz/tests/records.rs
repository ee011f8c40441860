//! The seeds of `record`: a record of each kind, and all of them in a row. `UPDATE=1` writes them anew for a new layout.

use std::fs;
use std::path::Path;

use exporter_ebpf::record::{
    Connect, Exec, Exit, Fork, Header, Kind, LAYOUT_VERSION, Open, PathDesc, Record, TailDesc, Task,
};
use zerocopy::{FromZeros, Immutable, IntoBytes};

const PID: u32 = 7;
const CGROUP: &[u8] =
    b"/system.slice/docker-9f1c2b3a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8.scope";
/// `struct sockaddr_in`: 10.1.2.3, port 443.
const ADDRESS: &[u8] = &[2, 0, 1, 187, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0];

fn tail(bytes: &[u8]) -> TailDesc {
    TailDesc {
        bytes: bytes.len() as u16,
        flags: 0,
    }
}

fn path(bytes: &[u8]) -> PathDesc {
    PathDesc {
        bytes: bytes.len() as u16,
        ..PathDesc::new_zeroed()
    }
}

fn record(kind: Kind, fixed: &(impl IntoBytes + Immutable), tails: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [fixed.as_bytes(), &tails.concat()].concat();
    let header = Header {
        bytes: bytes.len() as u32,
        kind: kind.number(),
        version: LAYOUT_VERSION as u16,
        pid: PID,
        tid: PID,
        start_boot_ns: 70,
        time_boot_ns: 100,
        cgroup_id: 3,
        ..Header::new_zeroed()
    };
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    bytes
}

fn process() -> exporter_ebpf::record::Process {
    let mut process = exporter_ebpf::record::Process::new_zeroed();
    process.pid = PID;
    process.start_boot_ns = 70;
    process.parent_pid = 1;
    process.cgroup_id = 3;
    process.comm[..3].copy_from_slice(b"cat");
    process
}

fn seed(kind: Kind) -> Vec<u8> {
    let (exe, cwd, args) = (b"/usr/bin/cat", b"/root", b"cat\0/etc/shadow\0");
    match kind {
        Kind::Exec => {
            let mut fixed = Exec::new_zeroed();
            fixed.process = process();
            (fixed.exe, fixed.cwd) = (path(exe), path(cwd));
            (fixed.filename, fixed.args, fixed.cgroup) = (tail(exe), tail(args), tail(CGROUP));
            record(kind, &fixed, &[exe, cwd, exe, args, CGROUP])
        }
        Kind::Fork => {
            let mut fixed = Fork::new_zeroed();
            fixed.process = process();
            record(kind, &fixed, &[])
        }
        Kind::Exit => record(kind, &Exit::new_zeroed(), &[]),
        Kind::Task => {
            let mut fixed = Task::new_zeroed();
            fixed.process = process();
            (fixed.exe, fixed.cwd) = (path(exe), path(cwd));
            (fixed.args, fixed.cgroup) = (tail(args), tail(CGROUP));
            record(kind, &fixed, &[exe, cwd, args, CGROUP])
        }
        Kind::Open => {
            let mut fixed = Open::new_zeroed();
            fixed.call.call = exporter_ebpf::record::CALL_OPENAT;
            fixed.call.result = 3;
            (fixed.requested, fixed.dir) = (tail(b"../etc/shadow"), path(cwd));
            fixed.effective = path(b"/etc/shadow");
            record(kind, &fixed, &[b"../etc/shadow", cwd, b"/etc/shadow"])
        }
        Kind::Connect => {
            let mut fixed = Connect::new_zeroed();
            fixed.call.call = exporter_ebpf::record::CALL_CONNECT;
            fixed.addr = tail(ADDRESS);
            record(kind, &fixed, &[ADDRESS])
        }
    }
}

#[test]
fn every_kind_of_record_is_a_seed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/record");
    let name = |kind: &Kind| format!("{kind:?}").to_ascii_lowercase();
    let mut seeds: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| (name(kind), seed(*kind)))
        .collect();
    for (name, bytes) in &seeds {
        let parsed = Record::parse(bytes).map(|record| format!("{:?}", record.kind()));
        assert_eq!(
            parsed.map(|kind| kind.to_ascii_lowercase()).as_deref(),
            Ok(&**name)
        );
    }
    seeds.push((
        "all".to_owned(),
        seeds.iter().flat_map(|(_, bytes)| bytes).copied().collect(),
    ));
    for (name, bytes) in seeds {
        let path = folder.join(&name);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &bytes).expect("the folder is there");
        }
        let there = fs::read(&path).unwrap_or_default();
        assert!(
            there == bytes,
            "{name} is of another layout; UPDATE=1 writes it anew"
        );
    }
}
