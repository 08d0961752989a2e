//! What is known of the machine. Plain data, so that the checks can be tested with any machine's.

use std::path::PathBuf;
use std::time::SystemTime;

/// Everything that is looked at.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) cpu: Cpu,
    pub(super) cores: Cores,
    pub(super) memory: Memory,
    /// ONNX Runtime; or why there is none, with the places that were looked at.
    pub(super) library: Result<Library, String>,
    pub(super) llama: Llama,
    /// Files that may be open at once, sockets included; `None` where the system does not say.
    pub(super) open_files: Option<OpenFiles>,
    pub(super) ports: Vec<Port>,
    pub(super) repository: Repository,
    pub(super) clock: Clock,
    /// The choice in brackets of `/sys/kernel/mm/transparent_hugepage/enabled`.
    pub(super) huge_pages: Option<String>,
}

/// What the processor can do, by the names of `/proc/cpuinfo`.
#[derive(Debug, Clone, Default)]
pub(super) struct Cpu {
    pub(super) architecture: &'static str,
    pub(super) model: Option<String>,
    /// Vector instructions that it has.
    pub(super) has: Vec<&'static str>,
    /// Vector instructions that this build was compiled for.
    pub(super) build_uses: Vec<&'static str>,
}

/// How many cores may be used.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cores {
    /// Threads that run at the same time, as the standard library counts them.
    pub(super) available: usize,
    /// Cores' worth of time that the control group grants.
    pub(super) quota: Option<f64>,
}

/// Memory in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    pub(super) total: Option<u64>,
    pub(super) available: Option<u64>,
    /// What the control group grants.
    pub(super) limit: Option<u64>,
    /// Bytes a second that all cores together read and write, as measured.
    pub(super) bytes_per_second: f64,
}

/// ONNX Runtime as it was found.
#[derive(Debug, Clone)]
pub(super) struct Library {
    pub(super) path: PathBuf,
    pub(super) version: String,
}

/// llama.cpp as it was compiled into this program.
#[derive(Debug, Clone, Default)]
pub(super) struct Llama {
    /// What it says of itself.
    pub(super) information: String,
    /// Vector instructions that the processor has and it does not use.
    pub(super) unused: Vec<&'static str>,
}

/// Limits of one process.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenFiles {
    /// What holds.
    pub(super) soft: u64,
    /// What the process may raise it to.
    pub(super) hard: u64,
}

/// A port on which `wharf serve` listens by default.
#[derive(Debug, Clone)]
pub(super) struct Port {
    pub(super) number: u16,
    pub(super) purpose: &'static str,
    pub(super) state: PortState,
}

/// Whether a port can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PortState {
    Free,
    /// Another process has it; its command and number, where they can be seen.
    Taken(Option<(String, u32)>),
    /// The system refuses it for another reason.
    Refused(String),
}

/// The folder of published models.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    pub(super) path: PathBuf,
    pub(super) exists: bool,
    /// How many models it holds.
    pub(super) models: Result<usize, String>,
    pub(super) writable: Result<(), String>,
}

/// What time it is said to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) now: SystemTime,
    /// When this program's file was written.
    pub(super) installed: Option<SystemTime>,
    /// Whether the system keeps the time by others' clocks, where it says so.
    pub(super) is_synchronised: Option<bool>,
}
