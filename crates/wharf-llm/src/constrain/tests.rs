use wharf_infer::ErrorCode;
use wharf_infer::language::{Constraint, Finish};

use super::Compiler;
use super::cache::GrammarCache;
use crate::scheduler::tests::fake::{FakeDecoder, FakeVocabulary};
use crate::scheduler::tests::{Bench, greedy, prompt};
use crate::scheduler::{ConstraintConfig, SchedulerConfig};

/// What a model that knows nothing writes under a constraint, for several seeds.
fn answers(constraint: &Constraint) -> Vec<(String, Option<Finish>)> {
    let mut bench = Bench::new(FakeDecoder::new(4096, 8, 128), SchedulerConfig::default());
    let ask = |seed: u32, bench: &mut Bench| {
        let mut request = greedy(&prompt(seed, 12), 300);
        request.constraint = Some(constraint.clone());
        request.sampling.temperature = if seed.is_multiple_of(2) { 0.0 } else { 1.0 };
        request.logprobs = seed.is_multiple_of(3).then_some(2);
        let events = bench.run(request);
        assert!(events.failure().is_none(), "{:?}", events.failure());
        let outcome = events.outcome(0);
        (outcome.text, outcome.finish)
    };
    (0..8).map(|seed| ask(seed, &mut bench)).collect()
}

fn refusal(constraint: Constraint) -> String {
    let compiler = Compiler::new(FakeVocabulary::shared(), ConstraintConfig::default());
    let error = compiler.compile(&constraint, "caller").map(|_| ()).expect_err(&format!("{constraint:?}"));
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    error.message().to_owned()
}

#[test]
fn schemas_hold_from_the_first_token_to_the_last() {
    let schema = r#"{"type": "object", "additionalProperties": false, "required": ["kind", "n"],
        "properties": {"kind": {"enum": ["one", "two"]}, "n": {"type": "integer", "minimum": 0, "maximum": 99}}}"#;
    for (text, finish) in answers(&Constraint::JsonSchema(schema.to_owned())) {
        let value: serde_json::Value = serde_json::from_str(&text).expect(&text);
        assert!(["one", "two"].contains(&value["kind"].as_str().unwrap()), "{text}");
        assert!(value["n"].as_u64().unwrap() < 100 && value.as_object().unwrap().len() == 2, "{text}");
        assert_eq!(finish, Some(Finish::End));
    }
}

#[test]
fn choices_and_expressions_hold() {
    let choices = ["yes", "no (really)", "a|b"].map(str::to_owned).to_vec();
    for (text, _) in answers(&Constraint::Choice(choices.clone())) {
        assert!(choices.contains(&text), "{text}");
    }
    for (text, _) in answers(&Constraint::Regex("[a-c]{3}-[0-9]+/x".to_owned())) {
        let (letters, rest) = text.split_at(4);
        assert!(
            letters.ends_with('-') && letters.bytes().take(3).all(|b| (b'a'..=b'c').contains(&b)),
            "{text}"
        );
        // An answer may be cut off by its length, but is the beginning of a match in any case.
        assert!(rest.trim_end_matches("/x").bytes().all(|b| b.is_ascii_digit() || b == b'/'), "{text}");
    }
    let grammar = "start: \"<\" inner \">\"\ninner: /[0-9]{2}/ | \"(\" inner \")\"";
    for (text, finish) in answers(&Constraint::Grammar(grammar.to_owned())) {
        if finish == Some(Finish::End) {
            assert!(text.starts_with('<') && text.ends_with('>'), "{text}");
        }
    }
}

#[test]
fn text_is_free_until_a_trigger() {
    let inner = Constraint::JsonSchema(
        r#"{"type": "object", "properties": {"a": {"type": "boolean"}},
        "required": ["a"], "additionalProperties": false}"#
            .to_owned(),
    );
    // Every tenth letter or so is a trigger, and "call(" is a token that goes on after one.
    let triggers = ["a", "e", "ca"].map(|text| (text.to_owned(), Box::new(inner.clone()))).to_vec();
    let mut triggered = 0;
    for (text, finish) in answers(&Constraint::Triggered(triggers)) {
        let Some(place) = text.find(['a', 'e']) else { continue };
        let (_, document) = text.split_at(place + 1);
        assert!(["{\"a\":true}", "{\"a\":false}"].contains(&document), "{text:?}");
        assert_eq!(finish, Some(Finish::End));
        triggered += 1;
    }
    assert!(triggered > 2, "{triggered} of 8");
}

#[test]
fn forced_tokens_take_no_pass_of_their_own() {
    let decoder = FakeDecoder::new(4096, 8, 128);
    let watch = decoder.watch.clone();
    let mut bench = Bench::new(decoder, SchedulerConfig::default());
    let mut request = greedy(&prompt(1, 10), 200);
    request.constraint = Some(Constraint::Choice(vec!["a rather long answer without any choice".to_owned()]));
    let events = bench.run(request);
    assert_eq!(events.outcome(0).text, "a rather long answer without any choice");
    assert!(watch.lock().unwrap().batches.len() <= 3);
    assert!(bench.scheduler.handle().metrics().forced_tokens > 30);
}

