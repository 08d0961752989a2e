mod remote;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::catalogue::Pinned;
use super::*;

fn content() -> Vec<u8> {
    (0..200_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn pinned(name: &'static str, content: &[u8]) -> PinnedFile {
    let digest: &'static str = crate::hex(&Sha256::digest(content)).leak();
    PinnedFile { name, size: content.len() as u64, pinned: Pinned::Sha256(digest), content_sha256: None }
}

/// Answers one connection after the other by the script, then ends; gives back the requests it saw.
struct Server {
    address: String,
    thread: JoinHandle<Vec<Request>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    method: String,
    path: String,
    range: Option<String>,
    if_range: Option<String>,
    token: Option<String>,
}

type Answer = Box<dyn FnOnce(&Request, &mut TcpStream) + Send>;

impl Server {
    fn start(script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/data", listener.local_addr().unwrap());
        let thread = thread::spawn(move || {
            let mut seen = Vec::new();
            for answer in script {
                let (mut stream, _) = listener.accept().unwrap();
                let request = read_request(&stream);
                answer(&request, &mut stream);
                seen.push(request);
            }
            seen
        });
        Self { address, thread }
    }

    fn requests(self) -> Vec<Request> {
        self.thread.join().unwrap()
    }
}

fn read_request(stream: &TcpStream) -> Request {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let line = lines.next().unwrap();
    let [method, path] = [0, 1].map(|place| line.split(' ').nth(place).unwrap().to_owned());
    let mut request = Request { method, path, ..Request::default() };
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap();
        let place = match name.to_ascii_lowercase().as_str() {
            "range" => &mut request.range,
            "if-range" => &mut request.if_range,
            "authorization" => &mut request.token,
            _ => continue,
        };
        *place = Some(value.trim().to_owned());
    }
    request
}

/// Sends `status`, `headers` and `body`, and closes the connection, early if `body` is shorter than `length`.
fn send(status: &'static str, headers: String, length: usize, body: Vec<u8>) -> Answer {
    Box::new(move |_, stream| {
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
    })
}

fn whole(body: Vec<u8>) -> Answer {
    send("200 OK", String::new(), body.len(), body)
}

fn rest(body: &[u8], start: usize) -> Answer {
    let headers = format!("Content-Range: bytes {start}-{}/{}\r\n", body.len() - 1, body.len());
    send("206 Partial Content", headers, body.len() - start, body[start..].to_vec())
}

fn fetch_one(file: PinnedFile, from: &FetchFrom, into: &Path) -> Result<Vec<PathBuf>, DataError> {
    fetch_files(&[file], "http://127.0.0.1:1/", None, from, into, &mut |_| {})
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn downloads_and_reports_progress() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![whole(content.clone())]);
    let mut reports = Vec::new();
    let from = FetchFrom::Url(server.address.clone());
    let files = [pinned("a.gz", &content)];
    let paths = fetch_files(&files, "", None, &from, into.path(), &mut |progress| {
        assert_eq!((progress.file, progress.total_bytes), ("a.gz", 200_000));
        reports.push((progress.done_bytes, progress.origin));
    });
    assert_eq!(fs::read(&paths.unwrap()[0]).unwrap(), content);
    assert_eq!(reports.last(), Some(&(200_000, FetchOrigin::Network)));
    assert!(reports.is_sorted_by_key(|(done, _)| *done));
    let expected = Request { method: "GET".to_owned(), path: "/data/a.gz".to_owned(), ..Request::default() };
    assert_eq!(server.requests(), [expected]);
    // It is there now: no server is needed.
    assert!(fetch_one(files[0], &from, into.path()).is_ok());
}

#[test]
fn resumes_after_a_connection_that_was_cut() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let cut = send("200 OK", String::new(), content.len(), content[..70_000].to_vec());
    let server = Server::start(vec![cut, rest(&content, 70_000)]);
    let from = FetchFrom::Url(server.address.clone());
    let paths = fetch_one(pinned("a", &content), &from, into.path()).unwrap();
    assert_eq!(fs::read(&paths[0]).unwrap(), content);
    let ranges: Vec<Option<String>> = server.requests().into_iter().map(|request| request.range).collect();
    assert_eq!(ranges, [None, Some("bytes=70000-".to_owned())]);
    assert_eq!(names(into.path()), ["a"]);
}

#[test]
fn resumes_what_an_earlier_run_left() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    fs::write(into.path().join("a.part"), &content[..150_000]).unwrap();
    let server = Server::start(vec![rest(&content, 150_000)]);
    let from = FetchFrom::Url(server.address.clone());
    fetch_one(pinned("a", &content), &from, into.path()).unwrap();
    assert_eq!(server.requests()[0].range.as_deref(), Some("bytes=150000-"));
    assert_eq!(fs::read(into.path().join("a")).unwrap(), content);
}

#[test]
fn starts_anew_where_the_server_knows_no_ranges() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    fs::write(into.path().join("a.part"), [0; 100]).unwrap();
    let server = Server::start(vec![whole(content.clone())]);
    let from = FetchFrom::Url(server.address.clone());
    fetch_one(pinned("a", &content), &from, into.path()).unwrap();
    assert_eq!(fs::read(into.path().join("a")).unwrap(), content);
    server.requests();
}

