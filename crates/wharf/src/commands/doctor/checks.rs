//! What the facts mean: whether all is well, and what to do where it is not.

use std::time::Duration;

use serde::Serialize;

use super::facts::{
    Clock, Cores, Cpu, Facts, Library, Llama, Memory, OpenFiles, Port, PortState, Repository,
};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// Nothing to do.
    Ok,
    /// It works, but not as well as it could, or not everything does.
    Warn,
    /// `wharf serve` with its defaults does not work.
    Fail,
}

/// One line of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What was looked at.
    pub(super) subject: String,
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) says: String,
    /// What to do about it; absent where all is well.
    pub(super) mend: Option<String>,
}

impl Finding {
    fn ok(subject: impl Into<String>, says: impl Into<String>) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Ok, says: says.into(), mend: None }
    }

    fn or(self, verdict: Verdict, is_so: bool, mend: impl Into<String>) -> Self {
        if is_so && verdict > self.verdict { Self { verdict, mend: Some(mend.into()), ..self } } else { self }
    }
}

/// Connections that a server takes by default, and some files beside them.
const WANTED_OPEN_FILES: u64 = 10_000 + 240;
/// Below this a server has no room for models.
const LITTLE_MEMORY: u64 = 512 << 20;
/// What a laptop of ten years ago copies.
const SLOW_MEMORY: f64 = 4e9;

/// Every finding, in the order in which they matter.
pub(super) fn examine(facts: &Facts) -> Vec<Finding> {
    let mut findings = vec![
        cpu(&facts.cpu),
        library(&facts.library),
        llama(&facts.llama),
        cores(&facts.cores),
        memory(&facts.memory),
        bandwidth(&facts.memory),
        open_files(facts.open_files.as_ref()),
    ];
    findings.extend(facts.ports.iter().map(port));
    findings.extend([
        repository(&facts.repository),
        clock(&facts.clock),
        huge_pages(facts.huge_pages.as_deref()),
    ]);
    findings
}

fn cpu(cpu: &Cpu) -> Finding {
    let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(" ") };
    let model = cpu.model.as_deref().unwrap_or(cpu.architecture);
    let says = format!("{model}: has {}; this build uses {}", list(&cpu.has), list(&cpu.build_uses));
    let lacks_vectors = cpu.architecture == "x86_64" && !cpu.has.contains(&"avx2");
    let missing: Vec<&str> = cpu.build_uses.iter().filter(|name| !cpu.has.contains(name)).copied().collect();
    let is_unused = cpu.has.contains(&"avx2") && !cpu.build_uses.contains(&"avx2");
    Finding::ok("cpu", says)
        .or(Verdict::Fail, !missing.is_empty(), format!(
            "the processor lacks {}: build on this machine, or with RUSTFLAGS=-Ctarget-cpu=x86-64-v3 or less",
            missing.join(" ")
        ))
        .or(Verdict::Warn, lacks_vectors, "models run several times slower without avx2: use another machine")
        .or(
            Verdict::Warn,
            is_unused,
            "serving is not affected, ONNX Runtime chooses by itself; for faster transforms and training build \
             with RUSTFLAGS=-Ctarget-cpu=native",
        )
}

fn library(library: &Result<Library, String>) -> Finding {
    match library {
        Ok(Library { path, version }) => {
            Finding::ok("onnxruntime", format!("version {version} at {}", path.display()))
        }
        Err(problem) => Finding::ok("onnxruntime", problem.clone()).or(
            Verdict::Fail,
            true,
            "`make deps` puts libonnxruntime into the project; ORT_DYLIB_PATH names another one",
        ),
    }
}

fn llama(llama: &Llama) -> Finding {
    let mend = format!(
        "language models do not use {} of this processor: build with RUSTFLAGS=-Ctarget-cpu=native",
        llama.unused.join(" ")
    );
    let is_refused = llama.unused.contains(&"AVX2");
    let worst = if is_refused { Verdict::Fail } else { Verdict::Warn };
    Finding::ok("llama.cpp", llama.information.clone()).or(worst, !llama.unused.is_empty(), mend)
}

fn cores(cores: &Cores) -> Finding {
    let quota = cores.quota.map(|quota| format!(", {quota:.1} granted by the control group"));
    let says = format!("{} usable{}", counted(cores.available, "core"), quota.unwrap_or_default());
    Finding::ok("cores", says).or(
        Verdict::Warn,
        cores.quota.is_some_and(|quota| quota < 1.0),
        "less than a core stops every thread for part of each period: grant at least 1",
    )
}

