use bytes::Bytes;
use proptest::prelude::*;
use wharf_tensor::{DType, Tensor};

use super::*;

fn body(text: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(text.as_ref())
}

fn read(dtype: DType, text: impl AsRef<[u8]>) -> Result<Tensor, String> {
    let body = body(text);
    let mut buffer = Buffer::new(dtype).map_err(|error| error.to_string())?;
    let shape = buffer.read_item(&mut Scanner::new(&body)).map_err(|error| error.to_string())?;
    buffer.into_tensor(shape.dims()).map_err(|error| error.to_string())
}

fn written<T: Decimal>(value: T) -> String {
    let mut out = Vec::new();
    write_decimal(&mut out, value);
    String::from_utf8(out).unwrap()
}

#[test]
fn nested_lists_become_shape_and_elements() {
    for (text, dims, values) in [
        ("7", vec![], vec![7_u8]),
        ("[]", vec![0], vec![]),
        ("[[], []]", vec![2, 0], vec![]),
        (" [ 1 ,2\n,\t255 ] trailing", vec![3], vec![1, 2, 255]),
        ("[[[1],[2]],[[3],[4]],[[5],[6]]]", vec![3, 2, 1], vec![1, 2, 3, 4, 5, 6]),
    ] {
        let tensor = read(DType::U8, text).unwrap();
        assert_eq!((tensor.shape().dims(), tensor.to_vec::<u8>().unwrap()), (&dims[..], values), "{text}");
    }
}

