//! Processor time of one thread, which what others do on the machine does not lengthen, over several runs.

use rustix::time::{ClockId, clock_gettime};

/// Figures of several runs, sorted.
pub struct Runs(Vec<f64>);

impl Runs {
    /// Measures so many runs, after one that does not count.
    pub fn of(runs: usize, mut run: impl FnMut() -> f64) -> Runs {
        run();
        let mut figures: Vec<f64> = (0..runs).map(|_| run()).collect();
        figures.sort_by(f64::total_cmp);
        Runs(figures)
    }

    /// The run in the middle.
    pub fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    /// The fastest and the slowest run.
    pub fn range(&self) -> (f64, f64) {
        (self.0[0], self.0[self.0.len() - 1])
    }

    /// These figures as milliseconds: the median, and the range in brackets.
    pub fn milliseconds(&self) -> String {
        let (fastest, slowest) = self.range();
        format!("{:.1} ms ({fastest:.1} to {slowest:.1})", self.median())
    }
}

/// Nanoseconds of processor time an item of rounds that say how many items they had, until `least_ns` are over.
pub fn ns_per_item(least_ns: u64, mut round: impl FnMut() -> usize) -> f64 {
    let (start, mut items) = (cpu_ns(), 0);
    loop {
        items += round();
        let spent = cpu_ns() - start;
        if spent >= least_ns {
            return spent as f64 / items as f64;
        }
    }
}

/// Processor time of this thread, in nanoseconds.
pub fn cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
