//! What the system knows of the machine, under Triton's names.

use std::fs;
use std::sync::{Mutex, PoisonError};

use crate::{Family, Kind, Sample};

/// Of the numbers behind `cpu` in `/proc/stat`: idle, and waiting for disks.
const IDLE: [usize; 2] = [3, 4];
/// How many of those numbers are times of their own: guests' are in the users' already.
const TIMES: usize = 8;

/// Processor time in ticks, of all cores.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Ticks {
    busy: f64,
    all: f64,
}

/// A collector of the use of all processors since the scrape before, and of the machine's memory. Where the system does
/// not say, the family is left out.
pub fn collector() -> impl Fn(&mut Vec<Family>) + Send + Sync {
    let before = Mutex::new(Ticks::default());
    move |families| {
        let mut add = |name: &'static str, help: &'static str, value: Option<f64>| {
            let Some(value) = value else { return };
            let mut family = Family::new(name, Kind::Gauge).with_help(help);
            family.push(Sample::number(value));
            families.push(family);
        };
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let (total, free) = (bytes(&memory, "MemTotal:"), bytes(&memory, "MemAvailable:"));
        let now = fs::read_to_string("/proc/stat").ok().and_then(|stat| ticks(&stat));
        let use_since = now.and_then(|now| {
            let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
            share(std::mem::replace(&mut *before, now), now)
        });
        add("nv_cpu_utilization", "Use of all processors since the scrape before, 0 to 1.", use_since);
        add("nv_cpu_memory_total_bytes", "Memory of the machine.", total);
        add(
            "nv_cpu_memory_used_bytes",
            "Memory of the machine that is in use.",
            total.zip(free).map(|(t, f)| t - f),
        );
    }
}

/// Bytes of memory that this process may still take: what the machine has to give, or what is left of its control group's
/// limit where that is less. None where the system does not say.
pub fn available_memory() -> Option<u64> {
    let group = |file: &str| fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok();
    let machine = bytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")? as u64;
    let left = group("memory.max").and_then(|limit| {
        left_of(&limit, &group("memory.current")?, &group("memory.stat").unwrap_or_default())
    });
    Some(left.map_or(machine, |left| left.min(machine)))
}

/// What is left of a control group's limit; pages of files make place when they must.
fn left_of(limit: &str, current: &str, statistics: &str) -> Option<u64> {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let files = statistics.lines().find_map(|line| number(line.strip_prefix("file ")?)).unwrap_or(0);
    Some(number(limit)?.saturating_sub(number(current)?.saturating_sub(files)))
}

fn ticks(stat: &str) -> Option<Ticks> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let times: Vec<f64> =
        line.split_ascii_whitespace().take(TIMES).filter_map(|time| time.parse().ok()).collect();
    let idle: f64 = IDLE.iter().filter_map(|place| times.get(*place)).sum();
    let all: f64 = times.iter().sum();
    (times.len() > IDLE[0]).then_some(Ticks { busy: all - idle, all })
}

/// `None` where no time has passed.
fn share(before: Ticks, now: Ticks) -> Option<f64> {
    let all = now.all - before.all;
    (all > 0.0).then(|| ((now.busy - before.busy) / all).clamp(0.0, 1.0))
}

fn bytes(memory: &str, name: &str) -> Option<f64> {
    let line = memory.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_is_the_part_of_the_time_that_is_not_idle() {
        let first = ticks("cpu  100 0 50 800 50 0 0 0 7 7\ncpu0 1 1 1 1\n").unwrap();
        assert_eq!(first, Ticks { busy: 150.0, all: 1000.0 });
        let second = ticks("cpu  130 0 60 850 60 0 0 0 9 9\n").unwrap();
        assert_eq!(share(first, second), Some(0.4));
        assert_eq!(share(second, second), None);
        assert_eq!(ticks("cpu 1 2\n"), None);
        assert_eq!(ticks("nothing"), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        let memory = "MemTotal:       1000 kB\nMemAvailable:    400 kB\n";
        assert_eq!((bytes(memory, "MemTotal:"), bytes(memory, "SwapTotal:")), (Some(1_024_000.0), None));
    }

    #[test]
    fn what_is_left_of_a_limit_counts_pages_of_files_as_free() {
        assert_eq!(left_of("1000\n", "700\n", "anon 500\nfile 200\n"), Some(500));
        assert_eq!(left_of("1000", "1200", ""), Some(0));
        assert_eq!(left_of("max", "700", ""), None);
        assert!(available_memory().unwrap() > 0);
    }

    #[test]
    fn a_machine_has_memory() {
        let mut families = Vec::new();
        collector()(&mut families);
        let names: Vec<_> = families.iter().map(|family| &*family.name).collect();
        assert_eq!(names, ["nv_cpu_utilization", "nv_cpu_memory_total_bytes", "nv_cpu_memory_used_bytes"]);
    }
}
