//! The memory of a model, known before its process is started.

use wharf_engine::{EngineError, EngineErrorKind};
use wharf_gguf::{Estimate, Facts, GgufError, Header, MemoryPlan, estimate};

use super::LlmOptions;

/// What a model and its draft take together: both have a cache of their own.
pub(super) fn estimate_all(
    model: &Header,
    draft: Option<&Header>,
    options: &LlmOptions,
) -> Result<Estimate, GgufError> {
    let facts = Facts::of(model)?;
    let plan = plan(options, facts.context_length);
    let mut sum = estimate(model, &plan)?;
    if let Some(draft) = draft {
        let more = estimate(draft, &plan)?;
        sum.weights = sum.weights.saturating_add(more.weights);
        sum.cache = sum.cache.saturating_add(more.cache);
        sum.compute = sum.compute.saturating_add(more.compute);
    }
    Ok(sum)
}

fn plan(options: &LlmOptions, trained: u64) -> MemoryPlan {
    let bits = match options.cache_type.as_deref() {
        Some("f32") => 32,
        Some("q8_0") => 8,
        Some("q4_0") => 4,
        _ => 16,
    };
    let or = |value: u32, default: u32| u64::from(if value == 0 { default } else { value });
    MemoryPlan {
        cells: u64::from(options.room(trained).1),
        sequences: or(options.sequences, 16),
        batch: or(options.batch, 512),
        key_bits: bits,
        value_bits: bits,
    }
}

/// Refuses what does not fit: the system would end the worker, or another process, when the memory is gone.
///
/// # Errors
/// More is needed than is available.
pub(super) fn check(needed: &Estimate, available: Option<u64>) -> Result<(), EngineError> {
    let total = needed.total();
    let Some(available) = available.filter(|available| *available < total) else { return Ok(()) };
    let message = format!(
        "the model needs about {} MiB of memory (weights {}, cache {}, passes {}), {} MiB are available; fewer tokens of \
         context or a smaller type of the cache need less",
        mebibytes(total),
        mebibytes(needed.weights),
        mebibytes(needed.cache),
        mebibytes(needed.compute),
        mebibytes(available),
    );
    Err(EngineError::new(EngineErrorKind::OutOfMemory, message))
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_does_not_fit_is_refused_with_its_parts() {
        let needed = Estimate { weights: 90 * MIB, cache: 8 * MIB, compute: 2 * MIB };
        assert!(check(&needed, Some(100 * MIB)).is_ok());
        assert!(check(&needed, None).is_ok());
        let error = check(&needed, Some(100 * MIB - 1)).unwrap_err();
        assert_eq!(error.kind(), EngineErrorKind::OutOfMemory);
        let text = error.to_string();
        assert!(text.contains("about 100 MiB of memory (weights 90, cache 8, passes 2)"), "{text}");
    }

    #[test]
    fn options_decide_what_the_cache_takes() {
        let small = LlmOptions { context: 100, cache_type: Some("q8_0".to_owned()), ..LlmOptions::default() };
        let (small, default) = (plan(&small, 8192), plan(&LlmOptions::default(), 8192));
        assert_eq!((small.cells, small.key_bits), (100, 8));
        assert_eq!((default.cells, default.key_bits), (8192, 16));
    }
}
