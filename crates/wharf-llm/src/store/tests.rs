use super::*;

fn store(folder: &Path, size_bytes: u64) -> PrefixStore {
    PrefixStore::open(PrefixStoreConfig { folder: folder.to_owned(), size_bytes }).unwrap()
}

fn namespace(caller: &str, salt: &str) -> Namespace {
    Namespace { caller: caller.to_owned(), salt: salt.to_owned(), adapter: None }
}

fn tokens(seed: u32, count: u32) -> Vec<TokenId> {
    (0..count).map(|place| seed * 1000 + place).collect()
}

#[test]
fn what_is_stored_is_found_after_opening_again_and_by_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (mine, text) = (namespace("a", "x"), tokens(1, 100));
    store(folder.path(), 10_000).put(&mine, &text, b"state");
    let mut again = store(folder.path(), 10_000);
    assert!(again.has(&mine, &text[..90]));
    let longer = [&text[..], &tokens(2, 50)].concat();
    assert_eq!(again.find(&mine, &longer, true), Some(&text[..]));
    assert_eq!(again.find(&mine, &text[..80], true), None, "not all of it");
    assert_eq!(again.find(&mine, &text[..80], false), Some(&text[..]));
    assert_eq!(again.find(&mine, &text[..LEAST_TOKENS - 1], false), None, "too short");
    for other in [namespace("b", "x"), namespace("a", "y"), namespace("ax", "")] {
        assert_eq!(again.find(&other, &longer, false), None);
        assert!(!again.has(&other, &text));
    }
    assert_eq!(again.load(&mine, &text).as_deref(), Some(&b"state"[..]));
}

#[test]
fn damaged_files_are_deleted_and_give_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mine, text) = (namespace("a", ""), tokens(1, 100));
    store(folder.path(), 10_000).put(&mine, &text, &[7; 500]);
    let path = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&path).unwrap();
    for place in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(&path, bytes).unwrap();
        let mut store = store(folder.path(), 10_000);
        assert_eq!(store.load(&mine, &text), None, "byte {place}");
        fs::write(&path, &whole).unwrap();
    }
    for length in (0..whole.len()).step_by(50) {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(store(folder.path(), 10_000).load(&mine, &text), None, "{length} bytes");
        assert!(!path.exists(), "{length} bytes");
    }
    fs::write(folder.path().join("x.part"), b"unfinished").unwrap();
    store(folder.path(), 10_000);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_folder_stays_within_its_size_and_longer_texts_take_the_place_of_what_they_contain() {
    let folder = tempfile::tempdir().unwrap();
    let mine = namespace("a", "");
    let mut store = store(folder.path(), 3000);
    for seed in 0..5 {
        store.put(&mine, &tokens(seed, 100), &[0; 800]);
    }
    assert!(!store.has(&mine, &tokens(0, 100)) && store.has(&mine, &tokens(4, 100)));
    let bytes = |folder: &Path| -> u64 {
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
    };
    assert!(bytes(folder.path()) <= 3000);
    let longer = [tokens(4, 100), tokens(9, 10)].concat();
    store.put(&mine, &longer, &[0; 900]);
    assert_eq!(store.entries.iter().filter(|entry| longer.starts_with(&entry.label.tokens)).count(), 1);
    store.put(&mine, &tokens(7, 100), &[0; 4000]);
    assert!(!store.has(&mine, &tokens(7, 100)), "larger than the folder may be");
}
