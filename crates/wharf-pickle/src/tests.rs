//! The unpickler against pickles that Python wrote, and against hostile ones.

use bytes::Bytes;
use wharf_tensor::DType;

use crate::{CIFAR_GLOBALS, Limits, Pickle, PickleError, PickleErrorKind, numpy_array};

fn parse(content: &[u8]) -> Result<Pickle, PickleError> {
    Pickle::parse(&Bytes::copy_from_slice(content), CIFAR_GLOBALS, &Limits::default())
}

fn kind_of(content: &[u8]) -> PickleErrorKind {
    parse(content).unwrap_err().kind()
}

const BATCHES: [(&str, &[u8]); 5] = [
    ("py2", include_bytes!("../goldens/py2.pickle")),
    ("protocol 2", include_bytes!("../goldens/protocol2.pickle")),
    ("protocol 3", include_bytes!("../goldens/protocol3.pickle")),
    ("protocol 4", include_bytes!("../goldens/protocol4.pickle")),
    ("text keys", include_bytes!("../goldens/text_keys.pickle")),
];

#[test]
fn reads_batches_of_every_python_and_protocol() {
    let expected: serde_json::Value = serde_json::from_str(include_str!("../goldens/cifar.json")).unwrap();
    let ints =
        |key: &str| expected[key].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect::<Vec<_>>();
    for (name, content) in BATCHES {
        let pickle = parse(content).unwrap_or_else(|error| panic!("{name}: {error}"));
        let root = pickle.root();
        let array = numpy_array(root.field("data").unwrap()).unwrap();
        assert_eq!(array.dtype, DType::U8, "{name}");
        assert_eq!(array.shape.to_i64(), ints("shape"), "{name}");
        assert_eq!(array.bytes.iter().map(|&b| i64::from(b)).collect::<Vec<_>>(), ints("data"), "{name}");
        assert_eq!(root.field("labels").unwrap().ints().unwrap(), ints("labels"), "{name}");
        let files: Vec<&str> =
            root.field("filenames").unwrap().items().unwrap().map(|file| file.text().unwrap()).collect();
        assert_eq!(serde_json::json!(files), expected["filenames"], "{name}");
    }
}

#[test]
fn array_shares_the_input() {
    let content = Bytes::from_static(include_bytes!("../goldens/protocol4.pickle"));
    let pickle = Pickle::parse(&content, CIFAR_GLOBALS, &Limits::default()).unwrap();
    let array = numpy_array(pickle.root().field("data").unwrap()).unwrap();
    assert!(content.as_ptr_range().contains(&array.bytes.as_ptr()));
}

#[test]
fn every_truncation_is_an_error() {
    for (name, content) in BATCHES {
        for length in 0..content.len() {
            assert!(parse(&content[..length]).is_err(), "{name} cut to {length}");
        }
    }
}

