//! What a figure is of: the machine, and the source.

use std::{fs, thread};

/// The machine and the commit, in a few words.
pub fn described() -> String {
    let cpus = thread::available_parallelism().map_or(0, usize::from);
    let model = first("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".to_owned());
    let memory = first("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .map_or_else(String::new, |kib| format!(", {} GiB", kib / 1024 / 1024));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let commit = option_env!("BUILD_COMMIT").unwrap_or("unknown");
    format!(
        "{cpus} CPUs ({model}){memory}, Linux {}, of commit {commit}",
        kernel.trim()
    )
}

fn first(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
