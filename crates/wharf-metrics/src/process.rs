//! What the system knows of this process, under the names that Prometheus' own clients use.

use std::fs;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Family, Kind, Sample};

/// Ticks of the system's clock in a second as `/proc` counts them: fixed in Linux' interface to programs.
const TICKS_PER_SECOND: f64 = 100.0;
/// Fields of `/proc/self/stat` after the name: user time, system time.
const TIMES: [usize; 2] = [11, 12];

static STARTED: LazyLock<f64> =
    LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()));

/// A collector of CPU time, resident memory, open files and the start. Where the system does not say, the family is
/// left out.
pub fn collector() -> impl Fn(&mut Vec<Family>) + Send + Sync {
    let started = *STARTED;
    move |families| {
        let mut add = |name: &'static str, kind, help: &'static str, value: Option<f64>| {
            let Some(value) = value else { return };
            let mut family = Family::new(name, kind).with_help(help);
            family.push(Sample::number(value));
            families.push(family);
        };
        add("process_cpu_seconds_total", Kind::Counter, "User and system CPU time.", cpu_seconds());
        add("process_resident_memory_bytes", Kind::Gauge, "Resident memory.", resident_bytes());
        add("process_open_fds", Kind::Gauge, "Open file descriptors.", open_files());
        add("process_start_time_seconds", Kind::Gauge, "When the process began to count.", Some(started));
    }
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name is in brackets and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let ticks: Option<f64> = TIMES.iter().map(|field| fields.get(*field)?.parse::<f64>().ok()).sum();
    Some(ticks? / TICKS_PER_SECOND)
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok()? * 1024.0)
}

fn open_files() -> Option<f64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_files_and_a_start() {
        let mut families = Vec::new();
        collector()(&mut families);
        let names: Vec<_> = families.iter().map(|family| &*family.name).collect();
        assert!(names.contains(&"process_resident_memory_bytes"), "{names:?}");
        assert_eq!(names.len(), 4);
    }
}
