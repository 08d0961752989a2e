//! Files from any address, and what evil servers make of that.

use std::fs::File;
use std::time::Duration;

use super::*;
use crate::fetch::{Access, FetchedFile, Hub, ModelAddress, Pace, RemoteFile};

fn sha256(content: &[u8]) -> String {
    crate::hex(&Sha256::digest(content))
}

fn fetch_remote(file: &RemoteFile, access: &Access, into: &Path) -> Result<FetchedFile, DataError> {
    file.fetch(access, into, &mut |_| true)
}

/// The host of a test server, `127.0.0.1:PORT`.
fn host(server: &Server) -> &str {
    server.address.strip_prefix("http://").unwrap().split('/').next().unwrap()
}

fn only(hosts: &str) -> Access {
    Access { hosts: Some(hosts.parse().unwrap()), ..Access::default() }
}

/// What answers a question for a file's head: its digest, as the hub has it, and its length.
fn head(content: &[u8]) -> Answer {
    let headers = format!("X-Linked-ETag: \"{}\"\r\nX-Linked-Size: {}\r\n", sha256(content), content.len());
    send("200 OK", headers, content.len(), vec![])
}

/// No answer to such questions.
fn no_head() -> Answer {
    send("405 Method Not Allowed", String::new(), 0, vec![])
}

#[test]
fn a_file_comes_with_the_digest_that_its_server_names() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![head(&content), whole(content.clone())]);
    let file = RemoteFile::new(format!("{}/m.gguf", server.address));
    let mut reports = Vec::new();
    let fetched = file.fetch(&Access::default(), into.path(), &mut |progress| {
        assert_eq!(progress.sha256, Some(sha256(&content).as_str()));
        reports.push((progress.done_bytes, progress.total_bytes));
        true
    });
    let fetched = fetched.unwrap();
    assert_eq!(fs::read(&fetched.path).unwrap(), content);
    assert_eq!(
        (fetched.sha256.clone(), fetched.is_pinned, fetched.size_bytes),
        (sha256(&content), true, 200_000)
    );
    assert_eq!(reports.last(), Some(&(200_000, Some(200_000))));
    let methods: Vec<String> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["HEAD", "GET"]);
    crate::fetch::forget(&fetched);
    assert!(names(into.path()).is_empty());
}

#[test]
fn a_server_that_says_nothing_of_a_file_may_send_it() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![no_head(), whole(content.clone())]);
    let file = RemoteFile::new(format!("{}/m.gguf", server.address));
    let fetched = fetch_remote(&file, &Access::default(), into.path()).unwrap();
    assert_eq!((fetched.sha256, fetched.is_pinned), (sha256(&content), false));
    server.requests();
}

#[test]
fn what_was_left_of_a_pinned_file_is_gone_on_from() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let part = into.path().join(format!("{}.part", sha256(&content)));
    fs::write(&part, &content[..150_000]).unwrap();
    let server = Server::start(vec![head(&content), rest(&content, 150_000)]);
    let file = RemoteFile::new(format!("{}/m", server.address));
    let fetched = fetch_remote(&file, &Access::default(), into.path()).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), content);
    assert_eq!(server.requests()[1].range.as_deref(), Some("bytes=150000-"));
}

#[test]
fn a_file_that_changes_meanwhile_begins_anew() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let tag = "ETag: \"one\"\r\n".to_owned();
    let cut = send("200 OK", tag.clone(), content.len(), vec![7; 70_000]);
    let server = Server::start(vec![no_head(), cut, send("200 OK", tag, content.len(), content.clone())]);
    let file = RemoteFile::new(format!("{}/m", server.address));
    let fetched = fetch_remote(&file, &Access::default(), into.path()).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), content);
    let last = server.requests().pop().unwrap();
    assert_eq!((last.range.as_deref(), last.if_range.as_deref()), (Some("bytes=70000-"), Some("\"one\"")));
}

#[test]
fn without_a_name_for_its_content_a_cut_file_begins_anew() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let cut = send("200 OK", String::new(), content.len(), vec![7; 70_000]);
    let server = Server::start(vec![no_head(), cut, whole(content.clone())]);
    let file = RemoteFile::new(format!("{}/m", server.address));
    let fetched = fetch_remote(&file, &Access::default(), into.path()).unwrap();
    assert_eq!(fs::read(fetched.path).unwrap(), content);
    assert_eq!(server.requests()[2].range, None);
}

