//! Every legal spelling, and what is none.

use proptest::prelude::*;

use super::*;

fn scalar(text: &str) -> Result<Scalar, String> {
    let message = parse(&format!("a: {text}")).map_err(|error| error.to_string())?;
    match &message.fields[0].value {
        Value::Scalar(scalar) if message.fields.len() == 1 => Ok(scalar.clone()),
        other => Err(format!("{other:?}")),
    }
}

fn integer(magnitude: u64) -> Scalar {
    Scalar::Integer { is_negative: false, magnitude }
}

fn string(bytes: &[u8]) -> Scalar {
    Scalar::String(bytes.to_vec())
}

#[test]
fn scalars_have_many_spellings() {
    for (text, expected) in [
        ("7", integer(7)),
        ("- 7", Scalar::Integer { is_negative: true, magnitude: 7 }),
        ("0x1F", integer(31)),
        ("017", integer(15)),
        ("0", integer(0)),
        ("18446744073709551615", integer(u64::MAX)),
        ("18446744073709551616", Scalar::Float(18_446_744_073_709_551_616.0)),
        ("1.5", Scalar::Float(1.5)),
        (".5", Scalar::Float(0.5)),
        ("-2.e-1f", Scalar::Float(-0.2)),
        ("3F", Scalar::Float(3.0)),
        ("TYPE_FP32", Scalar::Word("TYPE_FP32".into())),
        ("-inf", Scalar::Word("-inf".into())),
        ("'it''s'", string(b"its")),
        ("\"a\" # more\n 'b'", string(b"ab")),
        (r#""\a\b\f\n\r\t\v\?\\\'\"""#, string(b"\x07\x08\x0c\n\r\t\x0b?\\'\"")),
        (r#""\0\101\x41\xfF\u00e4\U0001F600""#, string(b"\0AA\xff\xc3\xa4\xf0\x9f\x98\x80")),
        ("'\u{e4}'", string("\u{e4}".as_bytes())),
    ] {
        assert_eq!(scalar(text), Ok(expected), "{text}");
    }
}

#[test]
fn messages_and_lists_have_many_spellings() {
    let expected = parse("a { b: 1 } a { b: 2 }").unwrap();
    let plain = |message: &Message| {
        let value = |field: &Field| match &field.value {
            Value::Message(message) => message.fields[0].value.clone(),
            other => other.clone(),
        };
        message.fields.iter().map(|field| (field.name.clone(), value(field))).collect::<Vec<_>>()
    };
    for text in [
        "a: { b: 1 }, a: { b: 2 }",
        "a < b: 1 >; a: < b: 2; >",
        "a [{b: 1}, <b: 2>]",
        "a: [ { b: 1, }, { b: 2 } ],",
        "# one\na { # two\n b:1#three\n}\na{b:2}",
        "\u{feff}a { b: 1 }\r\na { b: 2 }",
        "a [] a { b: 1 } a { b: 2 }",
    ] {
        assert_eq!(plain(&parse(text).unwrap()), plain(&expected), "{text}");
    }
    assert_eq!(parse("a: [1, 2]").unwrap().fields.len(), 2);
    assert!(parse("").unwrap().fields.is_empty());
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, expected) in [
        ("a", "1:2: found the end, expected `:` or a message"),
        ("a 1", "1:3: found `1`, expected `:` or a message"),
        ("a:\n  }", "2:3: found `}`, expected a value"),
        ("a {", "1:4: found the end, expected a field name"),
        ("a { >", "1:5: found `>`, expected a field name"),
        ("a: [1 2]", "1:7: found `2`, expected `,` or `]`"),
        ("a: [1,", "1:7: found the end, expected a value"),
        ("a: 'x\n'", "1:4: the string has no end"),
        ("a: '\\q'", "1:6: the string has an escape that means nothing"),
        ("a: '\\777'", "1:6: the string has an escape that means nothing"),
        ("a: '\\ud800'", "1:6: the string has an escape that means nothing"),
        ("a: 08", "1:4: `08` is no number"),
        ("a: 0xg", "1:4: `0xg` is no number"),
        ("a: 1.2.3", "1:4: `1.2.3` is no number"),
        ("a: - 'x'", "1:6: found a string, expected a value"),
        ("a: $", "1:4: unexpected character '$'"),
        ("[ext]: 1", "1:1: extensions and Any values in brackets are not read"),
        ("1: 1", "1:1: found `1`, expected a field name"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    let deep = "a{".repeat(100_000);
    assert!(parse(&deep).unwrap_err().to_string().contains("nested deeper than 64"));
}

#[test]
fn fields_are_given_out_by_type() {
    let text = "s: 'x' b: true i: -3 f: 2 e: RED w { value: 9 } m { key: 'k' value: 4 } r: 1 r: 2 n { } q: [ true, 0 ] d: [ 1, 2.5 ]";
    let message = parse(text).unwrap();
    let mut fields = message.fields("Test");
    assert_eq!(fields.string("s").unwrap().as_deref(), Some("x"));
    assert_eq!(fields.bool("b").unwrap(), Some(true));
    assert_eq!(fields.integer("i").unwrap(), Some(-3));
    assert_eq!(fields.number("f").unwrap(), Some(2.0));
    assert_eq!(fields.word("e").unwrap().as_deref(), Some("RED"));
    assert_eq!(fields.wrapped_integer("w").unwrap(), Some(9));
    assert_eq!(fields.integer_map("m").unwrap(), [("k".to_owned(), 4)].into());
    assert_eq!(fields.integers("r").unwrap(), [1, 2]);
    assert_eq!(fields.bools("q").unwrap(), [true, false]);
    assert_eq!(fields.numbers("d").unwrap(), [1.0, 2.5]);
    assert_eq!(fields.string("absent").unwrap(), None);
    assert!(fields.has("n"));
    assert!(fields.finish().is_ok());
    for (text, expected) in [
        ("s: 1", "1:1: field `s` is not a string in quotes"),
        ("s: '\\xff'", "1:1: field `s` is not a string of UTF-8"),
        ("s: 'a' s: 'b'", "1:8: field `s` of Test is there twice"),
        ("s { }", "1:1: field `s` is not a string in quotes"),
        ("t: 'a'", "1:1: unknown field `t` in Test, expected `s`"),
    ] {
        let message = parse(text).unwrap();
        let mut fields = message.fields("Test");
        let error = fields.string("s").and_then(|_| fields.finish()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
    let message = parse("base_pth: 'x'").unwrap();
    let mut fields = message.fields("ModelConfig");
    let _ = (fields.string("name"), fields.string("base_path"));
    let error = fields.finish().unwrap_err();
    assert_eq!(error.problem(), "unknown field `base_pth` in ModelConfig, did you mean `base_path`?");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[a-z0-9{}<>:,;'\"\\\\.#\\[\\] \n-]{0,80}|.{0,60}") {
        let _ = parse(&text);
    }
}
