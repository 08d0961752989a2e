//! A process that publishes and removes is killed at random points, again and again.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::*;

/// How often it is killed: a few dozen times in every run of the tests, and more under `make soak`.
fn kills() -> u32 {
    if std::env::var_os("WHARF_SOAK").is_some() { 500 } else { 30 }
}

/// The folder of the repository, for the process that is to be killed.
const CHILD_VARIABLE: &str = "WHARF_BUNDLE_TEST_PUBLISH_INTO";

/// Not a test of its own: the body of the process that is killed. It runs as a test because the test binary is
/// the only executable that there is.
#[test]
fn publish_and_remove_until_killed() {
    let Ok(root) = std::env::var(CHILD_VARIABLE) else { return };
    let repository = Repository::open(Path::new(&root)).unwrap();
    loop {
        let version = publish_large(&repository);
        if version.is_multiple_of(3) {
            repository.remove("m", version - 1).unwrap();
        }
        // The line tells the parent that the repository is in use; the test harness is told not to keep it.
        println!("published {version}");
    }
}

fn publish_large(repository: &Repository) -> u64 {
    let staging = repository.stage("m").unwrap();
    staging.write("model.onnx", &[7; 40_000]).unwrap();
    for part in 0..4 {
        staging.write(&format!("part-{part}"), &[part; 2_000]).unwrap();
    }
    staging.publish(full_manifest(), None, |_| Ok(())).unwrap().manifest().version
}

fn spawn(repository: &Repository) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::kills::publish_and_remove_until_killed", "--nocapture"])
        .env(CHILD_VARIABLE, repository.root())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_kill_at_any_point_leaves_whole_versions_only() {
    let (_folder, repository) = repository();
    // Nobody ever sends: waiting for a message is waiting for a time.
    let (_sender, timer) = mpsc::channel::<()>();
    let started = Instant::now();
    publish_large(&repository);
    let longest_wait = 2 * started.elapsed().as_micros() as u64 + 1;
    let mut random = 12_345_u64;
    let (mut interrupted, mut highest) = (0, BTreeSet::<u64>::new());
    let kills = kills();
    for kill in 0..kills {
        let mut child = spawn(&repository);
        // Once it has published, let it run for between nothing and the time of two publications.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("published")), "the child ended by itself");
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let _ = timer.recv_timeout(Duration::from_micros((random >> 33) % longest_wait));
        child.kill().unwrap();
        child.wait().unwrap();

        let versions = repository.versions("m").unwrap();
        highest.extend(versions.last());
        let folders = names_in(&repository.root().join("m"));
        assert_eq!(folders.len(), versions.len(), "kill {kill}: every folder is a version");
        for &version in &versions {
            let bundle = repository.bundle("m", version).unwrap();
            assert_eq!(bundle.verify().unwrap(), 5, "kill {kill}: version {version}");
        }
        interrupted += u32::from(!left_over(&repository).is_empty());
    }
    assert!(interrupted > 0, "no kill came while something was being published or removed");
    eprintln!("{interrupted} of {kills} kills interrupted something, at versions {highest:?}");
    publish_large(&repository);
    assert_eq!(left_over(&repository), [""; 0], "publishing sweeps what the killed left");
}
