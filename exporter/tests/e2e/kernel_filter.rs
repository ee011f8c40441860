//! The kernel's filter and its twin in Rust say the same of the same calls.
//!
//! Everything that the kernel would hold back is audited here: each call gives a record, marked if the filter does not want
//! it. From the record follow the facts, from these the twin's verdict. The calls are made by this process: files opened by all
//! kinds of paths and with all kinds of flags, sockets connected, names changed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use exporter::event::decode::EventTypes;
use exporter::event::known::known;
use exporter::probe::{Gate, Places, Probe, Ring, Tables, decided};
use exporter_ebpf::record::{RECORD_AUDIT, Record};
use rule_engine::filter::{EventPlan, Known, Plan};
use rule_engine::load::{LoadOptions, load, read_paths};
use rule_engine::program::RuleSet;
use rule_engine::schema::Schema;
use rule_engine::source::Source;

/// Conditions that ask everything that the kernel can answer, each a rule set of its own and all of them one.
const CONDITIONS: &[&str] = &[
    "evt.type in (open, openat, openat2, creat) and fd.name in (/etc/passwd, /etc/shadow, /etc/hostname)",
    "evt.type in (openat, openat2) and fd.name startswith /etc/ and evt.is_open_read = true",
    "evt.type in (openat, openat2) and fd.name startswith /etc/ho",
    "evt.type = openat and fd.name endswith name",
    "evt.type = openat and fd.name endswith /hostname",
    "evt.type = openat and fd.filename in (hostname, passwd, file)",
    "evt.type = openat and fd.directory in (/etc, /)",
    "evt.type = openat and fd.directory = / and not fd.name = /etc",
    "evt.type = openat and fd.nameraw contains ../",
    "evt.type = openat and fd.nameraw startswith /proc/",
    "evt.type = openat and fd.name pmatch (/etc, /proc/self)",
    "evt.type = openat and fd.name glob /tmp/*",
    "evt.type = openat and not fd.name startswith /etc/ and not fd.name startswith /tmp/ and not fd.name startswith /proc/",
    "evt.type in (openat, openat2) and fd.typechar = d",
    "evt.type in (openat, openat2) and fd.typechar = f and fd.name endswith file",
    "evt.type in (openat, creat) and evt.is_open_write = true and fd.num >= 0",
    "evt.type = openat and evt.res = ENOENT and fd.name contains x",
    "evt.type = openat and evt.arg.flags contains O_TRUNC",
    "evt.type = openat and evt.rawres < 0 and fd.nameraw endswith file",
    "evt.type = openat and proc.name in (other, kernel_filter_x)",
    "evt.type = openat and proc.name startswith oth and fd.name startswith /etc/",
    "evt.type = openat and user.uid != 0",
    "evt.type = openat and user.uid = 0 and container.id != host and fd.name startswith /etc/",
    "evt.type = connect and fd.sport in (1, 2, 3)",
    "evt.type = connect and fd.sip = 127.0.0.1",
    "evt.type = connect and fd.snet in (127.0.0.0/9, 10.0.0.0/7)",
    "evt.type = connect and fd.sip = \"::1\"",
    "evt.type = connect and fd.cip = 127.0.0.1 and fd.l4proto = udp",
    "evt.type = connect and fd.typechar = 4 and evt.rawres >= 0",
    "evt.type = connect and fd.typechar in (6, u)",
    "evt.type = connect and container.id = host and fd.cport > 0",
    "evt.type in (mkdir, mkdirat) and evt.arg.path startswith /tmp/",
    "evt.type in (unlink, unlinkat) and fs.path.name endswith gone",
    "evt.type in (chmod, fchmodat) and evt.arg.mode contains S_ISUID",
    "evt.type = fchmod and evt.arg.mode contains S_IXUSR",
    "evt.type in (dup, dup2, dup3) and evt.rawres in (0, 1, 2)",
];

/// What watches this process by one rule set.
struct Watcher {
    schema: Schema,
    types: EventTypes,
    plans: BTreeMap<&'static str, EventPlan>,
    /// Detaches the programs when it goes.
    _probe: Probe,
    _gate: Gate,
    places: Places,
    ring: Ring,
}

/// How many calls passed and how many were held back, by type.
type Tally = BTreeMap<&'static str, [u64; 2]>;

fn rules(conditions: &[&str]) -> RuleSet {
    let rules = conditions.iter().enumerate().map(|(number, condition)| {
        format!("- rule: r{number}\n  desc: d\n  condition: '{condition}'\n  output: x\n  priority: INFO\n")
    });
    let source = Source {
        name: "test.yaml".to_owned(),
        text: rules.collect(),
    };
    let loaded = load(vec![source], &Schema::syscall(), &LoadOptions::default());
    loaded.rules.expect("the rules are right")
}

