//! Bundles on disk: opening, verifying, and files that are not what they should be.

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_published_bundle_opens_and_verifies() {
    let (_folder, repository) = repository();
    publish(&repository, "m", None).unwrap();
    let bundle = repository.bundle("m", 1).unwrap();
    assert_eq!(bundle.verify().unwrap(), 3);
    assert_eq!(bundle.manifest().name, "m");
    assert_eq!(bundle.card().unwrap().unwrap(), b"# Card\n");
    assert_eq!(bundle.goldens().unwrap().unwrap(), goldens());
    assert_eq!(fs::read(bundle.weights_path().unwrap()).unwrap(), b"weights");
    assert!(bundle.read_file("model.onnx", 6).is_err(), "longer than allowed");
    assert_eq!(bundle.read_file("wharf.json", 1).unwrap_err().kind(), BundleErrorKind::File);
    assert_eq!(bundle.read_file("../x", 1).unwrap_err().kind(), BundleErrorKind::File);
}

#[test]
fn a_changed_byte_in_any_file_is_noticed() {
    let (_folder, repository) = repository();
    let bundle = publish(&repository, "m", None).unwrap();
    let reopen = || repository.bundle("m", 1).and_then(|bundle| bundle.verify());
    for name in names_in(bundle.folder()) {
        let path = bundle.folder().join(&name);
        let sound = fs::read(&path).unwrap();
        for at in 0..sound.len() {
            let mut changed = sound.clone();
            changed[at] ^= 0x01;
            fs::write(&path, &changed).unwrap();
            assert!(reopen().is_err(), "byte {at} of {name}");
        }
        fs::write(&path, &sound[..sound.len() - 1]).unwrap();
        let shorter = repository.bundle("m", 1).unwrap_err();
        assert!(shorter.kind() == BundleErrorKind::Digest || name == MANIFEST_FILE, "{shorter}");
        fs::remove_file(&path).unwrap();
        match name.as_str() {
            MANIFEST_FILE => assert!(!repository.bundle("m", 1).unwrap().has_manifest()),
            _ => assert!(reopen().is_err(), "{name} is missing"),
        }
        fs::write(&path, &sound).unwrap();
        assert_eq!(reopen().unwrap(), 3);
    }
}

#[test]
fn folders_without_a_manifest_are_served_too() {
    let (folder, repository) = repository();
    let place = repository.root().join("resnet/00000123");
    fs::create_dir_all(&place).unwrap();
    assert!(repository.versions("resnet").unwrap().is_empty(), "an empty folder is no version");
    fs::write(place.join("model.onnx"), b"weights").unwrap();
    assert_eq!(repository.versions("resnet").unwrap(), [123]);
    assert_eq!(repository.models().unwrap(), ["resnet"]);
    let bundle = repository.bundle("resnet", 123).unwrap();
    assert_eq!((bundle.manifest().name.as_str(), bundle.manifest().version), ("resnet", 123));
    assert!(!bundle.has_manifest() && bundle.manifest().signatures.is_empty());
    assert_eq!(bundle.verify().unwrap(), 0);
    assert!(bundle.card().unwrap().is_none() && bundle.goldens().unwrap().is_none());

    let lone = folder.path().join("My Net.onnx");
    fs::write(&lone, b"weights").unwrap();
    let bundle = Bundle::open(&lone).unwrap();
    assert_eq!(bundle.manifest().name, "My-Net");
    assert_eq!(bundle.weights_path().unwrap(), lone.canonicalize().unwrap());
    let served = bundle.served_as("net", 3).unwrap();
    assert_eq!((served.manifest().name.as_str(), served.manifest().version), ("net", 3));
    assert!(served.clone().served_as("../net", 3).is_err() && served.served_as("net", 0).is_err());
}

#[test]
fn what_is_no_bundle_is_an_error() {
    let (folder, repository) = repository();
    let kind_of = |path: &Path| Bundle::open(path).unwrap_err().kind();
    assert_eq!(kind_of(&folder.path().join("missing")), BundleErrorKind::Io);
    assert_eq!(kind_of(folder.path()), BundleErrorKind::NotFound);
    let pickle = folder.path().join("model.pkl");
    fs::write(&pickle, b"\x80\x04N.").unwrap();
    assert_eq!(kind_of(&pickle), BundleErrorKind::File);
    assert_eq!(repository.bundle("m", 1).unwrap_err().to_string(), "there is no version 1 of `m`");
    assert_eq!(repository.bundle("m", 0).unwrap_err().kind(), BundleErrorKind::Name);
    assert_eq!(repository.bundle("..", 1).unwrap_err().kind(), BundleErrorKind::Name);
    assert_eq!(repository.versions("a/b").unwrap_err().kind(), BundleErrorKind::Name);
    assert_eq!(repository.stage("-x").unwrap_err().kind(), BundleErrorKind::Name);
    assert!(Repository::open(&folder.path().join("missing")).is_err());
    assert!(Repository::open(&pickle).is_err());
}

