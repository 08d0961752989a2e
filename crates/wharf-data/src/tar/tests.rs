use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

/// An archive that is written block by block, so that a test can lie in any of them.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn entry(mut self, kind: u8, name: &str, claimed: u64, content: &[u8]) -> Self {
        let mut block = [0_u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{claimed:011o}").as_bytes());
        block[156] = kind;
        block[257..263].copy_from_slice(b"ustar\0");
        self.header(block);
        self.content(content);
        self
    }

    fn header(&mut self, mut block: [u8; 512]) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        self.0.extend_from_slice(&block);
    }

    fn content(&mut self, content: &[u8]) {
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
    }

    fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(b'0', name, content.len() as u64, content)
    }

    fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Names and contents of all regular files.
fn walk(archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>, DataError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(archive).unwrap();
    let mut files = Vec::new();
    Tar::open(file.path())?.walk(|entry, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(|error| DataError::malformed(error.to_string()))?;
        files.push((entry.name, bytes));
        Ok(())
    })?;
    Ok(files)
}

fn both(archive: &[u8]) -> [Vec<u8>; 2] {
    [archive.to_vec(), packed(archive)]
}

#[test]
fn reads_files_and_passes_over_the_rest() {
    let archive = Writer::default()
        .entry(b'5', "cat/", 0, &[])
        .file("cat/1.png", b"one")
        .entry(b'2', "cat/link.png", 0, &[])
        .entry(b'1', "cat/hard.png", 99, &[])
        .entry(b'g', "global", 20, b"20 comment=anything\n")
        .file("cat/2.png", &[7; 1000])
        .file("cat/empty.png", &[])
        .finish();
    for archive in both(&archive) {
        let files = walk(&archive).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["cat/1.png", "cat/2.png", "cat/empty.png"]);
        assert_eq!(files[0].1, b"one");
        assert_eq!(files[1].1, [7; 1000]);
    }
}

#[test]
fn long_names_come_from_either_kind_of_header() {
    let long = format!("cat/{}.png", "x".repeat(200));
    let record = format!(" path={long}\n");
    let record = format!("{}{record}", record.len() + 3);
    let archive = Writer::default()
        .entry(b'L', "././@LongLink", long.len() as u64, long.as_bytes())
        .file("cut", b"a")
        .entry(b'x', "pax", record.len() as u64, record.as_bytes())
        .file("cut", b"b")
        .file("short", b"c")
        .finish();
    let names: Vec<String> = walk(&archive).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [long.clone(), long, "short".to_owned()]);
}

#[test]
fn parts_that_are_not_read_are_passed_over() {
    let archive = Writer::default().file("a", &[1; 5000]).file("b", b"b").finish();
    for archive in both(&archive) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&archive).unwrap();
        let mut starts = Vec::new();
        let walked = Tar::open(file.path()).unwrap().walk(|entry, _| {
            starts.push((entry.name, entry.start, entry.size));
            Ok(())
        });
        walked.unwrap();
        assert_eq!(starts, [("a".to_owned(), 512, 5000), ("b".to_owned(), 512 + 5120 + 512, 1)]);
    }
}

#[test]
fn sizes_that_lie_are_errors() {
    for claimed in [2000, 1 << 20, 0o77_777_777_777] {
        let archive = Writer::default().entry(b'0', "a", claimed, b"short").finish();
        for archive in both(&archive) {
            assert!(walk(&archive).is_err(), "{claimed}");
        }
    }
    let mut block = [0_u8; 512];
    block[0] = b'a';
    block[124..136].fill(0xFF);
    block[124] = 0x80;
    block[156] = b'0';
    let mut writer = Writer::default();
    writer.header(block);
    for archive in both(&writer.finish()) {
        assert!(walk(&archive).is_err());
    }
}

#[test]
fn headers_that_lie_are_errors() {
    for (archive, expected) in [
        (Writer::default().file("../up", b"").finish(), "path `../up` leads upwards"),
        (Writer::default().entry(b'L', "x", 1 << 30, b"").finish(), "expected at most 65536"),
        (Writer::default().entry(b'x', "x", 8, b"99 a=b\n\0").finish(), "extended header is damaged"),
        (Writer::default().entry(b'x', "x", 4, b"0 =\n").finish(), "extended header is damaged"),
        (vec![b'a'; 2048], "checksum"),
    ] {
        let error = walk(&archive).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn every_cut_is_an_error() {
    let archive = Writer::default().file("cat/1.png", &[1; 3000]).file("cat/2.png", &[2; 3000]).finish();
    // The last block of zeros is not needed.
    let needed = archive.len() - 512;
    for percent in 0..100 {
        assert!(walk(&archive[..needed * percent / 100]).is_err(), "{percent}");
    }
    let archive = packed(&archive);
    let needed = archive.len() - 40;
    for percent in 0..100 {
        assert!(walk(&archive[..needed * percent / 100]).is_err(), "{percent}");
    }
}

#[test]
fn numbers_are_octal_or_binary() {
    for (field, expected) in [
        (&b"0000017\0"[..], Some(15)),
        (b"     17 ", Some(15)),
        (b"\x80\0\0\0\0\0\x01\0", Some(256)),
        (b"18      ", None),
        (b"+7      ", None),
        (b"\0\0\0\0", None),
        (b"\x80\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", None),
    ] {
        assert_eq!(number(field), expected, "{field:?}");
    }
}
