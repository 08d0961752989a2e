//! Whether the server is as it was.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::server::Server;

/// By how much memory may have grown.
const MAX_GROWTH_KIB: u64 = 16 << 10;
/// How long the server may take to be as it was: threads for blocking work end after ten idle seconds, and freed
/// memory goes back with a delay.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the server holds of the machine, the processes that hold its models among it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    memory_kib: u64,
    descriptors: usize,
    threads: u64,
}

impl Footprint {
    pub(crate) fn of(server: &Server) -> Self {
        let mut sum = Self { memory_kib: 0, descriptors: 0, threads: 0 };
        for folder in processes(server.proc()) {
            let status = std::fs::read_to_string(folder.join("status")).unwrap();
            sum.descriptors += std::fs::read_dir(folder.join("fd")).unwrap().count();
            sum.memory_kib += field(&status, "VmRSS:");
            sum.threads += field(&status, "Threads:");
        }
        sum
    }

    fn is_back_to(&self, before: &Self) -> bool {
        self.memory_kib <= before.memory_kib + MAX_GROWTH_KIB
            && self.descriptors <= before.descriptors
            && self.threads <= before.threads
    }
}

/// A process and those that it has started, by their folders below `/proc`.
fn processes(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = vec![folder.clone()];
    for task in std::fs::read_dir(folder.join("task")).unwrap() {
        // A thread may have ended meanwhile.
        let children = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        let child = |id: &str| processes(Path::new("/proc").join(id));
        found.extend(children.split_whitespace().flat_map(child));
    }
    found
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Waits until the server holds no more than `before`.
pub(crate) async fn settle(server: &Server, before: &Footprint) -> Result<(), String> {
    let started = Instant::now();
    loop {
        let now = Footprint::of(server);
        if now.is_back_to(before) {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("the server held {before:?} and holds {now:?}"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the server has no more open than `before`, whatever else it holds.
pub(crate) async fn descriptors_settle(server: &Server, before: &Footprint) -> Result<(), String> {
    let started = Instant::now();
    while Footprint::of(server).descriptors > before.descriptors {
        if started.elapsed() > PATIENCE {
            return Err(format!(
                "the server had {} open and has {:?}",
                before.descriptors,
                Footprint::of(server)
            ));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Watches the most memory that the server takes from now on.
pub(crate) struct Peak {
    before_kib: u64,
}

impl Peak {
    pub(crate) fn watch(server: &Server) -> Self {
        // 5 sets the peak back to what is held now.
        std::fs::write(server.proc().join("clear_refs"), "5").unwrap();
        Self { before_kib: peak_kib(&server.proc()) }
    }

    pub(crate) fn grown_mib(&self, server: &Server) -> u64 {
        peak_kib(&server.proc()).saturating_sub(self.before_kib) >> 10
    }
}

fn peak_kib(folder: &Path) -> u64 {
    field(&std::fs::read_to_string(folder.join("status")).unwrap(), "VmHWM:")
}
