//! The memory that a process holds.

use std::fs;

use anyhow::{Context, Result};

/// Resident memory of a process, in bytes, as the kernel counts it.
#[derive(Clone, Copy, Debug)]
pub struct Resident {
    /// Now.
    pub now: u64,
    /// As much of it as no file holds: not the program's code, nor a library's.
    pub own: u64,
    /// At its peak.
    pub peak: u64,
}

impl Resident {
    /// That of the process `pid`.
    pub fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let bytes = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            kib.map(|kib| kib * 1024)
                .with_context(|| format!("no {key} of process {pid}"))
        };
        Ok(Self {
            now: bytes("VmRSS:")?,
            own: bytes("RssAnon:")?,
            peak: bytes("VmHWM:")?,
        })
    }

    /// In MB, as tables show it.
    pub fn shown(self) -> String {
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let Self { now, own, peak } = self;
        format!(
            "{:.1} MB, {:.1} of it its own (peak {:.1} MB)",
            mb(now),
            mb(own),
            mb(peak)
        )
    }
}