impl Watcher {
    fn new(rules: &RuleSet) -> Self {
        let schema = Schema::syscall();
        let plan = Plan::of(rules, &schema);
        let tables = Tables::of(&plan, &schema, |_| false);
        assert_eq!(tables.unfiltered(), [""; 0]);
        let named = |event| schema.event_def(event).name;
        let plans = plan
            .events
            .iter()
            .map(|(event, plan)| (named(*event), decided(named(*event), plan)));
        let plans: BTreeMap<_, _> = plans.collect();
        let mut probe = Probe::load(1 << 23).expect("the kernel takes the probes");
        probe
            .watch(|name| plans.contains_key(name) && !name.starts_with("exec"))
            .expect("it takes numbers");
        let mut gate = probe.take_gate().expect("the first time");
        gate.set_audit(1);
        let next = gate.add(&tables).expect("the kernel takes the tables");
        gate.keep(next).expect("and puts them in force");
        let places = probe.take_places().expect("the first time");
        let ring = probe.take_ring().expect("the first time");
        probe.attach().expect("it attaches");
        Self {
            types: EventTypes::new(&schema),
            schema,
            plans,
            _probe: probe,
            _gate: gate,
            places,
            ring,
        }
    }

    /// Holds every call that this process has made since against the twin. Gives the cgroup that it is in.
    fn compare(&mut self, in_container: Known<bool>, tally: &mut Tally) -> Option<u64> {
        let comm = fs::read_to_string(format!("/proc/{}/comm", std::process::id()));
        let comm = comm.expect("a name").trim_end().as_bytes().to_vec();
        let mut cgroup = None;
        let mut seen = Vec::new();
        while self
            .ring
            .drain(1024, &mut |bytes| seen.push(bytes.to_vec()))
            > 0
        {}
        for bytes in seen {
            let record = Record::parse(&bytes).expect("a record");
            let header = *record.header();
            if header.pid != std::process::id() {
                continue;
            }
            let Some(facts) = known(&record, Known::Is(&comm), in_container) else {
                continue;
            };
            cgroup = Some(header.cgroup_id);
            let event = self.types.of(&record).expect("a type");
            let name = self.schema.event_def(event).name;
            let Some(plan) = self.plans.get(name) else {
                continue;
            };
            let (twin, kernel) = (plan.passes(&facts), header.flags & RECORD_AUDIT == 0);
            assert_eq!(
                twin, kernel,
                "twin, kernel: {record:?}\n{facts:?}\n{plan:#?}"
            );
            tally.entry(name).or_default()[usize::from(!kernel)] += 1;
        }
        cgroup
    }
}

/// A folder with something of every kind in it.
fn stage() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "x").expect("a file");
    fs::create_dir(at(".hidden")).expect("a folder");
    fs::write(at(".hidden/..file"), "x").expect("a file");
    symlink("/etc/hostname", at("link")).expect("a link");
    symlink("/etc", at("etc")).expect("a link");
    symlink("/proc/self/status", at("status")).expect("a link");
    folder
}

/// Paths to open, as they are given.
fn paths(folder: &Path) -> Vec<PathBuf> {
    let below = [
        "file",
        "link",
        "etc/hostname",
        "etc/../file",
        "./file",
        "etc//passwd",
        ".hidden/..file",
        ".hidden/",
        ".hidden/.",
        "missing",
        "missing/file",
        "status",
        "etc",
        "",
        "x",
    ];
    let others = [
        "/",
        "/etc",
        "/etc/",
        "/etc/hostname",
        "/etc/passwd",
        "/etc/shadow",
        "/etc/./hostname",
        "//etc/hostname",
        "/etc/../etc/hosts",
        "/proc/self/status",
        "/proc/self/comm",
        "/proc",
        "/dev/null",
        "/tmp",
        "/bin/sh",
        "/nothing/here",
        "/..",
        "/.",
        "..",
        ".",
        "no/such/file",
        "/etc/hostnam",
        "/etc/hostname.",
        "/xetc/hostname",
    ];
    let below = below.iter().map(|name| folder.join(name));
    let mut paths: Vec<PathBuf> = below.chain(others.iter().map(PathBuf::from)).collect();
    for length in [200, 400, 508, 509, 510, 511, 512, 600] {
        let name = "n".repeat(49);
        let path = format!("/etc/{}", vec![name; 13].join("/"));
        paths.push(PathBuf::from(path.get(..length).expect("it is longer")));
    }
    paths
}