fn memory(memory: &Memory) -> Finding {
    let (Some(total), Some(available)) = (memory.total, memory.available) else {
        return Finding::ok("memory", "the system does not say");
    };
    let usable = memory.limit.map_or(available, |limit| limit.min(available));
    let limit = memory.limit.map(|limit| format!(", {} granted by the control group", size(limit)));
    let says = format!("{} of {} free{}", size(available), size(total), limit.unwrap_or_default());
    Finding::ok("memory", says)
        .or(Verdict::Fail, usable < LITTLE_MEMORY / 4, "too little for any model: free or add memory")
        .or(Verdict::Warn, usable < LITTLE_MEMORY, "enough for small models alone: free or add memory")
}

fn bandwidth(memory: &Memory) -> Finding {
    let says = format!("{:.1} GB/s read and written by all cores", memory.bytes_per_second / 1e9);
    Finding::ok("memory bandwidth", says).or(
        Verdict::Warn,
        memory.bytes_per_second < SLOW_MEMORY,
        "large models wait for memory: look for neighbours on this machine, or memory in a single slot",
    )
}

fn open_files(limit: Option<&OpenFiles>) -> Finding {
    let Some(limit) = limit else { return Finding::ok("open files", "the system does not say") };
    let says = format!("{} at once, may be raised to {}", limit.soft, limit.hard);
    let mend = format!(
        "a server takes 10000 connections: `ulimit -n {}` before it starts, or LimitNOFILE= in its unit",
        WANTED_OPEN_FILES.min(limit.hard)
    );
    Finding::ok("open files", says).or(Verdict::Fail, limit.soft < 64, mend.clone()).or(
        Verdict::Warn,
        limit.soft < WANTED_OPEN_FILES,
        mend,
    )
}

fn port(port: &Port) -> Finding {
    let subject = format!("port {}", port.number);
    let says = |state: &str| format!("{state} ({})", port.purpose);
    let mend = "stop what holds it, or move all ports with --port-offset";
    match &port.state {
        PortState::Free => Finding::ok(subject, says("free")),
        PortState::Taken(Some((command, pid))) => {
            let state = format!("taken by `{command}`, process {pid}");
            Finding::ok(subject, says(&state)).or(Verdict::Fail, command != "wharf", mend)
        }
        PortState::Taken(None) => {
            Finding::ok(subject, says("taken by a process of another user")).or(Verdict::Fail, true, mend)
        }
        PortState::Refused(problem) => Finding::ok(subject, says(problem)).or(
            Verdict::Fail,
            true,
            "ports below 1024 need rights; move all ports with --port-offset, or choose another --bind",
        ),
    }
}

fn repository(repository: &Repository) -> Finding {
    let path = repository.path.display();
    if !repository.exists {
        return Finding::ok("repository", format!("`{path}` does not exist")).or(
            Verdict::Warn,
            true,
            "`wharf train` makes it; --repository names another one",
        );
    }
    match (&repository.models, &repository.writable) {
        (Err(problem), _) => Finding::ok("repository", format!("`{path}` cannot be read: {problem}")).or(
            Verdict::Fail,
            true,
            "let the user of the server read the folder and enter it (`chmod -R u+rX`)",
        ),
        (Ok(models), Err(problem)) => {
            let models = counted(*models, "model");
            let says = format!("`{path}` holds {models} but cannot be written: {problem}");
            let mend = "serving works; to train or import, give the user the right to write";
            Finding::ok("repository", says).or(Verdict::Warn, true, mend)
        }
        (Ok(models), Ok(())) => Finding::ok(
            "repository",
            format!("`{path}` holds {}, readable and writable", counted(*models, "model")),
        ),
    }
}

fn clock(clock: &Clock) -> Finding {
    let seconds = clock.now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    // A day's grace for files that were written in another time zone's future.
    let day = Duration::from_secs(86_400);
    let is_behind = clock.installed.is_some_and(|installed| clock.now + day < installed);
    Finding::ok("clock", format!("{seconds} seconds since 1970"))
        .or(
            Verdict::Fail,
            is_behind,
            "it is behind the day this program was installed: set it, or certificates fail",
        )
        .or(
            Verdict::Warn,
            clock.is_synchronised == Some(false),
            "it is not kept by a time server: start systemd-timesyncd or chrony",
        )
}

fn huge_pages(choice: Option<&str>) -> Finding {
    let says = choice.unwrap_or("the system does not say");
    Finding::ok("huge pages", format!("transparent: {says}")).or(
        Verdict::Warn,
        choice == Some("never"),
        "weights take more entries of the page table's cache: \
         `echo madvise > /sys/kernel/mm/transparent_hugepage/enabled`",
    )
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn size(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}

#[cfg(test)]
mod tests;
