//! Bounds on regular expressions.

use regex_syntax::hir::{Hir, HirKind};

/// How large an expression may be with all its repetitions written out.
const MOST_PARTS: u64 = 50_000;

/// Checks an expression before anything is built of it.
///
/// # Errors
/// It is none, or too large when its repetitions are written out; the text is for the caller.
pub(super) fn check(expression: &str) -> Result<(), String> {
    let hir = regex_syntax::ParserBuilder::new().nest_limit(100).build().parse(expression);
    let hir = hir.map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned())?;
    match parts(&hir) {
        parts if parts <= MOST_PARTS => Ok(()),
        _ => Err(format!("it has more than {MOST_PARTS} parts when its repetitions are written out")),
    }
}

/// Characters and classes of an expression without its repetitions. The parser has bounded how deep it goes.
fn parts(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Capture(capture) => parts(&capture.sub),
        HirKind::Concat(all) | HirKind::Alternation(all) => {
            all.iter().fold(0u64, |sum, part| sum.saturating_add(parts(part)))
        }
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            parts(&repetition.sub).saturating_mul(u64::from(times))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn repetitions_within_repetitions_multiply() {
        for expression in ["a", "(a+)+b", "[a-z]{1,20000}", "(ab){100}{200}", r"\d{4}-\d{2}"] {
            assert_eq!(check(expression), Ok(()), "{expression}");
        }
        for expression in ["(a{1000}){1000}", "a{1000}{1000}{1000}", "(", "(?=a)b", r"(a)\1"] {
            assert!(check(expression).is_err(), "{expression}");
        }
    }
}