#[test]
fn refusal_names_the_global() {
    for (content, expected) in [
        (&b"\x80\x02cos\nsystem\n(U\x02lstR."[..], "`os.system`"),
        (b"\x80\x02cposix\nsystem\n.", "`posix.system`"),
        (b"\x80\x02cbuiltins\neval\n.", "`builtins.eval`"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "`os.system`"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\n.", "`numpy.core.multiarray.scalar`"),
        (b"\x80\x02cnumpy\nndarray.__class__\n.", "`numpy.ndarray.__class__`"),
        (b"\x80\x02c_codecs\nencode \n.", "`_codecs.encode `"),
    ] {
        let error = parse(content).unwrap_err();
        assert_eq!(error.kind(), PickleErrorKind::Refused);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn refusal_names_the_opcode() {
    // INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, EXT2, EXT4, PERSID, BINPERSID, LONG4, DUP, sets, buffers, protocol 0
    for opcode in *b"io\x81\x92\x82\x83\x84PQ\x8b2\x8f\x90\x91\x96\x97\x98ISVLFgp\x00\xff\x80" {
        let error = parse(&[0x80, 2, opcode, 0, 0, 0, 0, 0]).unwrap_err();
        assert_eq!(error.kind(), PickleErrorKind::Refused, "{opcode:#04x}");
        assert!(error.to_string().contains(&format!("{opcode:#04x} at byte 2")), "{error}");
    }
}

#[test]
fn refuses_other_protocols() {
    assert!(parse(b"\x80\x05N.").unwrap_err().to_string().contains("protocol 5"));
    for content in [&b""[..], b"\x80", b"N.", b"(dp0\n.", b"PK\x03\x04"] {
        assert_eq!(kind_of(content), PickleErrorKind::Refused, "{content:?}");
    }
}

#[test]
fn malformed_programs_are_errors() {
    use PickleErrorKind::{Malformed, Truncated};
    for (content, expected) in [
        (&b"\x80\x02."[..], Malformed),
        (b"\x80\x02NN.", Malformed),
        (b"\x80\x02N.N", Malformed),
        (b"\x80\x02(N.", Malformed),
        (b"\x80\x02N(a.", Malformed),
        (b"\x80\x02](Ns.", Malformed),
        (b"\x80\x02}(Nu.", Malformed),
        (b"\x80\x02NNa.", Malformed),
        (b"\x80\x020.", Malformed),
        (b"\x80\x02t.", Malformed),
        (b"\x80\x02(N\x85\x86.", Malformed),
        (b"\x80\x02h\x00.", Malformed),
        (b"\x80\x02q\x00.", Malformed),
        (b"\x80\x02(q\x00N.", Malformed),
        (b"\x80\x02NN\x93.", Malformed),
        (b"\x80\x02N)R.", Malformed),
        (b"\x80\x02cnumpy\ndtype\nNR.", Malformed),
        (b"\x80\x02NNb.", Malformed),
        (b"\x80\x02\x8a\x09\0\0\0\0\0\0\0\0\x01.", Malformed),
        (b"\x80\x02X\x01\0\0\0\xff.", Malformed),
        (b"\x80\x02c_codecs\nencode\nX\x03\0\0\0\xe2\x82\xacX\x06\0\0\0latin1\x86R.", Malformed),
        (b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x04\0\0\0utf8\x86R.", Malformed),
        (b"\x80\x02ccollections\nOrderedDict\n](K\x01e\x85R.", Malformed),
        (b"\x80\x02cnumpy", Truncated),
        (b"\x80\x02T\xff\xff\xff\xff.", Truncated),
        (b"\x80\x02B\xff\xff\xff\x7f.", Truncated),
        (b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xff.", Truncated),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.", Truncated),
        (b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", Truncated),
    ] {
        assert_eq!(kind_of(content), expected, "{content:?}");
    }
}

#[test]
fn integers_keep_their_sign() {
    for (content, expected) in [
        (&b"\x80\x02K\xff."[..], 255),
        (b"\x80\x02M\xff\xff.", 65_535),
        (b"\x80\x02J\xff\xff\xff\xff.", -1),
        (b"\x80\x02\x8a\x00.", 0),
        (b"\x80\x02\x8a\x01\x80.", -128),
        (b"\x80\x02\x8a\x05\xff\xff\xff\xff\x00.", 0xffff_ffff),
        (b"\x80\x02\x8a\x08\0\0\0\0\0\0\0\x80.", i64::MIN),
    ] {
        assert_eq!(parse(content).unwrap().root().int().unwrap(), expected, "{content:?}");
    }
}

#[test]
fn lists_dictionaries_and_marks_follow_python() {
    let pickle = parse(b"\x80\x02(K\x01(K\x02K\x031K\x040lK\x05a.").unwrap();
    assert_eq!(pickle.root().ints().unwrap(), [1, 5]);
    let pickle = parse(b"\x80\x02(U\x01aK\x01U\x01aK\x02dU\x01bK\x03s.").unwrap();
    assert_eq!(pickle.root().field("a").unwrap().int().unwrap(), 2);
    assert_eq!(pickle.root().field("b").unwrap().int().unwrap(), 3);
    let error = pickle.root().field("c").unwrap_err();
    assert_eq!(error.to_string(), "pickle has no entry `c`");
    let ordered = b"\x80\x02ccollections\nOrderedDict\n]](U\x01aK\x01ea\x85R}U\x01xNsb.";
    assert_eq!(parse(ordered).unwrap().root().field("a").unwrap().int().unwrap(), 1);
}

#[test]
fn nesting_is_limited() {
    let nested = |open: &[u8], levels: usize, close: &[u8]| {
        [&b"\x80\x02"[..], &open.repeat(levels), &close.repeat(levels), b"."].concat()
    };
    let tuples = |levels: usize| [b"\x80\x02)", &vec![0x85; levels - 1][..], b"."].concat();
    assert!(parse(&tuples(64)).is_ok());
    for content in [tuples(65), tuples(1_000_000), nested(b"(", 100, b"t"), nested(b"(", 1_000_000, b"l")] {
        assert_eq!(kind_of(&content), PickleErrorKind::Limit);
    }
    let appended = [&b"\x80\x02"[..], &b"]".repeat(100), &b"a".repeat(99), b"."].concat();
    assert_eq!(kind_of(&appended), PickleErrorKind::Limit);
}

#[test]
fn memo_bombs_cost_nothing() {
    // Each list holds the one before ten times: 10^60 values if they were copied. A tuple of all ends it.
    let mut content = b"\x80\x02(]q\x00".to_vec();
    for level in 0..60_u8 {
        content.extend(b"](");
        content.extend([b'h', level].repeat(10));
        content.extend([b'e', b'q', level + 1]);
    }
    content.extend(b"t.");
    let pickle = parse(&content).unwrap();
    assert_eq!(pickle.root().items().unwrap().len(), 61);
    assert!(format!("{pickle:?}").len() < 200);
}

#[test]
fn values_that_contain_themselves_are_harmless() {
    // A list that holds itself; the depth limit does not see it, so it is built, shown and dropped.
    let pickle = parse(b"\x80\x02]q\x00h\x00a.").unwrap();
    assert_eq!(format!("{:?}", pickle.root()), "a list of 1");
    assert!(pickle.root().ints().is_err());
    let pickle = parse(b"\x80\x02]q\x00h\x00ah\x00h\x00a.");
    assert_eq!(pickle.unwrap_err().kind(), PickleErrorKind::Malformed);
}

#[test]
fn decoding_one_text_again_and_again_is_limited() {
    let mut content = b"\x80\x02(c_codecs\nencode\nq\x00X\xe8\x03\x00\x00".to_vec();
    content.extend([b'a'; 1000]);
    content.extend(b"q\x01X\x06\0\0\0latin1q\x02");
    content.extend(b"h\x00h\x01h\x02\x86R".repeat(1000));
    content.extend(b"t.");
    let limits = Limits { max_bytes: 100_000, ..Limits::default() };
    let error = Pickle::parse(&Bytes::from(content), CIFAR_GLOBALS, &limits).unwrap_err();
    assert_eq!(error.kind(), PickleErrorKind::Limit);
}

#[test]
fn counts_are_limited() {
    let content = Bytes::from([&b"\x80\x02("[..], &b"N\x94".repeat(100), b"t."].concat());
    for limits in [
        Limits { max_nodes: 99, ..Limits::default() },
        Limits { max_memo: 99, ..Limits::default() },
        Limits { max_bytes: 99, ..Limits::default() },
    ] {
        let error = Pickle::parse(&content, CIFAR_GLOBALS, &limits).unwrap_err();
        assert_eq!(error.kind(), PickleErrorKind::Limit, "{error}");
    }
    assert!(Pickle::parse(&content, CIFAR_GLOBALS, &Limits::default()).is_ok());
}

/// A pickle of an array with these parts.
fn array_pickle(shape: &[u8], code: &str, order: &str, columns_first: bool, data: &[u8]) -> Vec<u8> {
    let mut content = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R(K\x01".to_vec();
    content.extend(shape);
    content.extend(b"cnumpy\ndtype\n(U");
    content
        .extend([&[u8::try_from(code.len()).unwrap()], code.as_bytes(), b"K\x00K\x01tR(K\x03U\x01"].concat());
    content.extend([order.as_bytes(), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"].concat());
    content.push(if columns_first { 0x88 } else { 0x89 });
    content.extend([&b"U"[..], &[u8::try_from(data.len()).unwrap()], data, b"tb."].concat());
    content
}

#[test]
fn arrays_that_are_not_plain_are_errors() {
    let array = |content: &[u8]| numpy_array(parse(content).unwrap().root());
    let good = array_pickle(b"K\x02K\x03\x86", "i2", "<", false, &[0; 12]);
    assert_eq!(array(&good).unwrap().into_tensor().unwrap().to_vec::<i16>().unwrap(), [0; 6]);
    for (content, expected) in [
        (array_pickle(b"K\x02K\x03\x86", "i2", "<", false, &[0; 11]), "has 11 bytes, expected 12"),
        (array_pickle(b"K\x02K\x03\x86", "i2", "<", true, &[0; 12]), "columns first"),
        (array_pickle(b"K\x02K\x03\x86", "i2", ">", false, &[0; 12]), "big-endian"),
        (array_pickle(b"K\x02K\x03\x86", "O8", "|", false, &[0; 12]), "`O8`"),
        (array_pickle(b"J\xff\xff\xff\xffK\x03\x86", "i2", "<", false, &[]), "dimension 0 is -1"),
        (array_pickle(b"\x8a\x08\0\0\0\0\0\0\0\x40K\x04\x86", "u1", "|", false, &[]), "overflows"),
        (array_pickle(b"N\x85", "u1", "|", false, &[]), "expected an integer"),
        (b"\x80\x02N.".to_vec(), "holds `None`, expected an array of numpy"),
        (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R.".to_vec(), "expected an array of numpy"),
    ] {
        let message = array(&content).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

proptest::proptest! {
    #[test]
    fn changed_batches_never_panic(which in 0..5_usize, at in 0..10_000_usize, flip in 1..=255_u8) {
        let mut content = BATCHES[which].1.to_vec();
        let at = at % content.len();
        content[at] ^= flip;
        if let Ok(pickle) = parse(&content) {
            let _ = pickle.root().field("data").and_then(numpy_array);
            let _ = pickle.root().field("labels").and_then(|labels| labels.ints());
        }
    }

    #[test]
    fn random_programs_never_panic(body in proptest::collection::vec(0_u8.., 0..200)) {
        let _ = parse(&[b"\x80\x04", &body[..]].concat());
    }

    #[test]
    fn random_sequences_of_known_opcodes_never_panic(
        body in proptest::collection::vec(proptest::sample::select(b"(01NK\x00]lae)t\x85\x86\x87}dsuRbqh\x94.".to_vec()), 0..100),
    ) {
        let _ = parse(&[b"\x80\x02cnumpy\ndtype\nq\x00", &body[..]].concat());
    }
}