#[test]
fn lists_that_do_not_fit_are_refused_in_the_words_of_the_wire() {
    for (dtype, text, message) in [
        (DType::F32, "[[1, 2], [3]]", "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
        (DType::F32, "[[1], [[2]]]", "Encountered list at unexpected level: 2 expected < 2"),
        (
            DType::F32,
            "[[1], 2]",
            "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        (DType::F32, "[[], [1]]", "Encountered list at unexpected size: 1 at level: 1 expected size: 0"),
        (DType::F32, r#"["x"]"#, r#"JSON Value: "x" Type: String is not of expected type: float"#),
        (DType::I32, "[1.5]", "JSON Value: 1.5 Type: Number is not of expected type: int32"),
        (DType::I32, "[2147483648]", "JSON Value: 2147483648 Type: Number is not of expected type: int32"),
        (DType::U8, "[256]", "JSON Value: 256 Type: Number is not of expected type: uint8"),
        (DType::U8, "[-1]", "JSON Value: -1 Type: Number is not of expected type: uint8"),
        (
            DType::U64,
            "18446744073709551616",
            "JSON Value: 18446744073709551616 Type: Number is not of expected type: uint64",
        ),
        (
            DType::I64,
            "-9223372036854775809",
            "JSON Value: -9223372036854775809 Type: Number is not of expected type: int64",
        ),
        (DType::Bool, "[1]", "JSON Value: 1 Type: Number is not of expected type: bool"),
        (DType::Bool, "[null]", "JSON Value: null Type: Null is not of expected type: bool"),
        (
            DType::F32,
            r#"{"b64":"AA=="}"#,
            r#"JSON Value: {"b64":"AA=="} Type: Object is not of expected type: float"#,
        ),
        (DType::String, "[1]", "JSON Value: 1 Type: Number is not of expected type: string"),
        (DType::String, r#"{"b64":1}"#, r#"JSON Value: {"b64":1} not formatted correctly for base64 data"#),
        (
            DType::String,
            r#"{"b64":"QQ==","x":1}"#,
            r#"JSON Value: {"b64":"QQ==","x":1} not formatted correctly for base64 data"#,
        ),
        (DType::String, r#"{"b64":"!"}"#, "Unable to base64 decode"),
        (DType::F32, "16777216", "Cannot convert JSON value: 16777216 to float without loss of precision."),
        (DType::F32, "1e39", "Cannot convert JSON value: 1e39 to float without loss of precision."),
        (DType::F16, "1", "Conversion of JSON Value to type: half"),
    ] {
        assert_eq!(read(dtype, text).unwrap_err(), message, "{text}");
    }
}

#[test]
fn broken_text_is_refused_with_its_offset() {
    for (text, message) in [
        ("[1 2]", "Missing a comma or ] after an array element. at offset: 3"),
        ("[1,]", "Invalid value. at offset: 3"),
        ("[01]", "Missing a comma or ] after an array element. at offset: 2"),
        ("[1", "Missing a comma or ] after an array element. at offset: 2"),
        ("[-]", "Invalid value. at offset: 1"),
        ("[1.]", "Miss fraction part in number. at offset: 3"),
        ("[1e]", "Miss exponent in number. at offset: 3"),
        ("[1e999]", "Number too big to be stored in double. at offset: 1"),
        ("[nul]", "Invalid value. at offset: 1"),
        ("[\"a", "Missing a closing quotation mark in string. at offset: 2"),
        ("[\"\\x\"]", "Invalid escape character in string. at offset: 2"),
        ("[\"\\ud800\"]", "The surrogate pair in string is invalid. at offset: 8"),
        ("[\"\\udc00\"]", "The surrogate pair in string is invalid. at offset: 8"),
        ("[\"a\u{1}\"]", "Invalid encoding in string. at offset: 2"),
        ("[\"a\0\"]", "Invalid encoding in string. at offset: 2"),
        ("\u{feff}[1]", "Invalid value. at offset: 0"),
        ("", "Invalid value. at offset: 0"),
    ] {
        let dtype = if text.contains('"') { DType::String } else { DType::F64 };
        let expected = format!("JSON Parse error: {message}");
        assert_eq!(read(dtype, text).unwrap_err(), expected, "{text}");
    }
    assert!(read(DType::String, b"\"\xff\"").unwrap_err().contains("Invalid encoding"));
}

#[test]
fn named_numbers_and_extremes_are_read() {
    let tensor = read(
        DType::F64,
        "[NaN, Infinity, -Infinity, Inf, -0, -0.0, 1e308, 4.9e-324, 0.1, 123456789012345678901234567890, 1E+2]",
    )
    .unwrap();
    let values = tensor.to_vec::<f64>().unwrap();
    assert!(values[0].is_nan());
    assert_eq!(&values[1..4], [f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY]);
    assert!(values[4].is_sign_negative() && values[5].is_sign_negative());
    assert_eq!(&values[6..], [1e308, 4.9e-324, 0.1, 123456789012345678901234567890.0, 100.0]);
    assert_eq!(read(DType::U64, "18446744073709551615").unwrap().to_vec::<u64>().unwrap(), [u64::MAX]);
    assert_eq!(read(DType::I64, "-9223372036854775808").unwrap().to_vec::<i64>().unwrap(), [i64::MIN]);
    let digits = format!("{}.5", "9".repeat(400));
    assert!(read(DType::F64, digits).unwrap_err().contains("Number too big"));
}

#[test]
fn strings_are_unescaped_and_base64_is_decoded() {
    let text =
        r#"["plain", "a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000", {"b64": "\/w=="}, { "b64" : "AAE" }, ""]"#;
    let tensor = read(DType::String, text).unwrap();
    let expected: [&[u8]; 5] =
        [b"plain", "a\"\\/\u{8}\u{c}\n\r\té😀\0".as_bytes(), b"\xff", b"\x00\x01", b""];
    assert_eq!(tensor.strings().unwrap(), expected);
}

#[test]
fn known_fields_refuse_depth_and_unknown_ones_ignore_it() {
    let deep = "[".repeat(500_000);
    assert_eq!(read(DType::F32, &deep).unwrap_err(), "JSON list is nested deeper than 16 levels");
    let closed = format!("{deep}{}", "]".repeat(500_000));
    let body = body(closed);
    let mut scanner = Scanner::new(&body);
    scanner.skip_value().unwrap();
    assert_eq!(scanner.offset(), 1_000_000);
    scanner.rewind(0);
    scanner.leap_value().unwrap();
    assert_eq!(scanner.offset(), 1_000_000);
}

#[test]
fn skipping_finds_what_is_wrong() {
    for (text, good) in [
        (r#"{"a":[1,{"b":null}],"c":"]","d":{}}"#, true),
        ("[true,false,null,NaN,-1.5e3]", true),
        ("[1}", false),
        (r#"{"a" 1}"#, false),
        ("{1:2}", false),
        (r#"{"a":1,}"#, false),
        ("[tru]", false),
        ("[[1]", false),
    ] {
        let body = body(text);
        assert_eq!(Scanner::new(&body).skip_value().is_ok(), good, "{text}");
    }
}

#[test]
fn floats_are_written_as_the_reference_writes_them() {
    for (value, text) in [
        (0.2_f32, "0.2"),
        (1.0, "1.0"),
        (-2.5, "-2.5"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1e6, "1e+06"),
        (9_000_000.0, "9e+06"),
        (123_456.0, "123456.0"),
        (1_234_567.0, "1234567.0"),
        (0.000_03, "3e-05"),
        (0.0001, "0.0001"),
        (1.0 / 3.0, "0.333333343"),
        (16_777_216.0, "16777216.0"),
        (1_048_576.1, "1048576.12"),
        (3.402_823_5e38, "3.40282347e+38"),
        (1.0e-45, "1.4013e-45"),
        (f32::MIN_POSITIVE, "1.17549435e-38"),
        (f32::NAN, "NaN"),
        (f32::INFINITY, "Infinity"),
        (f32::NEG_INFINITY, "-Infinity"),
    ] {
        assert_eq!(written(value), text);
    }
    for (value, text) in [
        (0.1_f64, "0.1"),
        (1.0 / 3.0, "0.33333333333333331"),
        (16_777_217.0, "16777217.0"),
        (1e22, "1e+22"),
        (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
        (5e-324, "4.94066e-324"),
    ] {
        assert_eq!(written(value), text);
    }
}

/// `%.{precision}g` by the standard formatter alone.
fn percent_g(value: f64, exact: &str) -> String {
    let (digits, exponent) = exact.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let precision = digits.len() as i32;
    let digits = digits.trim_end_matches('0');
    let sign = if value < 0.0 { "-" } else { "" };
    if exponent < -4 || exponent >= precision {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign_of_exponent = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}{point}{rest}e{sign_of_exponent}{:02}", exponent.abs());
    }
    let places = (precision - 1 - exponent) as usize;
    let fixed = format!("{value:.places$}");
    let fixed = if places > 0 { fixed.trim_end_matches('0').trim_end_matches('.') } else { &fixed };
    fixed.to_owned()
}

fn reference_f32(value: f32) -> String {
    let six = percent_g(f64::from(value), &format!("{value:.5e}"));
    let text =
        if six.parse() == Ok(value) { six } else { percent_g(f64::from(value), &format!("{value:.8e}")) };
    if text.contains(['.', 'e']) { text } else { text + ".0" }
}

proptest! {
    #[test]
    fn every_float_is_written_as_printf_would(bits in any::<u32>()) {
        let value = f32::from_bits(bits);
        prop_assume!(value.is_finite() && value != 0.0);
        prop_assert_eq!(written(value), reference_f32(value));
    }

    #[test]
    fn probabilities_are_written_as_printf_would(value in 1e-12_f32..1.0, digits in 1_usize..9) {
        prop_assert_eq!(written(value), reference_f32(value));
        let rounded: f32 = format!("{value:.digits$}").parse().unwrap();
        prop_assume!(rounded != 0.0);
        prop_assert_eq!(written(rounded), reference_f32(rounded));
    }

    #[test]
    fn doubles_read_back(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        prop_assert_eq!(written(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
    }

    #[test]
    fn numbers_read_as_the_standard_parser_reads_them(value in any::<f64>(), digits in 0_usize..20) {
        prop_assume!(value.is_finite());
        for text in [format!("{value}"), format!("{value:e}"), format!("{value:.digits$e}")] {
            let expected: f64 = text.parse().unwrap();
            prop_assume!(expected.is_finite());
            let body = body(&text);
            let number = Scanner::new(&body).number().unwrap();
            prop_assert_eq!(number.to_f64().to_bits(), expected.to_bits(), "{}", text);
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in "[\\[\\]{}\",:0-9eE+.NaInfty\\\\ub64 -]{0,60}") {
        let body = body(&text);
        for dtype in [DType::F32, DType::U8, DType::String, DType::Bool] {
            let _ = read(dtype, &text);
        }
        let skipped = Scanner::new(&body).skip_value().is_ok();
        let mut leaping = Scanner::new(&body);
        leaping.skip_whitespace();
        if skipped {
            prop_assert!(leaping.leap_value().is_ok());
        }
    }

    #[test]
    fn leaping_ends_where_skipping_ends(value in json_text()) {
        let body = body(value + ", 1");
        let (mut skipping, mut leaping) = (Scanner::new(&body), Scanner::new(&body));
        skipping.skip_value().unwrap();
        leaping.leap_value().unwrap();
        prop_assert_eq!(skipping.offset(), leaping.offset());
    }

    #[test]
    fn strings_round_trip(text in any::<String>()) {
        let mut out = Vec::new();
        write_string(&mut out, text.as_bytes());
        prop_assert_eq!(&serde_json::from_slice::<String>(&out).unwrap(), &text);
        let tensor = read(DType::String, &out).unwrap();
        prop_assert_eq!(&tensor.strings().unwrap()[0][..], text.as_bytes());
    }
}

fn json_text() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(|value| value.to_string()),
        Just("null".to_owned()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(6, 200, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(|items| format!("[{}]", items.join(", "))),
            prop::collection::vec(inner, 0..12).prop_map(|items| {
                let members: Vec<String> =
                    items.iter().enumerate().map(|(index, item)| format!("\"k{index}\": {item}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}
