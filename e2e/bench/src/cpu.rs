//! The CPU time that a process has used.

use std::{fs, time::Duration};

use anyhow::{Context, Result};
use harness::process::Child;

/// The CPU time of a process so far: `utime` and `stime` of proc(5), which are counted in hundredths of a second.
pub fn cpu(program: &Child) -> Result<Duration> {
    let dead = || format!("{} has ended: {}", program.name(), program.log_tail(20));
    let stat = fs::read_to_string(format!("/proc/{}/stat", program.pid())).with_context(dead)?;
    // The program's name, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(") ").with_context(dead)?;
    let ticks = rest.split(' ').skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|it| it.parse::<u64>().ok()).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}
