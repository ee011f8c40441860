//! Records of a capture by the type of event, and what it costs to decode them and to bring the tables up to them.

use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use exporter::event::capture::CaptureReader;
use exporter::event::decode::{EventTypes, facts};
use exporter::state::State;
use exporter::state::user::Users;
use exporter_ebpf::record::{self, Kind, Record};
use rule_engine::schema::Schema;
use testing::time::{Runs, ns_per_item};

/// Measured runs of each case; the median is told.
pub(crate) const RUNS: usize = 9;
/// Processor time that one run takes at least.
const RUN_NS: u64 = 50_000_000;
/// Records between two looks at the clock at least, which costs more than a record.
const ROUND_LEN: usize = 1000;
/// Capacity of the process table, as the agent has it by default.
pub(crate) const PROCESSES_MAX: usize = 65_536;
/// A birth, with the end that is made up for it.
pub(crate) const BIRTH: &str = "clone and procexit (both)";

/// Records by the event type, or by the kind if they are no events.
pub(crate) struct ByType(pub(crate) BTreeMap<&'static str, Vec<Vec<u8>>>);

impl ByType {
    /// Those of a capture.
    pub(crate) fn of(capture: &Path, schema: &Schema) -> Self {
        let types = EventTypes::new(schema);
        let mut sorted = BTreeMap::<_, Vec<Vec<u8>>>::new();
        let file = File::open(capture).expect("a capture");
        CaptureReader::new(file)
            .and_then(|reader| {
                reader.each_record(|bytes| {
                    let record = Record::parse(bytes).expect("the capture's reader has parsed it");
                    let name = match (record.kind(), types.of(&record)) {
                        // An end is told once: with the birth before it, it can be told again and again.
                        (Kind::Exit, _) => return,
                        (Kind::Fork, _) => BIRTH,
                        (_, Some(event)) => schema.event_def(event).name,
                        (_, None) => return,
                    };
                    sorted.entry(name).or_default().push(bytes.to_vec());
                })
            })
            .expect("a whole capture");
        Self(sorted)
    }
}

/// Bytes on average, with the strings.
pub(crate) fn average_bytes(records: &[Vec<u8>]) -> usize {
    records.iter().map(Vec::len).sum::<usize>() / records.len()
}

/// Gives records again and again, and after a birth the end of who was born: each time it is another process.
pub(crate) struct Feed<'r> {
    records: &'r [Vec<u8>],
    /// A birth, and an end, to be changed.
    fork: Vec<u8>,
    exit: Vec<u8>,
    born: u64,
}

impl<'r> Feed<'r> {
    pub(crate) fn new(records: &'r [Vec<u8>]) -> Self {
        Self {
            records,
            fork: Vec::new(),
            exit: Vec::new(),
            born: 1 << 40,
        }
    }

    /// Gives each record to `take`, equally often; says how many those of the capture were.
    pub(crate) fn round(&mut self, take: &mut impl FnMut(&[u8])) -> usize {
        let times = ROUND_LEN.div_ceil(self.records.len());
        for bytes in std::iter::repeat_n(self.records, times).flatten() {
            match Record::parse(bytes) {
                Ok(Record::Fork(fork)) => {
                    self.born += 1;
                    let start = self.born.to_ne_bytes();
                    self.fork.clear();
                    self.fork.extend_from_slice(bytes);
                    let at = std::mem::offset_of!(record::Fork, process)
                        + std::mem::offset_of!(record::Process, start_boot_ns);
                    self.fork[at..at + 8].copy_from_slice(&start);
                    take(&self.fork);
                    self.exit.clear();
                    self.exit
                        .extend_from_slice(&bytes[..size_of::<record::Header>()]);
                    self.exit.resize(size_of::<record::Exit>(), 0);
                    let header = |at: usize, value: &[u8], exit: &mut Vec<u8>| {
                        exit[at..at + value.len()].copy_from_slice(value);
                    };
                    let length = (self.exit.len() as u32).to_ne_bytes();
                    header(0, &length, &mut self.exit);
                    let kind = Kind::Exit.number().to_ne_bytes();
                    header(
                        std::mem::offset_of!(record::Header, kind),
                        &kind,
                        &mut self.exit,
                    );
                    let at = std::mem::offset_of!(record::Header, start_boot_ns);
                    header(at, &start, &mut self.exit);
                    let pid = fork.fixed.process.pid.to_ne_bytes();
                    header(
                        std::mem::offset_of!(record::Header, pid),
                        &pid,
                        &mut self.exit,
                    );
                    take(&self.exit);
                }
                _ => take(bytes),
            }
        }
        self.records.len() * times
    }
}

/// Nanoseconds a record.
pub(crate) fn updating(records: &[Vec<u8>], schema: &Schema) -> f64 {
    let types = EventTypes::new(schema);
    let mut state = State::new(PROCESSES_MAX, Arc::new(Users::default()));
    let mut feed = Feed::new(records);
    let mut take = |bytes: &[u8]| {
        let record = Record::parse(black_box(bytes)).expect("it was read before");
        black_box(state.apply(&record));
        black_box(types.of(&record));
        black_box(facts(&record));
    };
    median(|| feed.round(&mut take))
}

/// Nanoseconds an item of rounds that say how many they had.
pub(crate) fn median(mut round: impl FnMut() -> usize) -> f64 {
    Runs::of(RUNS, || ns_per_item(RUN_NS, &mut round)).median()
}
