//! Arguments of the processes that a scan could not read them of: before Linux 5.18, and of other pid namespaces.
//!
//! In: the records of a scan, and where the proc file system is. Out: the same records, with arguments where that knows the process.
//! The one place of this room that looks inside a record.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use exporter_ebpf::record::{
    ARGS_BYTES_MAX, RECORD_READ_FAILED, RECORD_TRUNCATED, Record, Records, TAIL_READ_FAILED,
    TAIL_TRUNCATED, TaskRecord,
};
use zerocopy::IntoBytes;

use crate::sys;

/// Puts in what is missing and can be found.
pub(super) fn complete(records: Vec<u8>, proc: &Path) -> Vec<u8> {
    let is_missing = |task: &TaskRecord<'_>| task.args.read_failed();
    let mut whole = Vec::new();
    let mut done = 0;
    let mut cut = Records::new(&records);
    while let Some(record) = cut.next() {
        let end = records.len() - cut.rest().len();
        if let Ok(Record::Task(task)) = Record::parse(record)
            && is_missing(&task)
            && let Some(arguments) = arguments_of(&task, proc)
        {
            whole.extend_from_slice(&records[done..end - record.len()]);
            append(&mut whole, &task, &arguments);
            done = end;
        }
    }
    if done == 0 {
        return records;
    }
    whole.extend_from_slice(&records[done..]);
    whole
}

/// What /proc says, if its process of this number is the same one; one byte more than a record takes tells that there are more.
fn arguments_of(task: &TaskRecord<'_>, proc: &Path) -> Option<Vec<u8>> {
    let process = &task.fixed.process;
    let folder = proc.join(process.pid.to_string());
    let stat = fs::read(folder.join("stat")).ok()?;
    let start_boot_ns = process.start_boot_ns;
    if sys::start_boot_ns(&stat)? != start_boot_ns - start_boot_ns % sys::START_STEP_NS {
        return None;
    }
    let mut arguments = Vec::new();
    File::open(folder.join("cmdline"))
        .and_then(|file| {
            file.take(ARGS_BYTES_MAX as u64 + 1)
                .read_to_end(&mut arguments)
        })
        .ok()?;
    (!arguments.is_empty()).then_some(arguments)
}

/// The record with these arguments.
fn append(to: &mut Vec<u8>, task: &TaskRecord<'_>, arguments: &[u8]) {
    let taken = &arguments[..arguments.len().min(ARGS_BYTES_MAX)];
    let was_cut = taken.len() < arguments.len();
    let mut fixed = task.fixed;
    fixed.args.bytes = taken.len() as u16;
    fixed.args.flags = if was_cut { TAIL_TRUNCATED } else { 0 };
    fixed.header.bytes += taken.len() as u32;
    let others = [task.exe.flags, task.cwd.flags, task.cgroup.flags];
    if others.iter().all(|flags| flags & TAIL_READ_FAILED == 0) {
        fixed.header.flags &= !RECORD_READ_FAILED;
    }
    if was_cut {
        fixed.header.flags |= RECORD_TRUNCATED;
    }
    to.extend_from_slice(fixed.as_bytes());
    for tail in [task.exe.bytes, task.cwd.bytes, taken, task.cgroup.bytes] {
        to.extend_from_slice(tail);
    }
}

#[cfg(test)]
mod tests {
    use exporter_ebpf::record::{Kind, LAYOUT_VERSION, Task};
    use tempfile::TempDir;
    use zerocopy::FromZeros as _;

    use super::*;

    /// A process that started 7 seconds after boot; its arguments could not be read.
    fn scanned(pid: u32) -> Vec<u8> {
        let mut fixed = Task::new_zeroed();
        fixed.process.pid = pid;
        fixed.process.start_boot_ns = 7_001_000_000;
        fixed.header.kind = Kind::Task.number();
        fixed.header.version = LAYOUT_VERSION as u16;
        fixed.header.flags = RECORD_READ_FAILED;
        fixed.exe.bytes = 4;
        fixed.cwd.bytes = 1;
        fixed.args.flags = TAIL_READ_FAILED;
        fixed.cgroup.bytes = 2;
        fixed.header.bytes = (size_of::<Task>() + 7) as u32;
        [fixed.as_bytes(), b"/exe", b"/", b"/c"].concat()
    }

    fn folder(proc: &TempDir, pid: u32, start_ticks: u64, arguments: &[u8]) {
        let folder = proc.path().join(pid.to_string());
        fs::create_dir(&folder).expect("a scratch folder");
        let stat = format!("{pid} (a) b) S 1{} {start_ticks} 9\n", " 0".repeat(17));
        fs::write(folder.join("stat"), stat).expect("a scratch folder");
        fs::write(folder.join("cmdline"), arguments).expect("a scratch folder");
    }

    #[test]
    fn arguments_come_from_proc_if_it_means_the_same_process() {
        let proc = TempDir::new().expect("a scratch folder");
        folder(&proc, 1, 700, b"/exe\0--all\0");
        folder(&proc, 2, 701, b"another\0");
        folder(&proc, 3, 700, b"");
        folder(&proc, 5, 700, &[b'x'; ARGS_BYTES_MAX + 1]);
        let whole = complete((1..=5).flat_map(scanned).collect(), proc.path());
        let mut records = Records::new(&whole);
        let told = records.by_ref().map(|record| match Record::parse(record) {
            Ok(Record::Task(task)) => {
                assert_eq!((task.exe.bytes, task.cwd.bytes), (&b"/exe"[..], &b"/"[..]));
                assert_eq!(task.cgroup.bytes, b"/c");
                let flags = task.fixed.header.flags;
                (task.args.bytes.to_vec(), task.args.flags, flags)
            }
            other => panic!("{other:?}"),
        });
        let unread = (Vec::new(), TAIL_READ_FAILED, RECORD_READ_FAILED);
        let expected = [
            (b"/exe\0--all\0".to_vec(), 0, 0),
            unread.clone(),
            unread.clone(),
            unread,
            (vec![b'x'; ARGS_BYTES_MAX], TAIL_TRUNCATED, RECORD_TRUNCATED),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        assert!(records.rest().is_empty());
    }

    #[test]
    fn what_is_no_record_stays() {
        let proc = TempDir::new().expect("a scratch folder");
        folder(&proc, 1, 700, b"a\0");
        let mut records = scanned(1);
        records.extend_from_slice(b"rest");
        assert!(complete(records, proc.path()).ends_with(b"/crest"));
    }
}