#[test]
fn what_a_schema_cannot_have_is_named_with_its_place() {
    let values: Vec<String> = (0..60_000).map(|n| n.to_string()).collect();
    let flood = serde_json::json!({"items": {"enum": values}}).to_string();
    let cases = [
        (r#"{"properties": {"a": {"not": {}}}}"#, "`$.properties.a`", "`not`"),
        (r#"{"items": {"anyOf": [{}, {"uniqueItems": true}]}}"#, "`$.items.anyOf[1]`", "`uniqueItems`"),
        (
            r#"{"properties": {"a": {"type": "object", "properties": {"b": {"type": "text"}}}}}"#,
            "`$.properties.a.properties.b`",
            "`type`",
        ),
        (r#"{"properties": {"a": {"type": "string", "pattern": "("}}}"#, "`$.properties.a`", "`pattern`"),
        (r#"{"type": "array", "minItems": 1000000000}"#, "`$`", "`minItems`"),
        (r#"{"type": "string", "maxLength": -1}"#, "`$`", "`maxLength`"),
        (r#"{"$ref": "https://example.com/schema"}"#, "`$`", "`$ref`"),
        (r#"{"$ref": "file:///etc/passwd"}"#, "`$`", "`$ref`"),
        (r#"{"properties": {"a": {"x-guidance": {"lenient": true}}}}"#, "`$.properties.a`", "`x-guidance`"),
        (&flood, "`$.items`", "`enum`"),
        (r#"{"properties": {"a": 3}}"#, "`$.properties.a`", "boolean"),
    ];
    for (schema, place, keyword) in cases {
        let message = refusal(Constraint::JsonSchema(schema.to_owned()));
        assert!(message.contains(place) && message.contains(keyword), "{schema}: {message}");
    }
}

#[test]
fn schemas_within_grammars_are_bounded_too() {
    let values: Vec<String> = (0..60_000).map(|n| n.to_string()).collect();
    let flood = serde_json::json!({"properties": {"a": {"enum": values}}, "x-guidance": {}}).to_string();
    for (schema, place, keyword) in [
        (flood.as_str(), "`$.properties.a`", "`enum`"),
        (r#"{"type": "array", "minItems": 1000000000}"#, "`$`", "`minItems`"),
        (r#"{"$ref": "https://example.com/schema"}"#, "`$`", "`$ref`"),
    ] {
        let first = r#"{"type": "object"}"#;
        let message =
            refusal(Constraint::Grammar(format!("start: a | b\na: %json {first}\nb: %json {schema}")));
        assert!(message.contains(place) && message.contains(keyword), "{message}");
    }
}

#[test]
fn hostile_constraints_are_refused_or_harmless() {
    let deep = format!("{}{}{}", r#"{"items":"#.repeat(1000), "{}", "}".repeat(1000));
    let properties = |count: usize| {
        let properties: Vec<String> = (0..count).map(|n| format!("\"p{n}\": {{}}")).collect();
        format!("{{\"properties\": {{{}}}}}", properties.join(","))
    };
    let refused = [
        Constraint::JsonSchema(deep),
        Constraint::JsonSchema(properties(10_000)),
        Constraint::JsonSchema("{".to_owned()),
        Constraint::JsonSchema(" ".repeat(2 << 20)),
        Constraint::Regex("(a".to_owned()),
        Constraint::Regex("(?=a)b".to_owned()),
        Constraint::Regex("x".repeat(2 << 20)),
        Constraint::Regex("(a{1000}){1000}{1000}".to_owned()),
        Constraint::Grammar("start: missing".to_owned()),
        Constraint::Grammar(String::new()),
        Constraint::Choice(vec![]),
        Constraint::Choice(vec![String::new()]),
        Constraint::Triggered(vec![]),
        Constraint::Triggered(vec![("x".to_owned(), Box::new(Constraint::Triggered(vec![])))]),
    ];
    for constraint in refused {
        assert!(!refusal(constraint).is_empty());
    }
    let compiler = Compiler::new(FakeVocabulary::shared(), ConstraintConfig::default());
    let harmless = [
        Constraint::JsonSchema(r##"{"$ref": "#"}"##.to_owned()),
        Constraint::JsonSchema(r##"{"properties": {"next": {"$ref": "#"}}}"##.to_owned()),
        Constraint::Regex("(a+)+b".to_owned()),
        Constraint::Grammar("start: /(a|b)*a(a|b){20}/".to_owned()),
        Constraint::JsonSchema(properties(4_000)),
        Constraint::JsonSchema(
            r#"{"type":"string","minLength":10000,"pattern":"(a|b)*a(a|b){14}"}"#.to_owned(),
        ),
    ];
    for constraint in harmless {
        drop(compiler.compile(&constraint, "caller"));
    }
}

#[test]
fn the_cache_holds_no_more_bytes_than_it_may() {
    let compiler = Compiler::new(FakeVocabulary::shared(), ConstraintConfig::default());
    let matcher = || match compiler.compile(&Constraint::Regex("a".to_owned()), "").unwrap() {
        super::CompiledConstraint::Bound(matcher) => *matcher,
        super::CompiledConstraint::Triggered(_) => panic!("no trigger was asked for"),
    };
    let mut cache = GrammarCache::new(1 << 20);
    for index in 0..200 {
        cache.insert((String::new(), "grammar", index.to_string()), matcher());
        assert!(cache.get(&(String::new(), "grammar", "0".to_owned())).is_some(), "it is in use");
        assert!(cache.bytes() <= 1 << 20);
    }
    assert!(cache.get(&(String::new(), "grammar", "1".to_owned())).is_none());
}
