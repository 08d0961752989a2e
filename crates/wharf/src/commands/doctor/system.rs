//! Facts that the system tells in text files, and the reading of those.

use std::fs;

use super::facts::{Cores, Memory, OpenFiles};

/// Cores and what the control group grants of them.
pub(super) fn cores() -> Cores {
    let quota = read("/sys/fs/cgroup/cpu.max").and_then(|text| quota_of(&text)).or_else(|| {
        let number = |file: &str| read(&format!("/sys/fs/cgroup/cpu/{file}"))?.trim().parse::<f64>().ok();
        let quota = number("cpu.cfs_quota_us")? / number("cpu.cfs_period_us")?;
        (quota > 0.0).then_some(quota)
    });
    Cores { available: std::thread::available_parallelism().map_or(1, std::num::NonZero::get), quota }
}

/// Memory without its bandwidth.
pub(super) fn memory() -> Memory {
    let text = read("/proc/meminfo").unwrap_or_default();
    let limit = read("/sys/fs/cgroup/memory.max")
        .or_else(|| read("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
        .and_then(|text| text.trim().parse().ok());
    let total = field_of(&text, "MemTotal");
    Memory {
        total,
        available: field_of(&text, "MemAvailable"),
        // The old control groups say a number past any machine where there is no limit.
        limit: limit.filter(|limit| total.is_some_and(|total| *limit < total)),
        bytes_per_second: 0.0,
    }
}

/// The limits of this process; servers started from the same place have the same.
pub(super) fn open_files() -> Option<OpenFiles> {
    limits_of(&read("/proc/self/limits")?)
}

/// The processor's name.
pub(super) fn cpu_model() -> Option<String> {
    let text = read("/proc/cpuinfo")?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The choice for transparent huge pages.
pub(super) fn huge_pages() -> Option<String> {
    choice_of(&read("/sys/kernel/mm/transparent_hugepage/enabled")?)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// `QUOTA PERIOD`, where a quota of `max` is none.
fn quota_of(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
}

/// A line of `/proc/meminfo`, in bytes.
fn field_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn limits_of(text: &str) -> Option<OpenFiles> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut limits = line.split_whitespace().map(|limit| match limit {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    });
    Some(OpenFiles { soft: limits.next()??, hard: limits.next()?? })
}

/// The choice in brackets.
fn choice_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_system_are_read_or_passed_over() {
        assert_eq!(quota_of("150000 100000\n"), Some(1.5));
        assert_eq!(quota_of("max 100000\n"), None);
        assert_eq!(quota_of(""), None);
        let text = "MemTotal:       16000 kB\nMemAvailable:    8000 kB\n";
        assert_eq!(field_of(text, "MemAvailable"), Some(8000 * 1024));
        assert_eq!(field_of(text, "Mem"), None);
        assert_eq!(choice_of("always [madvise] never\n").as_deref(), Some("madvise"));
        assert_eq!(choice_of("always"), None);
    }

    #[test]
    fn limits_are_numbers_or_none() {
        let read = |line: &str| limits_of(line).map(|limits| (limits.soft, limits.hard));
        assert_eq!(
            read("Max open files            1024                 unlimited            files\n"),
            Some((1024, u64::MAX))
        );
        assert_eq!(read("Max processes  1 2 processes"), None);
        assert_eq!(read("Max open files  x 2 files"), None);
    }
}