#[test]
fn another_digest_is_refused_and_nothing_is_left() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let file = |server: &Server| RemoteFile::new(format!("{}/m", server.address));
    let mut other = content.clone();
    other[9] ^= 1;
    let server = Server::start(vec![head(&content), whole(other)]);
    let error = fetch_remote(&file(&server), &Access::default(), into.path()).unwrap_err();
    assert_eq!(error.kind(), DataErrorKind::WrongDigest);
    server.requests();
    // Said beforehand, it is not even asked for.
    let server = Server::start(vec![head(&content)]);
    let wanted = file(&server).with_sha256(&"ab".repeat(32)).unwrap();
    let error = fetch_remote(&wanted, &Access::default(), into.path()).unwrap_err();
    assert_eq!(error.kind(), DataErrorKind::WrongDigest);
    server.requests();
    let server = Server::start(vec![no_head(), whole(content)]);
    let wanted = file(&server).with_sha256(&"ab".repeat(32)).unwrap();
    let error = fetch_remote(&wanted, &Access::default(), into.path()).unwrap_err();
    assert_eq!(error.kind(), DataErrorKind::WrongDigest);
    server.requests();
    assert!(names(into.path()).is_empty());
    assert!(RemoteFile::new("https://x.example/").with_sha256("abc").is_err());
}

#[test]
fn lies_about_the_length_are_found_out() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let longer = send("200 OK", String::new(), content.len() + 1, content.clone());
    let server = Server::start(vec![head(&content), longer]);
    let file = RemoteFile::new(format!("{}/m", server.address));
    let error = fetch_remote(&file, &Access::default(), into.path()).unwrap_err();
    assert!(error.to_string().contains("200001 bytes, expected 200000"), "{error}");
    server.requests();
    fs::write(into.path().join(format!("{}.part", sha256(&content))), &content[..100]).unwrap();
    let lies = format!("Content-Range: bytes 200-{}/{}\r\n", content.len() - 1, content.len());
    let lies = send("206 Partial Content", lies, content.len() - 200, content[200..].to_vec());
    let server = Server::start(vec![head(&content), lies]);
    let file = RemoteFile::new(format!("{}/m", server.address));
    let error = fetch_remote(&file, &Access::default(), into.path()).unwrap_err();
    assert!(error.to_string().contains("another part"), "{error}");
    server.requests();
}

#[test]
fn a_body_without_end_is_cut_off() {
    let into = tempfile::tempdir().unwrap();
    let endless: Answer = Box::new(|_, stream| {
        // No length and no end: until the other side has had enough.
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap();
        while stream.write_all(&[0; 4096]).is_ok() {}
    });
    let server = Server::start(vec![no_head(), endless]);
    let access = Access { most_bytes: 1 << 20, ..Access::default() };
    let file = RemoteFile::new(format!("{}/m", server.address));
    let error = fetch_remote(&file, &access, into.path()).unwrap_err();
    assert_eq!(error.kind(), DataErrorKind::TooLarge);
    server.requests();
    assert!(names(into.path()).is_empty());
    // One that says beforehand how large it is does not begin.
    let server = Server::start(vec![no_head(), send("200 OK", String::new(), 2 << 20, vec![])]);
    let file = RemoteFile::new(format!("{}/m", server.address));
    assert_eq!(fetch_remote(&file, &access, into.path()).unwrap_err().kind(), DataErrorKind::TooLarge);
    server.requests();
}

#[test]
fn a_server_that_gives_byte_after_byte_is_left() {
    let into = tempfile::tempdir().unwrap();
    let slow = send("200 OK", String::new(), 1000, vec![0; 10]);
    let server = Server::start(vec![no_head(), slow]);
    let pace = Pace { window: Duration::ZERO, least_bytes: 1 << 30 };
    let file = RemoteFile::new(format!("{}/m", server.address));
    let error = fetch_remote(&file, &Access { pace, ..Access::default() }, into.path()).unwrap_err();
    assert!(error.to_string().contains("too slow"), "{error}");
    server.requests();
}

#[test]
fn whoever_has_had_enough_ends_it() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![
        head(&content),
        send("200 OK", String::new(), content.len(), content[..9].to_vec()),
    ]);
    let file = RemoteFile::new(format!("{}/m", server.address));
    let error = file.fetch(&Access::default(), into.path(), &mut |_| false).unwrap_err();
    assert_eq!(error.kind(), DataErrorKind::Cancelled);
    server.requests();
    // What has come is there for the next time.
    assert_eq!(fs::metadata(into.path().join(format!("{}.part", sha256(&content)))).unwrap().len(), 9);
}

#[test]
fn a_file_is_downloaded_by_one_at_a_time() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let lock = File::create(into.path().join(format!("{}.part", sha256(&content)))).unwrap();
    lock.lock().unwrap();
    let server = Server::start(vec![head(&content)]);
    let file = RemoteFile::new(format!("{}/m", server.address));
    let error = fetch_remote(&file, &Access::default(), into.path()).unwrap_err();
    assert!(error.to_string().contains("somebody else"), "{error}");
    server.requests();
}

