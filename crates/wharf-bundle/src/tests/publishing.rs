//! Publishing and removing, alone and beside others.

use std::sync::Barrier;
use std::thread;

use super::*;

#[test]
fn versions_count_up_from_the_highest() {
    let (_folder, repository) = repository();
    assert_eq!(repository.models().unwrap(), [""; 0]);
    assert_eq!(publish(&repository, "m", None).unwrap().manifest().version, 1);
    assert_eq!(publish(&repository, "m", None).unwrap().manifest().version, 2);
    assert_eq!(publish(&repository, "m", Some(7)).unwrap().manifest().version, 7);
    assert_eq!(publish(&repository, "m", Some(5)).unwrap().manifest().version, 5);
    assert_eq!(publish(&repository, "m", None).unwrap().manifest().version, 8);
    fs::create_dir(repository.root().join("m/0099")).unwrap();
    assert_eq!(publish(&repository, "m", None).unwrap().manifest().version, 100, "an empty folder counts");
    assert_eq!(repository.versions("m").unwrap(), [1, 2, 5, 7, 8, 100]);
    assert_eq!(left_over(&repository), [""; 0]);
}

#[test]
fn an_existing_version_is_never_overwritten() {
    let (_folder, repository) = repository();
    let first = publish(&repository, "m", Some(3)).unwrap();
    let error = publish(&repository, "m", Some(3)).unwrap_err();
    assert_eq!(error.kind(), BundleErrorKind::VersionExists);
    assert_eq!(error.to_string(), "version 3 of `m` exists already");
    first.verify().unwrap();
    fs::create_dir(repository.root().join("m/0004")).unwrap();
    assert_eq!(publish(&repository, "m", Some(4)).unwrap_err().kind(), BundleErrorKind::VersionExists);
    fs::write(repository.root().join("m/5"), b"a file").unwrap();
    assert_eq!(publish(&repository, "m", Some(5)).unwrap_err().kind(), BundleErrorKind::VersionExists);
    assert_eq!(publish(&repository, "m", Some(0)).unwrap_err().kind(), BundleErrorKind::Name);
    publish(&repository, "m", Some(MAX_VERSION)).unwrap();
    assert_eq!(publish(&repository, "m", None).unwrap_err().kind(), BundleErrorKind::Name);
    assert_eq!(left_over(&repository), [""; 0]);
}

#[test]
fn what_the_check_refuses_leaves_nothing() {
    let (_folder, repository) = repository();
    let staging = repository.stage("m").unwrap();
    staging.write("model.onnx", b"weights").unwrap();
    let error = staging
        .publish(full_manifest(), None, |bundle| {
            assert_eq!(bundle.manifest().version, 1);
            assert_eq!(bundle.verify()?, 1);
            Err("golden `encoded` differs by 0.2".into())
        })
        .unwrap_err();
    assert_eq!(error.kind(), BundleErrorKind::Refused);
    assert_eq!(error.to_string(), "refused to publish: golden `encoded` differs by 0.2");
    assert_eq!(repository.models().unwrap(), [""; 0]);
    assert_eq!((left_over(&repository), names_in(&repository.root().join("m"))), (vec![], vec![]));
}

#[test]
fn only_plain_files_are_published() {
    let (folder, repository) = repository();
    let fails = |prepare: &dyn Fn(&Path)| {
        let staging = repository.stage("m").unwrap();
        staging.write("model.onnx", b"weights").unwrap();
        prepare(staging.folder());
        staging.publish(full_manifest(), None, |_| Ok(())).unwrap_err().kind()
    };
    let outside = folder.path().join("outside");
    fs::write(&outside, b"x").unwrap();
    let link = |staged: &Path| std::os::unix::fs::symlink(&outside, staged.join("link")).unwrap();
    assert_eq!(fails(&link), BundleErrorKind::File);
    assert_eq!(fails(&|staged| fs::create_dir(staged.join("sub")).unwrap()), BundleErrorKind::File);
    assert_eq!(fails(&|staged| fs::write(staged.join(".hidden"), b"x").unwrap()), BundleErrorKind::Name);
    assert_eq!(fails(&|staged| fs::write(staged.join("wharf.json"), b"x").unwrap()), BundleErrorKind::File);
    let staging = repository.stage("m").unwrap();
    assert_eq!(staging.write("wharf.json", b"{}").unwrap_err().kind(), BundleErrorKind::File);
    assert_eq!(staging.write("../x", b"x").unwrap_err().kind(), BundleErrorKind::Name);
    staging.copy_from("model.onnx", &outside).unwrap();
    assert_eq!(staging.publish(full_manifest(), None, |_| Ok(())).unwrap().verify().unwrap(), 1);
}

