//! What the operating system says of this process, read from `/proc` at each scrape.
//!
//! Names as in the Prometheus client libraries' "process metrics". What cannot be read is left out.

use std::{fmt, fs};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

/// This process.
#[derive(Debug)]
pub(super) struct Process;

/// The fields of `/proc/self/stat` that are of use here (proc_pid_stat(5)).
#[derive(Debug, PartialEq)]
struct Stat {
    /// Ticks in user and kernel mode.
    cpu: u64,
    /// Ticks from the machine's start to the process's.
    start: u64,
    /// Bytes.
    virtual_memory: u64,
    /// Pages.
    resident: u64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, and may hold anything.
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<_> = fields.split_ascii_whitespace().collect();
        // The manual counts from one, and the first two are gone.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu: field(14)? + field(15)?,
            start: field(22)?,
            virtual_memory: field(23)?,
            resident: field(24)?,
        })
    }
}

/// When the machine started, in seconds since 1970.
fn boot_time() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

fn open_fds() -> Option<usize> {
    // The descriptor that reads the directory is not counted.
    Some(
        fs::read_dir("/proc/self/fd")
            .ok()?
            .count()
            .saturating_sub(1),
    )
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let ticks = clock_ticks_per_second() as f64;
        if let Some(stat) = Stat::read() {
            let help = "Total user and system CPU time spent in seconds";
            let cpu = ConstCounter::new(stat.cpu as f64 / ticks);
            cpu.encode(encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                MetricType::Counter,
            )?)?;
            let resident = stat.resident.saturating_mul(page_size() as u64);
            gauge(
                &mut encoder,
                "process_resident_memory_bytes",
                "Resident memory size in bytes",
                resident as f64,
            )?;
            gauge(
                &mut encoder,
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes",
                stat.virtual_memory as f64,
            )?;
            if let Some(boot) = boot_time() {
                let help = "Start time of the process since unix epoch in seconds";
                let start = boot as f64 + stat.start as f64 / ticks;
                gauge(&mut encoder, "process_start_time_seconds", help, start)?;
            }
        }
        if let Some(open) = open_fds() {
            gauge(
                &mut encoder,
                "process_open_fds",
                "Number of open file descriptors",
                open as f64,
            )?;
        }
        // No limit is said as Prometheus's clients say it: by leaving it out.
        if let Some(most) = getrlimit(Resource::Nofile).current {
            gauge(
                &mut encoder,
                "process_max_fds",
                "Maximum number of open file descriptors",
                most as f64,
            )?;
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_parentheses_does_not_confuse() {
        let stat =
            "7 (a) (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 9000 1048576 512 1 1";
        let expected = Stat {
            cpu: 300,
            start: 9000,
            virtual_memory: 1_048_576,
            resident: 512,
        };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert_eq!(Stat::parse("7 (a) S 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_described() {
        let stat = Stat::read().unwrap();
        assert!(stat.resident > 0 && stat.virtual_memory > stat.resident);
        assert!(boot_time().unwrap() > 1_500_000_000);
        assert!(open_fds().unwrap() >= 3);
    }
}
