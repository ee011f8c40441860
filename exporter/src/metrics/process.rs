//! The `process_*` metrics that every Prometheus client library has, about this process.
//!
//! In: `/proc/self`. Out: rows at the scrape; what cannot be read is left out, and the scrape goes on.
//! Sources: the client library guidelines of Prometheus (process metrics), proc(5).

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::{Declaration, Registry};

/// Declares them.
pub fn declare(registry: &mut Registry) {
    registry.counters_read(
        single(
            "process_cpu_seconds_total",
            "User and system CPU time spent, in seconds.",
        ),
        |rows| {
            if let Some(stat) = Stat::read() {
                rows([], stat.cpu_ticks as f64 / clock_ticks_per_second() as f64);
            }
        },
    );
    registry.gauges_read(
        single("process_open_fds", "Number of open file descriptors."),
        |rows| {
            if let Ok(entries) = fs::read_dir("/proc/self/fd") {
                // The folder that is being read is one of its own entries.
                rows([], entries.count().saturating_sub(1) as u64);
            }
        },
    );
    registry.gauges_read(
        single("process_max_fds", "Limit on open file descriptors."),
        |rows| rows([], limit(Resource::Nofile)),
    );
    registry.gauges_read(
        single(
            "process_virtual_memory_bytes",
            "Size of the virtual memory, in bytes.",
        ),
        |rows| {
            if let Some(stat) = Stat::read() {
                rows([], stat.virtual_bytes);
            }
        },
    );
    registry.gauges_read(
        single(
            "process_virtual_memory_max_bytes",
            "Limit on the virtual memory, in bytes.",
        ),
        |rows| rows([], limit(Resource::As)),
    );
    registry.gauges_read(
        single(
            "process_resident_memory_bytes",
            "Size of the resident memory, in bytes.",
        ),
        |rows| {
            if let Some(stat) = Stat::read() {
                rows([], stat.resident_pages * page_size() as u64);
            }
        },
    );
    registry.gauges_read(single("process_threads", "Number of threads."), |rows| {
        if let Some(stat) = Stat::read() {
            rows([], stat.threads);
        }
    });
    let start = start_seconds();
    registry.gauges_read(
        single(
            "process_start_time_seconds",
            "Start of the process, in seconds since the Unix epoch.",
        ),
        move |rows| {
            if let Some(start) = start {
                rows([], start);
            }
        },
    );
}

fn single(name: &'static str, help: &'static str) -> Declaration<0> {
    Declaration {
        name,
        help,
        labels: [],
    }
}

/// The fields of `/proc/self/stat` that are exported.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: u64,
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn read() -> Option<Stat> {
        Stat::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// The name of the program stands in parentheses and may itself hold parentheses and spaces: fields are counted from the
    /// last one on, the first after it being number 3 in proc(5).
    fn parse(line: &str) -> Option<Stat> {
        let (_, after_name) = line.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
        let number = |position: usize| fields.get(position - 3)?.parse::<u64>().ok();
        Some(Stat {
            cpu_ticks: number(14)? + number(15)?,
            threads: number(20)?,
            start_ticks: number(22)?,
            virtual_bytes: number(23)?,
            resident_pages: number(24)?,
        })
    }
}

/// A resource limit; without one, the largest number, as other client libraries print it.
fn limit(resource: Resource) -> u64 {
    getrlimit(resource).current.unwrap_or(u64::MAX)
}

/// When the process started: now, less the time since then on the clock that counts from boot.
fn start_seconds() -> Option<f64> {
    let start_ticks = Stat::read()?.start_ticks;
    let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let since_boot = since_boot.tv_sec as f64 + since_boot.tv_nsec as f64 / 1e9;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()?
        .as_secs_f64();
    Some(now - since_boot + start_ticks as f64 / clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_any_name() {
        let fields = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23";
        let expected = Stat {
            cpu_ticks: 11 + 12,
            threads: 17,
            start_ticks: 19,
            virtual_bytes: 20,
            resident_pages: 21,
        };
        for name in ["saker", "a b", ") R 9 (", ""] {
            let parsed = Stat::parse(&format!("77 ({name}) {fields}\n"));
            assert_eq!(parsed.as_ref(), Some(&expected), "{name:?}");
        }
        for broken in ["", "77 (saker)", "77 (saker) S 1 2", "77 saker S 1"] {
            assert_eq!(Stat::parse(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn start_lies_between_boot_and_now() {
        let start = start_seconds().expect("/proc is mounted");
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_secs_f64();
        assert!(start < now && now - start < 3600.0, "{start} against {now}");
    }
}
