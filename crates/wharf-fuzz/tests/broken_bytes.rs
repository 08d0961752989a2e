//! Every decoder with thousands of broken inputs: none may panic, and none may take much memory at once.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, its helpers too")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use wharf_fuzz::{Random, TARGETS, Target, broken};

mod heap;

/// How many broken inputs each target gets.
const RUNS: usize = 12_000;
/// Where each input costs a file, or a picture.
const SLOW_RUNS: usize = 1_000;
/// By how much more under `WHARF_SOAK=1`.
const SOAK: usize = 100;
/// The most memory in one piece: decoders may take as much as their limits allow, whatever a length claims.
const MAX_PIECE: usize = 96 << 20;
/// The same where pictures are unpacked, which may have 50 million pixels.
const MAX_PICTURE: usize = 256 << 20;

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no corpus", target.name);
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Gives `bytes` to a target; what went wrong.
fn fault(target: &Target, bytes: &[u8]) -> Option<String> {
    heap::forget();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    let piece = heap::largest_piece();
    let limit = if target.is_slow { MAX_PICTURE } else { MAX_PIECE };
    let what = match outcome {
        Err(_) => "panicked".to_owned(),
        Ok(()) if piece > limit => format!("took {piece} bytes at once"),
        Ok(()) => return None,
    };
    let shown: String =
        bytes.iter().take(4096).flat_map(|&byte| std::ascii::escape_default(byte)).map(char::from).collect();
    Some(format!("{} {what} at b\"{shown}\"", target.name))
}

fn feed(target: &Target) -> Vec<String> {
    let corpus = corpus(target);
    let mut random = Random::new(target.name.bytes().map(u64::from).sum());
    let is_soak = std::env::var_os("WHARF_SOAK").is_some();
    let runs = if target.is_slow { SLOW_RUNS } else { RUNS } * if is_soak { SOAK } else { 1 };
    let mut faults: Vec<String> = corpus.iter().filter_map(|whole| fault(target, whole)).collect();
    for _ in 0..runs {
        let (one, other) = (&corpus[random.below(corpus.len())], &corpus[random.below(corpus.len())]);
        faults.extend(fault(target, &broken(one, other, &mut random)));
        if faults.len() > 2 {
            break;
        }
    }
    faults
}

/// One test, for what is allocated is counted over all threads. The name has it in `make soak`.
#[test]
fn broken_bytes_are_refused_soak() {
    let only = std::env::var("WHARF_FUZZ").unwrap_or_default();
    let targets = TARGETS.iter().filter(|target| target.name.contains(&only));
    let faults: Vec<String> = targets.flat_map(feed).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_folder_of_the_corpus_is_that_of_a_target() {
    let folders = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap();
    let folders = folders.map(|entry| entry.unwrap()).filter(|entry| entry.file_type().unwrap().is_dir());
    let mut folders: Vec<String> =
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let mut targets: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    folders.sort_unstable();
    targets.sort_unstable();
    assert_eq!(folders, targets);
}
