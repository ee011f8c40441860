//! The programs loaded and attached, a reader of their ring, and who is looking.

use std::{
    collections::HashMap,
    io::Read,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use aya::{
    Btf, Ebpf, EbpfLoader,
    maps::{Array, MapData, PerCpuArray, RingBuf},
    programs::{BtfTracePoint, Iter},
};
use exporter_ebpf::{
    BASE, COUNTERS, CURSOR, CURSOR_END, Hook, PROGRAMS, Program, RING, SCAN_ALL, SCANNER, SETTINGS,
    WATCH,
    record::{Counters, Header, Kind, OpenRecord, Record, Records, TaskRecord},
    syscall::watch_table,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zerocopy::FromBytes;

/// How long a record may take; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Rig {
    btf: Btf,
    ebpf: Ebpf,
    ring: RingBuf<MapData>,
}

impl Rig {
    /// Everything attached, these system calls watched.
    pub(crate) fn new(calls: &[&str]) -> Self {
        let mut rig = Self::load(32 << 20);
        rig.watch(calls);
        for program in PROGRAMS {
            rig.attach(program);
        }
        rig
    }

    /// Nothing attached, a ring of this size.
    pub(crate) fn load(ring_bytes: u32) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests load kernel programs: run them as root (sudo -E cargo nextest run -p exporter-ebpf)"
        );
        let btf = Btf::from_sys_fs().expect("BTF of the running kernel");
        let mut ebpf = EbpfLoader::new()
            .btf(Some(&btf))
            .map_max_entries(RING, ring_bytes)
            .load(BASE)
            .expect("load the base object");
        let ring = RingBuf::try_from(ebpf.take_map(RING).expect("ring")).expect("ring");
        Self { btf, ebpf, ring }
    }

    /// Attaches a program if it is for a tracepoint.
    pub(crate) fn attach(&mut self, program: &Program) {
        let Hook::Tracepoint(tracepoint) = program.hook else {
            return;
        };
        let name = program.name;
        let loaded: &mut BtfTracePoint = self
            .ebpf
            .program_mut(name)
            .expect(name)
            .try_into()
            .expect(name);
        loaded
            .load(tracepoint, &self.btf)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        loaded
            .attach()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// From now on these calls, and no others, give records.
    pub(crate) fn watch(&mut self, calls: &[&str]) {
        let mut watch: Array<_, [u8; 2]> = self
            .ebpf
            .map_mut(WATCH)
            .expect("watch")
            .try_into()
            .expect("watch");
        for (number, entry) in (0..).zip(watch_table(|numbers| calls.contains(&numbers.name))) {
            watch
                .set(number, [entry.native, entry.compat], 0)
                .expect("watch");
        }
    }

    /// From now on the programs are told this.
    pub(crate) fn set(&mut self, flags: u32) {
        let settings = self.ebpf.map_mut(SETTINGS).expect("settings");
        let mut settings: Array<_, u32> = settings.try_into().expect("settings");
        settings.set(0, flags, 0).expect("settings");
    }

    /// From now on this number gives the records of `call`.
    pub(crate) fn watch_number(&mut self, number: u32, call: u8) {
        let mut watch: Array<_, [u8; 2]> = self
            .ebpf
            .map_mut(WATCH)
            .expect("watch")
            .try_into()
            .expect("watch");
        watch.set(number, [call, 0], 0).expect("watch");
    }

    /// What became of the records of one kind, over all CPUs.
    pub(crate) fn counters(&self, kind: Kind) -> Counters {
        let counters: PerCpuArray<_, [u8; size_of::<Counters>()]> = self
            .ebpf
            .map(COUNTERS)
            .expect("counters")
            .try_into()
            .expect("counters");
        let mut sum = Counters::read_from_bytes(&[0; size_of::<Counters>()]).expect("size");
        for cpu in counters
            .get(&u32::from(kind.number()), 0)
            .expect("counters")
            .iter()
        {
            let cpu = Counters::read_from_bytes(cpu).expect("size");
            sum.submitted += cpu.submitted;
            sum.filtered += cpu.filtered;
            sum.lost_ring_full += cpu.lost_ring_full;
            sum.lost_no_scratch += cpu.lost_no_scratch;
        }
        sum
    }

    /// The next record that is there already.
    pub(crate) fn next(&mut self) -> Option<Record<'static>> {
        // A test may keep what it has seen.
        let bytes: &'static [u8] = self.ring.next()?.to_vec().leak();
        Some(Record::parse(bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}")))
    }

    /// The first record to come that `wanted` takes; the ones before it are dropped.
    pub(crate) fn wait<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(Record<'static>) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some(record) = self.next() {
                if let Some(found) = wanted(record) {
                    return found;
                }
            }
            assert!(Instant::now() < deadline, "no record of {what}");
            self.sleep();
        }
    }

    /// Until the kernel wakes the reader, or as long as a wake-up may stand for later records.
    fn sleep(&self) {
        let gap = Timespec {
            tv_sec: 0,
            tv_nsec: exporter_ebpf::WAKE_GAP.subsec_nanos().into(),
        };
        poll(
            &mut [PollFd::from_borrowed_fd(self.ring.as_fd(), PollFlags::IN)],
            Some(&gap),
        )
        .expect("poll");
    }

    /// The open that this thread did last with `requested` in its path.
    pub(crate) fn own_open(&mut self, requested: &[u8]) -> OpenRecord<'static> {
        let me = tid();
        self.wait(
            &format!("opening {}", requested.escape_ascii()),
            |record| match record {
                Record::Open(open)
                    if open.fixed.header.tid == me && open.requested.bytes == requested =>
                {
                    Some(open)
                }
                _ => None,
            },
        )
    }

    /// The open, whoever did it, with `requested` as its path.
    pub(crate) fn any_open(&mut self, requested: &[u8]) -> OpenRecord<'static> {
        self.wait(
            &format!("opening {}", requested.escape_ascii()),
            |record| match record {
                Record::Open(open) if open.requested.bytes == requested => Some(open),
                _ => None,
            },
        )
    }

    /// Runs a scan to its end; every record by process id.
    pub(crate) fn scan(&mut self, program: &str) -> Tasks {
        load_scan(&mut self.ebpf, program, &self.btf);
        let mut stream = Vec::new();
        read_scan(&mut self.ebpf, program, &mut stream);
        tasks(stream)
    }

    /// The same for the scan of all pid namespaces; each process comes once.
    pub(crate) fn scan_all(&self) -> Tasks {
        let mut ebpf = EbpfLoader::new()
            .btf(Some(&self.btf))
            .map_max_entries(RING, 1 << 16)
            .load(SCANNER)
            .expect("load the scanner");
        let cursor = ebpf.take_map(CURSOR).expect("cursor");
        let cursor: Array<_, [u64; 3]> = cursor.try_into().expect("cursor");
        load_scan(&mut ebpf, SCAN_ALL, &self.btf);
        let mut stream = Vec::new();
        let mut number = 0;
        while number != CURSOR_END {
            read_scan(&mut ebpf, SCAN_ALL, &mut stream);
            let [next, ..] = cursor.get(&0, 0).expect("cursor");
            assert!(next > number, "no further than {number}");
            number = next;
        }
        let records = Records::new(&stream).count();
        let tasks = tasks(stream);
        assert_eq!(tasks.len(), records);
        tasks
    }
}

