//! From a constraint to a grammar, within bounds of size and time, and a cache of what was compiled.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};
use wharf_infer::ServiceError;
use wharf_infer::language::Constraint;

use super::cache::GrammarCache;
use super::state::{CompiledConstraint, Trigger};
use super::vocabulary::token_env;
use super::{regex, schema};
use crate::SharedVocabulary;
use crate::scheduler::ConstraintConfig;

/// Fuel for building a grammar's automata; at 50,000 in a millisecond this is some ten of those.
const LEXER_FUEL: u64 = 500_000;

/// Bytes of stack for a compilation: thousands of optional properties take some tens of MiB.
const DEEP_STACK: usize = 256 << 20;

/// Compiles constraints; any thread may use it.
pub(crate) struct Compiler {
    vocabulary: SharedVocabulary,
    config: ConstraintConfig,
    /// Made when the first constraint comes: it takes a look at every token.
    factory: Mutex<Option<Arc<ParserFactory>>>,
    cache: Mutex<GrammarCache>,
}

impl Compiler {
    pub(crate) fn new(vocabulary: SharedVocabulary, config: ConstraintConfig) -> Self {
        let cache = Mutex::new(GrammarCache::new(config.cache_bytes));
        Self { vocabulary, config, factory: Mutex::new(None), cache }
    }

    /// # Errors
    /// The constraint is wrong, not supported or too large; the message says where.
    pub(crate) fn compile(
        &self,
        constraint: &Constraint,
        caller: &str,
    ) -> Result<CompiledConstraint, ServiceError> {
        let factory = self.factory()?;
        let Constraint::Triggered(triggers) = constraint else {
            return Ok(CompiledConstraint::Bound(Box::new(self.matcher(&factory, constraint, caller)?)));
        };
        if triggers.is_empty() || triggers.iter().any(|(text, _)| text.is_empty()) {
            return Err(refused("`triggers` must not be empty, nor may their texts be"));
        }
        if triggers.iter().any(|(_, inner)| matches!(**inner, Constraint::Triggered(_))) {
            return Err(refused("a trigger must not lead to more triggers"));
        }
        let compiled: Result<Vec<Trigger>, ServiceError> = triggers
            .iter()
            .map(|(text, inner)| {
                Ok(Trigger { text: text.clone(), matcher: self.matcher(&factory, inner, caller)? })
            })
            .collect();
        Ok(CompiledConstraint::Triggered(compiled?.into()))
    }

    fn factory(&self) -> Result<Arc<ParserFactory>, ServiceError> {
        let mut factory = self.factory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(factory) = &*factory {
            return Ok(factory.clone());
        }
        let env = token_env(&self.vocabulary)
            .ok_or_else(|| refused("this model has no end token, which constrained answers need"))?;
        let mut made = ParserFactory::new_simple(&env)
            .map_err(|error| ServiceError::internal("constraints are out of order", error))?;
        made.quiet();
        let limits = made.limits_mut();
        limits.verbose_errors = false;
        limits.initial_lexer_fuel = LEXER_FUEL;
        limits.precompute_large_lexemes = false;
        limits.max_grammar_size = self.config.grammar_size;
        Ok(factory.insert(Arc::new(made)).clone())
    }

    /// A matcher at its beginning, compiled or from the cache.
    fn matcher(
        &self,
        factory: &ParserFactory,
        constraint: &Constraint,
        caller: &str,
    ) -> Result<Matcher, ServiceError> {
        let source = Source::of(constraint);
        if source.text.len() > self.config.source_bytes {
            let (bytes, most) = (source.text.len(), self.config.source_bytes);
            return Err(refused(&format!("the {} has {bytes} bytes, expected at most {most}", source.kind)));
        }
        let key = (caller.to_owned(), source.kind, source.text);
        if let Some(matcher) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(matcher);
        }
        let matcher = on_deep_stack(|| build(factory, key.1, &key.2))?.map_err(|why| refused(&why))?;
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(key, matcher.clone());
        Ok(matcher)
    }
}

fn refused(why: &str) -> ServiceError {
    ServiceError::invalid_argument(why)
}

/// What a constraint is compiled from.
struct Source {
    kind: &'static str,
    text: String,
}

impl Source {
    fn of(constraint: &Constraint) -> Self {
        let (kind, text) = match constraint {
            Constraint::JsonSchema(schema) => ("schema", schema.clone()),
            Constraint::JsonObject => ("schema", json!({"type": "object"}).to_string()),
            Constraint::Regex(regex) => ("regular expression", regex.clone()),
            Constraint::Choice(choices) => ("choice", choices.join("\0")),
            Constraint::Grammar(grammar) => ("grammar", grammar.clone()),
            // Compiled trigger by trigger, never as a whole.
            Constraint::Triggered(_) => ("trigger", String::new()),
        };
        Self { kind, text }
    }
}

/// Builds a matcher; the error is for the caller.
fn build(factory: &ParserFactory, kind: &str, text: &str) -> Result<Matcher, String> {
    match kind {
        "schema" => {
            let schema = schema::parse(text)?;
            let of_schema = |part: &Value| TopLevelGrammar::from_json_schema(schema::compact(part.clone()));
            start(factory, of_schema(&schema)).map_err(|why| {
                schema::locate(&schema, &why, &mut |part| start(factory, of_schema(part)).err())
            })
        }
        "regular expression" => regex::check(text)
            .and_then(|()| start(factory, TopLevelGrammar::from_regex(text)))
            .map_err(|why| format!("regular expression: {why}")),
        "choice" => {
            if text.split('\0').any(str::is_empty) {
                return Err("a choice must not be empty".to_owned());
            }
            let escaped: Vec<String> = text.split('\0').map(escape).collect();
            start(factory, TopLevelGrammar::from_regex(&escaped.join("|")))
                .map_err(|why| format!("choice: {why}"))
        }
        "grammar" => schema::check_within(text)
            .and_then(|()| start(factory, TopLevelGrammar::from_lark(text.to_owned())))
            .map_err(|why| format!("grammar: {why}")),
        _ => Err("a trigger must not lead to more triggers".to_owned()),
    }
}

/// Runs what goes as deep as the source it works on, on a stack that is deep enough; pages are taken as they are used.
fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, ServiceError> {
    let failed = |what: &str| ServiceError::internal("the constraint could not be compiled", what);
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("llm-compile".to_owned()).stack_size(DEEP_STACK);
        let thread = builder.spawn_scoped(scope, work).map_err(|error| failed(&error.to_string()))?;
        thread.join().map_err(|_| failed("it panicked"))
    })
}

/// A text as a regular expression that matches just it.
fn escape(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || !c.is_ascii() || c.is_ascii_control() || c == ' ';
    text.chars().flat_map(|c| [(!is_plain(c)).then_some('\\'), Some(c)]).flatten().collect()
}

/// Compiles a grammar. What a hostile one makes the compiler trip over is an error of that grammar.
fn start(factory: &ParserFactory, grammar: TopLevelGrammar) -> Result<Matcher, String> {
    let made = catch_unwind(AssertUnwindSafe(|| Matcher::new(factory.create_parser(grammar))));
    let mut matcher = made.map_err(|_| "it cannot be compiled".to_owned())?;
    if let Some(error) = matcher.get_error() {
        return Err(first_line(&error));
    }
    // What only shows with the first mask shows here rather than in the middle of an answer.
    match matcher.compute_mask() {
        Ok(_) => Ok(matcher),
        Err(error) => Err(first_line(&error.to_string())),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}
