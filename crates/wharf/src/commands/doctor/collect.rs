//! Looks at this machine.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use wharf_engine::OnnxEngine;

use super::facts::{Clock, Cpu, Facts, Library, Llama, Memory, Repository};
use super::{ports, system};

/// Bytes that each thread copies at once: more than any cache holds.
const COPIED: usize = 64 << 20;
/// How long copying is measured.
const COPY_TIME: Duration = Duration::from_millis(300);

/// Everything that is looked at, for a server of `repository` at `bind`.
pub(super) fn collect(repository: &Path, bind: IpAddr, port_offset: u16) -> Facts {
    let cores = system::cores();
    Facts {
        cpu: cpu(),
        cores,
        memory: Memory { bytes_per_second: copy_rate(cores.available), ..system::memory() },
        library: library(),
        llama: Llama {
            information: wharf_llama::system_information(),
            unused: wharf_llama::unused_features(),
        },
        open_files: system::open_files(),
        ports: ports::all(bind, port_offset),
        repository: look_at(repository),
        clock: clock(),
        huge_pages: system::huge_pages(),
    }
}

/// Lists those of the features that the processor has, and those that the build relies on.
macro_rules! features {
    ($($name:tt),*) => {{
        let mut has = Vec::new();
        let mut build_uses = Vec::new();
        $(
            #[cfg(target_arch = "x86_64")]
            if std::arch::is_x86_feature_detected!($name) { has.push($name); }
            if cfg!(target_feature = $name) { build_uses.push($name); }
        )*
        (has, build_uses)
    }};
}

fn cpu() -> Cpu {
    let (has, build_uses) = features!("avx2", "fma", "avx512f", "avx512bw", "avx512vnni", "avxvnni");
    Cpu { architecture: std::env::consts::ARCH, model: system::cpu_model(), has, build_uses }
}

fn library() -> Result<Library, String> {
    let engine = OnnxEngine::new().map_err(|error| error.to_string())?;
    Ok(Library { path: engine.library_path().to_owned(), version: engine.library_version().to_owned() })
}

/// Bytes a second that so many threads read and write together.
fn copy_rate(threads: usize) -> f64 {
    let copied: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(copy_for_a_while)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    copied.iter().sum()
}

/// The fastest copy counts: the slower ones share the memory with others, and the first finds no pages yet.
fn copy_for_a_while() -> f64 {
    let from = vec![1_u8; COPIED];
    let mut to = vec![0_u8; COPIED];
    let begun = Instant::now();
    let mut fastest = Duration::MAX;
    while fastest == Duration::MAX || begun.elapsed() < COPY_TIME {
        let started = Instant::now();
        to.copy_from_slice(std::hint::black_box(&from));
        std::hint::black_box(&mut to);
        fastest = fastest.min(started.elapsed());
    }
    2.0 * COPIED as f64 / fastest.as_secs_f64()
}

fn look_at(path: &Path) -> Repository {
    let models = wharf_bundle::Repository::open(path).and_then(|repository| repository.models());
    Repository {
        path: path.to_owned(),
        exists: path.exists(),
        models: models.map(|models| models.len()).map_err(|error| error.to_string()),
        writable: try_to_write(path),
    }
}

fn try_to_write(folder: &Path) -> Result<(), String> {
    // A name that no model can have, so that a server which looks meanwhile passes it over.
    let file = folder.join(format!(".wharf-doctor-{}", std::process::id()));
    let written = std::fs::File::create(&file).and_then(|mut file| file.write_all(b"x"));
    // What could not be made cannot be removed.
    let _removed = std::fs::remove_file(&file);
    written.map_err(|error| error.to_string())
}

fn clock() -> Clock {
    let installed = std::env::current_exe().and_then(std::fs::metadata).and_then(|file| file.modified());
    let service = Path::new("/run/systemd/timesync");
    let is_synchronised = service.is_dir().then(|| service.join("synchronized").exists());
    Clock { now: SystemTime::now(), installed: installed.ok(), is_synchronised }
}