#[test]
fn a_bundle_under_another_name_or_version_is_refused() {
    let (_folder, repository) = repository();
    publish(&repository, "m", None).unwrap();
    let root = repository.root();
    fs::create_dir(root.join("n")).unwrap();
    fs::rename(root.join("m/1"), root.join("n/1")).unwrap();
    let message = repository.bundle("n", 1).unwrap_err().to_string();
    assert!(message.contains("names version 1 of `m`, expected version 1 of `n`"), "{message}");
    fs::rename(root.join("n/1"), root.join("m/2")).unwrap();
    assert_eq!(repository.bundle("m", 2).unwrap_err().kind(), BundleErrorKind::Manifest);
    assert!(Bundle::open(&root.join("m/2")).is_ok(), "by its path it opens, wherever it lies");
}

#[test]
fn a_manifest_without_weights_is_an_error() {
    let (_folder, repository) = repository();
    let staging = repository.stage("m").unwrap();
    staging.write(CARD_FILE, b"card").unwrap();
    let error = staging.publish(full_manifest(), None, |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("does not list `model.onnx`"), "{error}");
    assert_eq!(left_over(&repository), [""; 0]);
}

#[test]
fn links_and_pipes_are_refused_where_they_lead_out() {
    let (folder, repository) = repository();
    let bundle = publish(&repository, "m", None).unwrap();
    let weights = bundle.folder().join("model.onnx");
    let outside = folder.path().join("secret");
    fs::write(&outside, b"weights").unwrap();
    let message = |bundle: &Bundle| bundle.verify().unwrap_err().to_string();

    fs::remove_file(&weights).unwrap();
    symlink(&outside, &weights).unwrap();
    assert_eq!(message(&bundle), "file `model.onnx` leads out of the bundle");
    assert!(bundle.weights_path().is_err() && repository.bundle("m", 1).is_err());

    fs::remove_file(&weights).unwrap();
    symlink("model.onnx", &weights).unwrap();
    assert!(bundle.verify().is_err(), "a link to itself");

    fs::remove_file(&weights).unwrap();
    fs::write(bundle.folder().join("shared"), b"weights").unwrap();
    symlink("shared", &weights).unwrap();
    assert_eq!(bundle.verify().unwrap(), 3, "a link within the bundle is followed");

    fs::remove_file(&weights).unwrap();
    fs::create_dir(&weights).unwrap();
    assert_eq!(message(&bundle), "file `model.onnx` is no regular file");

    fs::remove_dir(&weights).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&weights).status().unwrap().success());
    assert_eq!(message(&bundle), "file `model.onnx` is no regular file");

    let manifest = bundle.folder().join(MANIFEST_FILE);
    fs::remove_file(&manifest).unwrap();
    symlink("/proc/self/environ", &manifest).unwrap();
    assert_eq!(repository.bundle("m", 1).unwrap_err().kind(), BundleErrorKind::File);
}

#[test]
fn versions_and_models_that_lead_out_are_refused() {
    let (folder, repository) = repository();
    let elsewhere = Repository::create(&folder.path().join("elsewhere")).unwrap();
    publish(&elsewhere, "m", None).unwrap();
    let root = repository.root();
    symlink(elsewhere.root().join("m"), root.join("m")).unwrap();
    assert_eq!(repository.bundle("m", 1).unwrap_err().kind(), BundleErrorKind::File);
    let error = publish(&repository, "m", None).unwrap_err();
    assert_eq!(error.to_string(), "file `m` is no folder");
    symlink("loop", root.join("loop")).unwrap();
    assert_eq!(repository.models().unwrap(), ["m"], "a link that leads nowhere is no model");
    fs::create_dir(root.join("n")).unwrap();
    symlink(elsewhere.root().join("m/1"), root.join("n/1")).unwrap();
    assert_eq!(repository.bundle("n", 1).unwrap_err().kind(), BundleErrorKind::File);
}

#[test]
fn a_language_model_is_a_file_of_any_name() {
    let (_folder, repository) = repository();
    for (files, expected) in [
        (&["SmolLM2.Q4_1.gguf"][..], Some("SmolLM2.Q4_1.gguf")),
        (&["other.GGUF", "model.gguf", "draft.gguf"], Some("model.gguf")),
        (&["model.gguf", "model.onnx"], Some("model.onnx")),
        (&["one.gguf", "two.gguf"], None),
        (&["one.gguf", "draft.gguf", "pirate.lora.gguf"], Some("one.gguf")),
        (&["draft.gguf", "pirate.lora.gguf"], None),
        (&["gguf", "model.bin"], None),
    ] {
        let place = repository.root().join("m/1");
        fs::create_dir_all(&place).unwrap();
        for file in files {
            fs::write(place.join(file), b"weights").unwrap();
        }
        assert_eq!(bare_weights(&place).as_deref(), expected, "{files:?}");
        assert_eq!(holds_bundle(&place), expected.is_some(), "{files:?}");
        match expected {
            Some(name) => {
                let bundle = repository.bundle("m", 1).unwrap();
                assert_eq!(bundle.weights_path().unwrap().file_name().unwrap(), name);
                assert_eq!(
                    bundle.manifest().engine.weights_file().split('.').next_back(),
                    name.to_lowercase().split('.').next_back()
                );
            }
            None => assert!(repository.bundle("m", 1).is_err(), "{files:?}"),
        }
        fs::remove_dir_all(&place).unwrap();
    }
    let lone = repository.root().join("tiny.gguf");
    fs::write(&lone, b"weights").unwrap();
    let bundle = Bundle::open(&lone).unwrap();
    assert_eq!((bundle.manifest().name.as_str(), bundle.manifest().engine), ("tiny", EngineKind::Llama));
}