/// Opens files, relative ones too.
fn open_files(folder: &Path) {
    for path in paths(folder) {
        drop(File::open(&path));
        drop(OpenOptions::new().write(true).open(&path));
        drop(
            OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(0o4000)
                .open(&path),
        );
    }
    for name in ["made", "other", "file"] {
        drop(File::create(folder.join(name)));
    }
    // Relative to a descriptor, and what has no path.
    let directory = File::open(folder).expect("a folder");
    for name in ["file", "link", "../x", ".hidden/..file", "missing"] {
        let flags = rustix::fs::OFlags::RDONLY;
        drop(rustix::fs::openat(
            &directory,
            name,
            flags,
            rustix::fs::Mode::empty(),
        ));
    }
    let (read, _write) = rustix::pipe::pipe().expect("a pipe");
    let number = std::os::fd::AsRawFd::as_raw_fd(&read);
    drop(File::open(format!("/proc/self/fd/{number}")));
    let memory = rustix::fs::memfd_create("file", rustix::fs::MemfdFlags::CLOEXEC).expect("memory");
    let number = std::os::fd::AsRawFd::as_raw_fd(&memory);
    drop(File::open(format!("/proc/self/fd/{number}")));
}

/// Connects sockets of all kinds, changes names and rights.
fn do_the_rest(folder: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    drop(TcpStream::connect(
        listener.local_addr().expect("an address"),
    ));
    drop(TcpStream::connect("127.0.0.1:1"));
    drop(TcpStream::connect("[::1]:2"));
    drop(TcpStream::connect("[::ffff:127.0.0.1]:3"));
    for (own, other) in [
        ("127.0.0.1:0", "127.0.0.1:9"),
        ("0.0.0.0:0", "127.255.0.1:3"),
        ("[::]:0", "[::1]:9"),
    ] {
        if let Ok(socket) = UdpSocket::bind(own) {
            drop(socket.connect(other));
        }
    }
    let socket = folder.join("socket");
    let _listening = UnixListener::bind(&socket).expect("a socket");
    drop(UnixStream::connect(&socket));
    drop(UnixStream::connect(folder.join("no socket")));
    for name in ["made folder", "gone", "file"] {
        let path = folder.join(name);
        let _ = fs::create_dir(&path);
        let _ = fs::remove_dir(&path);
        let _ = fs::remove_file(path.join("gone"));
    }
    drop(File::create(folder.join("soon gone")));
    let _ = fs::remove_file(folder.join("soon gone"));
    let _ = fs::create_dir("/nothing/here");
    let file = folder.join("other");
    for mode in [0o644, 0o4755, 0o711, 0o600] {
        let _ = fs::set_permissions(&file, fs::Permissions::from_mode(mode));
        let opened = File::open(&file).expect("a file");
        let _ = opened.set_permissions(fs::Permissions::from_mode(mode));
        drop(opened.try_clone());
    }
    let mut text = String::new();
    let _ = File::open("/etc/hostname").and_then(|mut file| file.read_to_string(&mut text));
}

fn calls() {
    let folder = stage();
    open_files(folder.path());
    do_the_rest(folder.path());
}

/// The calls, judged where it is not known whether this is a container, and as either.
fn check(rules: &RuleSet, tally: &mut Tally) {
    let mut watcher = Watcher::new(rules);
    calls();
    let Some(cgroup) = watcher.compare(Known::Unknown, tally) else {
        return;
    };
    for inside in [false, true] {
        watcher.places.tell(cgroup, inside);
        calls();
        watcher.compare(Known::Is(inside), tally);
    }
}

#[test]
fn the_kernel_lets_pass_what_its_twin_lets_pass() {
    let mut tally = Tally::new();
    // Together, and each alone: among many rules a single one shows little.
    check(&rules(CONDITIONS), &mut tally);
    for some in CONDITIONS.chunks(9) {
        check(&rules(some), &mut tally);
    }
    eprintln!("passed and held back: {tally:?}");
    for name in ["openat", "connect", "mkdir", "unlink", "chmod", "fchmod"] {
        let [passed, held] = tally.get(name).copied().unwrap_or_default();
        assert!(
            passed > 0 && held > 0,
            "{name}: {passed} passed, {held} held back"
        );
    }
}

#[test]
fn of_whole_rule_files_too() {
    let schema = Schema::syscall();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules")];
    match std::env::var_os("SAKER_COMPAT_RULES") {
        Some(folder) => folders.push(folder.into()),
        None => eprintln!(
            "DID NOT RUN over Falco's rules: SAKER_COMPAT_RULES names no folder with them"
        ),
    }
    for folder in folders {
        let (sources, errors) = read_paths(&[folder]);
        assert!(errors.is_empty(), "{errors:?}");
        let rules = load(sources, &schema, &LoadOptions::default()).rules;
        let mut tally = Tally::new();
        check(&rules.expect("the rules load"), &mut tally);
        let [passed, held] = tally["openat"];
        eprintln!("passed and held back: {tally:?}");
        assert!(
            passed > 0 && held > passed,
            "{passed} passed, {held} held back"
        );
    }
}
