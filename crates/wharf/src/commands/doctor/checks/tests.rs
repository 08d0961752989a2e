use std::time::UNIX_EPOCH;

use super::*;

/// A machine on which all is well.
fn healthy() -> Facts {
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    Facts {
        cpu: Cpu {
            architecture: "x86_64",
            model: Some("Model".to_owned()),
            has: vec!["avx2", "avx512f"],
            build_uses: vec!["avx2"],
        },
        cores: Cores { available: 8, quota: None },
        memory: Memory {
            total: Some(16 << 30),
            available: Some(8 << 30),
            limit: None,
            bytes_per_second: 2e10,
        },
        library: Ok(Library { path: "/lib/libonnxruntime.so".into(), version: "1.32.0".to_owned() }),
        llama: Llama { information: "CPU : AVX2 = 1".to_owned(), unused: vec![] },
        open_files: Some(OpenFiles { soft: 65_536, hard: 1 << 20 }),
        ports: vec![Port { number: 8500, purpose: "gRPC", state: PortState::Free }],
        repository: Repository { path: "repository".into(), exists: true, models: Ok(1), writable: Ok(()) },
        clock: Clock { now, installed: Some(now - Duration::from_secs(60)), is_synchronised: Some(true) },
        huge_pages: Some("madvise".to_owned()),
    }
}

fn finding(facts: &Facts, subject: &str) -> Finding {
    examine(facts).into_iter().find(|finding| finding.subject == subject).unwrap()
}

#[test]
fn a_healthy_machine_has_nothing_to_mend() {
    for finding in examine(&healthy()) {
        assert_eq!((finding.verdict, &finding.mend), (Verdict::Ok, &None), "{finding:?}");
    }
}

#[test]
fn each_ill_has_its_verdict_its_words_and_its_cure() {
    let taken =
        |by: Option<(&str, u32)>| PortState::Taken(by.map(|(command, pid)| (command.to_owned(), pid)));
    type Spoil = Box<dyn Fn(&mut Facts)>;
    let cases: Vec<(&str, Verdict, &str, Spoil)> = vec![
        (
            "cpu",
            Verdict::Fail,
            "has avx2; this build uses avx2 avx512f",
            Box::new(|facts| {
                (facts.cpu.has, facts.cpu.build_uses) = (vec!["avx2"], vec!["avx2", "avx512f"]);
            }),
        ),
        (
            "cpu",
            Verdict::Warn,
            "has none; this build uses none",
            Box::new(|facts| {
                (facts.cpu.has, facts.cpu.build_uses) = (vec![], vec![]);
            }),
        ),
        ("cpu", Verdict::Warn, "this build uses none", Box::new(|facts| facts.cpu.build_uses.clear())),
        (
            "onnxruntime",
            Verdict::Fail,
            "looked for",
            Box::new(|facts| {
                facts.library = Err("missing; looked for /a".to_owned());
            }),
        ),
        ("llama.cpp", Verdict::Warn, "CPU : AVX2 = 1", Box::new(|facts| facts.llama.unused.push("AVX512"))),
        ("llama.cpp", Verdict::Fail, "CPU : ", Box::new(|facts| facts.llama.unused.push("AVX2"))),
        (
            "cores",
            Verdict::Warn,
            "8 cores usable, 0.5 granted",
            Box::new(|facts| facts.cores.quota = Some(0.5)),
        ),
        (
            "cores",
            Verdict::Ok,
            "8 cores usable, 2.0 granted",
            Box::new(|facts| facts.cores.quota = Some(2.0)),
        ),
        (
            "memory",
            Verdict::Warn,
            "0.3 GiB of 16.0 GiB free",
            Box::new(|facts| {
                facts.memory.available = Some(300 << 20);
            }),
        ),
        ("memory", Verdict::Fail, "0.1 GiB granted", Box::new(|facts| facts.memory.limit = Some(64 << 20))),
        ("memory", Verdict::Ok, "the system does not say", Box::new(|facts| facts.memory.total = None)),
        (
            "memory bandwidth",
            Verdict::Warn,
            "1.0 GB/s",
            Box::new(|facts| facts.memory.bytes_per_second = 1e9),
        ),
        (
            "open files",
            Verdict::Warn,
            "1024 at once",
            Box::new(|facts| {
                facts.open_files = Some(OpenFiles { soft: 1024, hard: 4096 });
            }),
        ),
        (
            "open files",
            Verdict::Fail,
            "10 at once",
            Box::new(|facts| {
                facts.open_files = Some(OpenFiles { soft: 10, hard: 10 });
            }),
        ),
        (
            "port 8500",
            Verdict::Fail,
            "taken by `nginx`, process 7",
            Box::new(move |facts| {
                facts.ports[0].state = taken(Some(("nginx", 7)));
            }),
        ),
        (
            "port 8500",
            Verdict::Ok,
            "taken by `wharf`, process 8",
            Box::new(move |facts| {
                facts.ports[0].state = taken(Some(("wharf", 8)));
            }),
        ),
        (
            "port 8500",
            Verdict::Fail,
            "another user",
            Box::new(move |facts| facts.ports[0].state = taken(None)),
        ),
        (
            "port 8500",
            Verdict::Fail,
            "permission denied (gRPC)",
            Box::new(|facts| {
                facts.ports[0].state = PortState::Refused("permission denied".to_owned());
            }),
        ),
        ("repository", Verdict::Warn, "does not exist", Box::new(|facts| facts.repository.exists = false)),
        (
            "repository",
            Verdict::Fail,
            "cannot be read: denied",
            Box::new(|facts| {
                facts.repository.models = Err("denied".to_owned());
            }),
        ),
        (
            "repository",
            Verdict::Warn,
            "holds 1 model but cannot be written: full",
            Box::new(|facts| {
                facts.repository.writable = Err("full".to_owned());
            }),
        ),
        ("clock", Verdict::Fail, "0 seconds since 1970", Box::new(|facts| facts.clock.now = UNIX_EPOCH)),
        ("clock", Verdict::Warn, "since 1970", Box::new(|facts| facts.clock.is_synchronised = Some(false))),
        ("huge pages", Verdict::Warn, "never", Box::new(|facts| facts.huge_pages = Some("never".to_owned()))),
        ("huge pages", Verdict::Ok, "the system does not say", Box::new(|facts| facts.huge_pages = None)),
    ];
    for (subject, verdict, says, spoil) in cases {
        let mut facts = healthy();
        spoil(&mut facts);
        let finding = finding(&facts, subject);
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.says.contains(says), "{finding:?}");
        assert_eq!(finding.mend.is_some(), verdict != Verdict::Ok, "{finding:?}");
    }
}

#[test]
fn the_limit_that_is_advised_can_be_had() {
    let mut facts = healthy();
    facts.open_files = Some(OpenFiles { soft: 1024, hard: 4096 });
    assert!(finding(&facts, "open files").mend.unwrap().contains("`ulimit -n 4096`"));
}