#[test]
fn removing_takes_a_version_away_at_once() {
    let (_folder, repository) = repository();
    publish(&repository, "m", None).unwrap();
    publish(&repository, "m", None).unwrap();
    repository.remove("m", 1).unwrap();
    assert_eq!(repository.versions("m").unwrap(), [2]);
    assert_eq!(repository.remove("m", 1).unwrap_err().kind(), BundleErrorKind::NotFound);
    assert_eq!(repository.remove("../m", 2).unwrap_err().kind(), BundleErrorKind::Name);
    repository.remove("m", 2).unwrap();
    assert!(!repository.root().join("m").exists(), "the model has gone with its last version");
    assert_eq!(left_over(&repository), [""; 0]);
    assert_eq!(publish(&repository, "m", None).unwrap().manifest().version, 1);
}

#[test]
fn removing_a_link_leaves_what_it_leads_to() {
    let (folder, repository) = repository();
    let elsewhere = Repository::create(&folder.path().join("elsewhere")).unwrap();
    let bundle = publish(&elsewhere, "m", None).unwrap();
    fs::create_dir(repository.root().join("m")).unwrap();
    std::os::unix::fs::symlink(bundle.folder(), repository.root().join("m/1")).unwrap();
    repository.remove("m", 1).unwrap();
    assert_eq!(bundle.verify().unwrap(), 3);
}

#[test]
fn slots_are_swept_when_their_owners_have_ended() {
    let (_folder, repository) = repository();
    let alive = repository.stage("m").unwrap();
    alive.write("model.onnx", b"weights").unwrap();
    let staging = repository.root().join(".staging");
    // A folder with its lock, one without, and a lock without a folder: what a crash can leave.
    for name in ["1-2-3", "4-5-6"] {
        fs::create_dir(staging.join(name)).unwrap();
        fs::write(staging.join(name).join("model.onnx"), b"half").unwrap();
    }
    fs::write(staging.join("1-2-3.lock"), b"").unwrap();
    fs::write(staging.join("7-8-9.lock"), b"").unwrap();
    repository.sweep().unwrap();
    assert_eq!(left_over(&repository).len(), 2, "the slot that is alive, and its lock");
    alive.publish(full_manifest(), None, |_| Ok(())).unwrap().verify().unwrap();
    assert_eq!(left_over(&repository), [""; 0]);
    assert_eq!(repository.sweep().unwrap(), 0);
}

#[test]
fn publishers_at_once_get_a_version_each() {
    const PUBLISHERS: usize = 8;
    const EACH: usize = 5;
    let (_folder, repository) = repository();
    let start = Barrier::new(PUBLISHERS + 1);
    let mut versions: Vec<u64> = thread::scope(|scope| {
        let publisher = || {
            start.wait();
            (0..EACH).map(|_| publish(&repository, "m", None).unwrap().manifest().version).collect::<Vec<_>>()
        };
        let handles: Vec<_> = (0..PUBLISHERS).map(|_| scope.spawn(publisher)).collect();
        start.wait();
        // Beside them someone removes a model's last version again and again, and with it the model's folder.
        for _ in 0..EACH {
            let version = publish(&repository, "n", None).unwrap().manifest().version;
            repository.remove("n", version).unwrap();
        }
        handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
    });
    versions.sort_unstable();
    assert_eq!(versions, (1..=(PUBLISHERS * EACH) as u64).collect::<Vec<_>>());
    for version in versions {
        repository.bundle("m", version).unwrap().verify().unwrap();
    }
    assert_eq!(left_over(&repository), [""; 0]);
}

#[test]
fn one_of_many_gets_a_version_that_all_want() {
    let (_folder, repository) = repository();
    let wins = thread::scope(|scope| {
        let want = || publish(&repository, "m", Some(4));
        let handles: Vec<_> = (0..8).map(|_| scope.spawn(want)).collect();
        let results = handles.into_iter().map(|handle| handle.join().unwrap());
        let wins = |result: &Result<Bundle, BundleError>| match result {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), BundleErrorKind::VersionExists, "{error}");
                false
            }
        };
        results.filter(wins).count()
    });
    assert_eq!(wins, 1);
    repository.bundle("m", 4).unwrap().verify().unwrap();
}

#[test]
fn a_file_may_be_moved_into_a_bundle() {
    let (folder, repository) = repository();
    let source = folder.path().join("downloaded");
    fs::write(&source, b"weights").unwrap();
    let staging = repository.stage("m").unwrap();
    staging.move_from("model.gguf", &source).unwrap();
    assert!(!source.exists() && staging.folder().join("model.gguf").exists());
    assert!(staging.move_from("other.gguf", &source).is_err(), "it is there no more");
    assert!(staging.move_from("../x", &source).is_err());
}