#[test]
fn wrong_digest_is_refused_and_nothing_is_left() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let mut other = content.clone();
    other[123] ^= 1;
    let server = Server::start(vec![whole(other)]);
    let from = FetchFrom::Url(server.address.clone());
    let error = fetch_one(pinned("a", &content), &from, into.path()).unwrap_err();
    assert_eq!(error.kind(), DataErrorKind::WrongDigest);
    assert!(names(into.path()).is_empty());
    server.requests();
}

#[test]
fn longer_file_is_refused_and_nothing_is_left() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![whole([&content[..], &[0; 10]].concat())]);
    let from = FetchFrom::Url(server.address.clone());
    let error = fetch_one(pinned("a", &content), &from, into.path()).unwrap_err();
    assert_eq!(error.kind(), DataErrorKind::Network);
    assert!(names(into.path()).is_empty());
    server.requests();
}

#[test]
fn follows_redirects() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let moved = send("302 Found", "Location: /elsewhere/a\r\n".to_owned(), 0, vec![]);
    let server = Server::start(vec![moved, whole(content.clone())]);
    let from = FetchFrom::Url(format!("{}/", server.address));
    fetch_one(pinned("a", &content), &from, into.path()).unwrap();
    let paths: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/data/a", "/elsewhere/a"]);
}

#[test]
fn refusals_are_final_and_troubles_are_tried_again() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let server = Server::start(vec![send("404 Not Found", String::new(), 0, vec![])]);
    let from = FetchFrom::Url(server.address.clone());
    let error = fetch_one(pinned("a", &content), &from, into.path()).unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
    assert_eq!(server.requests().len(), 1);

    let busy = send("503 Service Unavailable", String::new(), 0, vec![]);
    let server = Server::start(vec![busy, whole(content.clone())]);
    let from = FetchFrom::Url(server.address.clone());
    fetch_one(pinned("a", &content), &from, into.path()).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn gives_up_where_no_byte_is_gained() {
    let (content, into) = (content(), tempfile::tempdir().unwrap());
    let cut = || send("200 OK", String::new(), 200_000, vec![]);
    let server = Server::start(vec![cut(), cut(), cut()]);
    let from = FetchFrom::Url(server.address.clone());
    let error = fetch_one(pinned("a", &content), &from, into.path()).unwrap_err();
    assert_eq!(error.kind(), DataErrorKind::Network);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn folders_are_copied_from_with_the_same_check() {
    let content = content();
    let [source, into] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let from = FetchFrom::Folder(source.path().to_path_buf());
    let file = pinned("a", &content);
    assert_eq!(fetch_one(file, &from, into.path()).unwrap_err().kind(), DataErrorKind::Io);
    fs::write(source.path().join("a"), b"other").unwrap();
    assert_eq!(fetch_one(file, &from, into.path()).unwrap_err().kind(), DataErrorKind::WrongDigest);
    assert!(names(into.path()).is_empty());
    fs::write(source.path().join("a"), &content).unwrap();
    fetch_one(file, &from, into.path()).unwrap();
    assert_eq!(fs::read(into.path().join("a")).unwrap(), content);
}

#[test]
fn installed_package_goes_before_the_network() {
    let content = content();
    let [package, into] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    fs::write(package.path().join("a"), &content).unwrap();
    let files = [pinned("a", &content)];
    let official = FetchFrom::Official;
    let mut origins = Vec::new();
    fetch_files(
        &files,
        "http://127.0.0.1:1/",
        Some(package.path()),
        &official,
        into.path(),
        &mut |progress| {
            origins.push(progress.origin);
        },
    )
    .unwrap();
    assert_eq!(origins.last(), Some(&FetchOrigin::Folder));
}

#[test]
fn file_that_was_packed_anew_passes_by_its_content() {
    let content = content();
    let [source, into] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&content).unwrap();
    fs::write(source.path().join("a.gz"), encoder.finish().unwrap()).unwrap();
    let mut file = pinned("a.gz", b"packed otherwise");
    let from = FetchFrom::Folder(source.path().to_path_buf());
    assert_eq!(fetch_one(file, &from, into.path()).unwrap_err().kind(), DataErrorKind::WrongDigest);
    file.content_sha256 = Some(crate::hex(&Sha256::digest(&content)).leak());
    fetch_one(file, &from, into.path()).unwrap();
}

#[test]
fn md5_is_checked_where_nothing_stronger_is_published() {
    let [source, into] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    fs::write(source.path().join("a"), b"abc").unwrap();
    let from = FetchFrom::Folder(source.path().to_path_buf());
    let file = |digest| PinnedFile { name: "a", size: 3, pinned: Pinned::Md5(digest), content_sha256: None };
    assert!(fetch_one(file("900150983cd24fb0d6963f7d28e17f73"), &from, into.path()).is_err());
    fetch_one(file("900150983cd24fb0d6963f7d28e17f72"), &from, into.path()).unwrap();
}

#[test]
fn every_pin_is_a_digest_and_every_name_finds_its_data_set() {
    for dataset in KnownDataset::ALL {
        assert_eq!(KnownDataset::from_name(dataset.name()), Some(dataset));
        for file in dataset.files() {
            let Pinned::Sha256(digest) = file.pinned else { panic!("{} is not sha256", file.name) };
            for digest in [Some(digest), file.content_sha256].into_iter().flatten() {
                assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
            }
        }
    }
    assert_eq!(KnownDataset::from_name("imagenet"), None);
    assert_eq!(FetchFrom::parse("https://x/y"), FetchFrom::Url("https://x/y".to_owned()));
    assert_eq!(FetchFrom::parse("x/y"), FetchFrom::Folder(PathBuf::from("x/y")));
}
