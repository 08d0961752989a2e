//! Tokens against those of Python's `tokenizers`, and files of strangers.

use serde_json::{Value, json};
use wharf_tensor::DType;
use wharf_testing::models::ENCODER_TOKENIZER;

use super::{goldens, numbers};
use crate::{TextTokenizer, TokenBatch, TokenRow};

fn tokenizer() -> TextTokenizer {
    TextTokenizer::from_json(ENCODER_TOKENIZER).unwrap()
}

fn document() -> Value {
    serde_json::from_slice(ENCODER_TOKENIZER).unwrap()
}

/// A vocabulary of whole words, in which the names of control tokens are words like others.
fn words() -> Value {
    let special = |id: u32, name: &str| {
        json!({"id": id, "content": name, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    json!({"version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [special(0, "<pad>"), special(1, "</s>"), special(2, "<unk>")],
        "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"<pad>": 0, "</s>": 1, "<unk>": 2, "a": 3}, "unk_token": "<unk>"}})
}

fn read(document: &Value) -> Result<TextTokenizer, String> {
    TextTokenizer::from_json(document.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn texts_and_pairs_have_the_tokens_of_the_reference() {
    let (tokenizer, goldens) = (tokenizer(), goldens());
    for golden in goldens["texts"].as_array().unwrap() {
        let row = tokenizer.encode(golden["text"].as_str().unwrap(), true).unwrap();
        assert_eq!(row, TokenRow::of_ids(numbers(&golden["ids"])), "{golden}");
    }
    for golden in goldens["pairs"].as_array().unwrap() {
        let text = |name: &str| golden[name].as_str().unwrap();
        let row = tokenizer.encode_pair(text("first"), text("second")).unwrap();
        let expected = TokenRow { ids: numbers(&golden["ids"]), types: numbers(&golden["types"]) };
        assert_eq!(row, expected, "{golden}");
    }
}

#[test]
fn lengths_in_the_file_are_left_out() {
    // It says: cut to 4, fill up to 128.
    let row = tokenizer().encode("the cat sits on the mouse and eats", true).unwrap();
    assert_eq!(row.len(), 10);
    assert_eq!(tokenizer().encode("the cat", false).unwrap().len(), 2);
}

#[test]
fn what_callers_write_is_no_control_token() {
    let tokenizer = read(&words()).unwrap();
    assert_eq!(tokenizer.encode("a </s> <pad>", true).unwrap().ids, [3, 2, 2]);
    // Where nothing stands for the unknown, it is refused.
    let mut without = words();
    without["added_tokens"].as_array_mut().unwrap().pop();
    without["model"]["vocab"] = json!({"<pad>": 0, "</s>": 1, "a": 2});
    without["model"]["unk_token"] = json!("a");
    let error = read(&without).unwrap().encode("a </s>", true).unwrap_err();
    assert!(error.to_string().contains("name of a control token"), "{error}");
}

#[test]
fn pieces_make_up_the_text() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode("The singers sing.", true).unwrap().ids;
    assert_eq!(tokenizer.pieces(&ids, false).concat(), "the singers sing .");
    let shown = tokenizer.pieces(&ids, true);
    assert_eq!((shown.first().unwrap().as_str(), shown.last().unwrap().as_str()), ("[CLS]", "[SEP]"));
    assert_eq!(shown.len(), ids.len());
    assert_eq!(tokenizer.pieces(&[u32::MAX], true), [""]);
}

#[test]
fn roles_of_control_tokens_are_known() {
    let tokenizer = tokenizer();
    let roles: Vec<_> = tokenizer.special_tokens().into_iter().collect();
    let expected =
        [("cls", "[CLS]"), ("mask", "[MASK]"), ("pad", "[PAD]"), ("sep", "[SEP]"), ("unk", "[UNK]")];
    assert_eq!(roles, expected.map(|(role, name)| (role.to_owned(), name.to_owned())));
    assert_eq!((tokenizer.pad(), tokenizer.control_texts().len()), (0, 4));
    assert_eq!(read(&words()).unwrap().pad(), 0);
}

#[test]
fn files_that_are_no_good_are_errors() {
    let with = |change: fn(&mut Value)| {
        let mut document = document();
        change(&mut document);
        document
    };
    for (document, expected) in [
        (with(|it| it["model"]["vocab"]["the"] = json!(-1)), "is no tokenizer"),
        (with(|it| it["model"]["vocab"]["the"] = json!(4_294_967_296_u64)), "is no tokenizer"),
        (
            with(|it| it["model"]["vocab"]["the"] = json!(2_147_483_648_u64)),
            "id 2147483648, expected at most",
        ),
        (with(|it| it["padding"]["pad_id"] = json!(3_000_000_000_u64)), "id 3000000000, expected at most"),
        (with(|it| (it["model"]["vocab"], it["added_tokens"]) = (json!({}), json!([]))), "is no tokenizer"),
        (
            with(|it| it["model"] = json!({"type": "Unigram", "unk_id": 9, "vocab": [["a", 0.0]]})),
            "is no tokenizer",
        ),
        (
            with(|it| it["pre_tokenizer"] = json!({"type": "Split", "pattern": {"Regex": "(("}})),
            "is no tokenizer",
        ),
        (json!({}), "is no tokenizer"),
        (json!([]), "is no tokenizer"),
        (json!("x"), "is no tokenizer"),
    ] {
        match read(&document) {
            Err(error) => assert!(error.contains(expected), "{error}"),
            Ok(tokenizer) => panic!("{expected}: {tokenizer:?}"),
        }
    }
    for cut in (0..ENCODER_TOKENIZER.len() - 1).step_by(97) {
        assert!(TextTokenizer::from_json(&ENCODER_TOKENIZER[..cut]).is_err(), "cut to {cut}");
    }
    let mut nested = b"[".repeat(1 << 20);
    assert!(TextTokenizer::from_json(&nested).is_err());
    nested.extend(b"]".repeat(1 << 20));
    assert!(TextTokenizer::from_json(&nested).is_err());
}

#[test]
fn rows_are_filled_up_to_one_length() {
    let rows = [TokenRow { ids: vec![5, 6, 7], types: vec![0, 1, 1] }, TokenRow::of_ids(vec![8])];
    for (dtype, tokens, expected) in [(DType::I64, 0, 3), (DType::I32, 2, 3), (DType::I64, 4, 4)] {
        let batch = TokenBatch::new(&rows, tokens, 9, dtype).unwrap();
        assert_eq!((batch.ids.dtype(), batch.ids.shape().dims()), (dtype, &[2, expected][..]));
    }
    let batch = TokenBatch::new(&rows, 0, 9, DType::I64).unwrap();
    assert_eq!(batch.ids.to_vec::<i64>().unwrap(), [5, 6, 7, 8, 9, 9]);
    assert_eq!(batch.mask.to_vec::<i64>().unwrap(), [1, 1, 1, 1, 0, 0]);
    assert_eq!(batch.types.to_vec::<i64>().unwrap(), [0, 1, 1, 0, 0, 0]);
}