/// What a scan finds, by process id.
pub(crate) type Tasks = HashMap<u32, TaskRecord<'static>>;

fn iterator<'a>(ebpf: &'a mut Ebpf, program: &str) -> &'a mut Iter {
    ebpf.program_mut(program)
        .expect(program)
        .try_into()
        .expect(program)
}

fn load_scan(ebpf: &mut Ebpf, program: &str, btf: &Btf) {
    let scan = iterator(ebpf, program);
    if scan.fd().is_err() {
        scan.load("task", btf)
            .unwrap_or_else(|error| panic!("{program}: {error}"));
    }
}

fn read_scan(ebpf: &mut Ebpf, program: &str, stream: &mut Vec<u8>) {
    let scan = iterator(ebpf, program);
    let link = scan.attach().expect("attach");
    let file = scan.take_link(link).expect("link").into_file();
    file.expect("iterator")
        .read_to_end(stream)
        .expect("read the scan");
}

fn tasks(stream: Vec<u8>) -> Tasks {
    let mut records = Records::new(stream.leak());
    let tasks = records
        .by_ref()
        .map(
            |bytes| match Record::parse(bytes).expect("record of the scan") {
                Record::Task(task) => (task.fixed.process.pid, task),
                other => panic!("{:?} in the scan", other.kind()),
            },
        )
        .collect();
    assert!(
        records.rest().is_empty(),
        "the scan ends in the middle of a record"
    );
    tasks
}

/// This thread, as records name it.
pub(crate) fn tid() -> u32 {
    rustix::thread::gettid()
        .as_raw_nonzero()
        .get()
        .unsigned_abs()
}

/// This process, as records name it.
pub(crate) fn pid() -> u32 {
    std::process::id()
}

/// A record says of this thread what is so.
pub(crate) fn assert_own(header: &Header) {
    assert_eq!((header.pid, header.tid), (pid(), tid()));
    assert_eq!(header.euid, rustix::process::geteuid().as_raw());
    assert_eq!(header.egid, rustix::process::getegid().as_raw());
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let now_ns =
        u64::try_from(now.tv_sec).expect("after boot") * 1_000_000_000 + now.tv_nsec.unsigned_abs();
    assert!(
        header.time_boot_ns <= now_ns && now_ns - header.time_boot_ns < 60_000_000_000,
        "{}",
        header.time_boot_ns
    );
    assert_eq!(start_ticks(header.start_boot_ns), start_ticks_of(pid()));
}

/// A start time in the unit of /proc: hundredths of a second.
pub(crate) fn start_ticks(boot_ns: u64) -> u64 {
    boot_ns / 10_000_000
}

/// Start of a process by /proc.
pub(crate) fn start_ticks_of(pid: u32) -> u64 {
    stat(pid)[19].parse().expect("start time in /proc/PID/stat")
}

/// The fields of /proc/PID/stat after the name: [0] is the state.
pub(crate) fn stat(pid: u32) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let (_, fields) = stat.rsplit_once(')').expect("name in brackets");
    fields.split_whitespace().map(str::to_owned).collect()
}

/// Runs a script that must succeed; `arguments` are `$1` and on.
pub(crate) fn shell(script: &str, arguments: &[&std::path::Path]) -> std::process::Output {
    let output = std::process::Command::new("sh")
        .args(["-euc", script, "sh"])
        .args(arguments)
        .output()
        .expect("sh");
    assert!(
        output.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