#[test]
fn redirects_stay_within_the_hosts_that_are_allowed() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let moved = |to: &str| send("302 Found", format!("Location: {to}\r\n"), 0, vec![]);
    let elsewhere = Server::start(vec![whole(content.clone())]);
    let target = format!("{}/elsewhere", elsewhere.address);
    let server = Server::start(vec![moved(&target), moved(&target)]);
    let file = RemoteFile::new(format!("{}/m", server.address)).with_token(Some("secret".to_owned()));
    let hosts = format!("http://{},http://{}", host(&server), host(&elsewhere));
    fetch_remote(&file, &only(&hosts), into.path()).unwrap();
    // The token is for the first host alone.
    assert!(server.requests().iter().all(|request| request.token.as_deref() == Some("Bearer secret")));
    assert_eq!(elsewhere.requests()[0].token, None);

    for target in [
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://example.com/",
    ] {
        let server = Server::start(vec![moved(target), moved(target)]);
        let file = RemoteFile::new(format!("{}/m", server.address));
        let error =
            fetch_remote(&file, &only(&format!("http://{}", host(&server))), into.path()).unwrap_err();
        assert_eq!(error.kind(), DataErrorKind::Refused, "{target}: {error}");
        // How often it asked does not matter, only that nobody else was.
        drop(server);
    }
}

#[test]
fn redirects_in_a_circle_end() {
    let into = tempfile::tempdir().unwrap();
    let again = || send("302 Found", "Location: /data/m\r\n".to_owned(), 0, vec![]);
    let server = Server::start((0..12).map(|_| again()).collect());
    let file = RemoteFile::new(format!("{}/m", server.address));
    let error = fetch_remote(&file, &Access::default(), into.path()).unwrap_err();
    assert!(error.to_string().contains("more than 5 redirects"), "{error}");
    assert_eq!(server.requests().len(), 12);
}

#[test]
fn hosts_that_are_not_listed_are_not_asked() {
    let into = tempfile::tempdir().unwrap();
    for (url, hosts) in [
        ("http://127.0.0.1:1/m", "huggingface.co"),
        ("http://127.0.0.1:1/m", "http://127.0.0.1:2"),
        ("https://127.0.0.1:1/m", "http://127.0.0.1:1"),
        // Listed by name, but on this machine: its address is not.
        ("http://localhost:1/m", "http://localhost:1"),
        ("http://user:secret@localhost:1/m", "http://localhost:1"),
    ] {
        let error = fetch_remote(&RemoteFile::new(url), &only(hosts), into.path()).unwrap_err();
        assert_eq!(error.kind(), DataErrorKind::Refused, "{url}: {error}");
    }
}

#[test]
fn a_listed_name_with_its_listed_address_is_asked() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![head(&content), whole(content.clone())]);
    let port = host(&server).rsplit(':').next().unwrap().to_owned();
    let file = RemoteFile::new(format!("http://localhost:{port}/m"));
    let access = only(&format!("http://localhost:{port},http://127.0.0.1,http://[::1]"));
    fetch_remote(&file, &access, into.path()).unwrap();
    server.requests();
}

#[test]
fn models_of_the_hub_are_found_by_their_quantisation() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let list = r#"{"sha": "abc123", "siblings": [{"rfilename": "README.md"}, {"rfilename": "m-Q8_0.gguf"},
        {"rfilename": "m-Q4_K_M.gguf"}, {"rfilename": "../../x.gguf"}]}"#;
    let server = Server::start(vec![whole(list.as_bytes().to_vec()), head(&content), whole(content.clone())]);
    let hub = Hub::new(&server.address, Some("secret".to_owned()));
    let ModelAddress::Hub(model) = "hf.co/owner/name:q8_0".parse().unwrap() else { panic!("not of the hub") };
    let file = model.resolve(&hub, &Access::default()).unwrap();
    fetch_remote(&file, &Access::default(), into.path()).unwrap();
    let requests = server.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    let of_file = "/data/owner/name/resolve/abc123/m-Q8_0.gguf";
    assert_eq!(paths, ["/data/api/models/owner/name", of_file, of_file]);
    assert!(requests.iter().all(|request| request.token.as_deref() == Some("Bearer secret")));

    let server = Server::start(vec![send("404 Not Found", String::new(), 0, vec![])]);
    let hub = Hub::new(&server.address, None);
    let error = model.resolve(&hub, &Access::default()).unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
    server.requests();
}
