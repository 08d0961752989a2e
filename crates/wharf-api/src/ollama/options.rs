//! `options`: how tokens are drawn, by the names of llama.cpp's own.

use wharf_infer::language::GenerateRequest;

use crate::language::sampling::read_stops;
use crate::language::{Fields, Refusal};

/// Reads the options. Their defaults are Ollama's.
///
/// # Errors
/// One is wrong, not known, or for when a model is loaded: it is named.
pub(super) fn read_options(fields: &mut Fields, request: &mut GenerateRequest) -> Result<(), Refusal> {
    let sampling = &mut request.sampling;
    (sampling.temperature, sampling.top_k, sampling.top_p) = (0.8, 40, 0.9);
    sampling.repetition_penalty = 1.0;
    let Some(mut options) = fields.object("options")? else { return Ok(()) };
    let set = |value: Option<f32>, place: &mut f32| *place = value.unwrap_or(*place);
    set(options.number("temperature", (0.0, 2.0))?, &mut sampling.temperature);
    set(options.number("top_p", (0.0, 1.0))?, &mut sampling.top_p);
    set(options.number("min_p", (0.0, 1.0))?, &mut sampling.min_p);
    set(options.number("typical_p", (0.0, 1.0))?, &mut sampling.typical_p);
    set(options.number("repeat_penalty", (0.01, 10.0))?, &mut sampling.repetition_penalty);
    set(options.number("frequency_penalty", (-2.0, 2.0))?, &mut sampling.frequency_penalty);
    set(options.number("presence_penalty", (-2.0, 2.0))?, &mut sampling.presence_penalty);
    sampling.top_p = sampling.top_p.max(f32::MIN_POSITIVE);
    sampling.typical_p = sampling.typical_p.max(f32::MIN_POSITIVE);
    sampling.top_k = options.count("top_k", 0)?.unwrap_or(sampling.top_k);
    sampling.seed = options.integer("seed", (i64::MIN, i64::MAX))?.map(i64::cast_unsigned);
    request.stop = read_stops(&mut options, "stop")?;
    // -1 is as many as there is room for.
    let most = options.integer("num_predict", (-1, u32::MAX.into()))?.unwrap_or(-1);
    request.max_tokens = u32::try_from(most).ok();
    for name in ["num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap", "use_mlock", "numa"]
    {
        if options.has(name) {
            return Err(options
                .refused(name, "is not supported here, it is set for the model when the server starts"));
        }
    }
    options.finish()
}
