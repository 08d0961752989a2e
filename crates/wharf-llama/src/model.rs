//! A file as a language model: header, passes, tokens and scheduler.

use std::path::Path;
use std::sync::Arc;

use wharf_gguf::{Facts, GgufErrorKind, Header};
use wharf_infer::language::{LanguageCard, LanguageModel};
use wharf_infer::{ErrorCode, ServiceError};
use wharf_llm::{
    Decoder, InTurn, LlmOptions, ModelParts, OpenRequest, PrefixStoreConfig, SchedulerConfig, TurnFiles,
    Turnstile, Vocabulary, start_model,
};

use crate::{
    CacheType, LlamaConfig, LlamaDecoder, LlamaError, LlamaErrorKind, LlamaVocabulary, open,
    system_information, unused_features,
};

/// Opens a model for `wharf_llm::serve_llm_worker`. Its file and its draft's are looked at before llama.cpp sees them.
///
/// # Errors
/// A file is none of a model, an option makes no sense, or there is not enough memory.
pub fn open_model(request: &OpenRequest) -> Result<Arc<dyn LanguageModel>, ServiceError> {
    check_build(&unused_features(), request.options.slow_build)?;
    let facts = facts(&request.file)?;
    let config = config_of(&request.options, &facts)?;
    let (decoder, vocabulary) = open(&request.file, &config).map_err(refusal)?;
    let draft = match &request.options.draft {
        Some(file) => Some(open_draft(file, &config, &vocabulary)?),
        None => None,
    };
    tracing::info!(file = %request.file.display(), cells = decoder.shape().cells, "{}", system_information());
    let card = card(facts, &decoder);
    let turnstile = request.turns.as_ref().and_then(turnstile);
    let decoder = InTurn::new(decoder, turnstile.clone());
    let draft = draft.map(|draft| Box::new(InTurn::new(draft, turnstile)) as Box<dyn Decoder + Send>);
    let mut scheduler = SchedulerConfig::default();
    if let Some(guesses) = request.options.guesses {
        scheduler.guesses.most = guesses as usize;
    }
    let prefixes = prefixes(request, config.key_type)?;
    start_model(ModelParts { decoder, draft, vocabulary: Arc::new(vocabulary), card, prefixes }, scheduler)
}

/// The model's own folder for prefixes: a state is of use to the same file, the same type of cache and the same build alone.
fn prefixes(request: &OpenRequest, cache: CacheType) -> Result<Option<PrefixStoreConfig>, ServiceError> {
    let LlmOptions { prefixes: Some(folder), prefix_bytes, flash_attention, .. } = &request.options else {
        return Ok(None);
    };
    let version = env!("CARGO_PKG_VERSION");
    let attention = match flash_attention {
        None => "auto",
        Some(true) => "flash",
        Some(false) => "full",
    };
    let settings = format!("{}-{attention}-{version}", cache.name());
    let config = PrefixStoreConfig::of_model(folder, &request.file, &settings, *prefix_bytes);
    let unread = |error| ServiceError::internal("the model's file cannot be read", error);
    config.map(Some).map_err(unread)
}

/// Says which of the processor's vector instructions this build leaves unused, and refuses one without the most important.
fn check_build(unused: &[&str], slow_build: bool) -> Result<(), ServiceError> {
    if unused.is_empty() {
        return Ok(());
    }
    let unused_names = unused.join(", ");
    let message = format!(
        "this build of llama.cpp does not use what the processor has: {unused_names}; build with \
         RUSTFLAGS=-Ctarget-cpu=native"
    );
    if unused.contains(&"AVX2") && !slow_build {
        let text = format!("{message}, or serve many times slower with --llm-slow-build");
        return Err(ServiceError::new(ErrorCode::FailedPrecondition, text));
    }
    tracing::warn!("{message}");
    Ok(())
}

fn facts(file: &Path) -> Result<Facts, ServiceError> {
    let facts = Header::open(file).and_then(|header| Facts::of(&header));
    facts.map_err(|error| {
        let code = match error.kind() {
            GgufErrorKind::Read => ErrorCode::Unavailable,
            GgufErrorKind::Unsupported => ErrorCode::FailedPrecondition,
            _ => ErrorCode::DataLoss,
        };
        ServiceError::new(code, error.to_string()).with_detail(file.display())
    })
}

fn config_of(options: &LlmOptions, facts: &Facts) -> Result<LlamaConfig, ServiceError> {
    let or = |value: u32, default: u32| if value == 0 { default } else { value };
    let (context, cells) = options.room(facts.context_length);
    let default = LlamaConfig::default();
    let threads = or(options.threads, default.threads);
    let cache_type = match &options.cache_type {
        None => CacheType::default(),
        Some(name) => CacheType::from_name(name).ok_or_else(|| {
            let names = CacheType::ALL.map(CacheType::name).join(", ");
            ServiceError::invalid_argument(format!("cache type `{name}` is unknown, expected one of {names}"))
        })?,
    };
    let batch = or(options.batch, default.batch);
    Ok(LlamaConfig {
        threads,
        batch_threads: threads,
        cells,
        context,
        sequences: or(options.sequences, default.sequences),
        batch,
        flash_attention: options.flash_attention,
        key_type: cache_type,
        value_type: cache_type,
    })
}

/// A draft must have the same tokens: what it guesses is taken for tokens of the model.
fn open_draft(
    file: &Path,
    config: &LlamaConfig,
    vocabulary: &LlamaVocabulary,
) -> Result<LlamaDecoder, ServiceError> {
    facts(file)?;
    let (draft, tokens) = open(file, config).map_err(refusal)?;
    let differs = |token: u32| {
        tokens.bytes(token) != vocabulary.bytes(token)
            || tokens.control_name(token) != vocabulary.control_name(token)
    };
    if tokens.size() != vocabulary.size() || (0..tokens.size() as u32).any(differs) {
        let message = "the draft model has other tokens than the model";
        return Err(ServiceError::new(ErrorCode::FailedPrecondition, message));
    }
    Ok(draft)
}

fn card(facts: Facts, decoder: &LlamaDecoder) -> LanguageCard {
    let size = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    LanguageCard {
        context_tokens: decoder.shape().context,
        embedding_size: size(facts.embedding_length),
        vocabulary_size: size(facts.vocabulary_size),
        size_bytes: facts.weight_bytes,
        parameters: facts.parameters,
        quantization: facts.quantization,
        generates: facts.generates,
        embeds: !facts.ranks,
        ranks: facts.ranks,
        chat_template: facts.chat_template,
        special_tokens: facts.special_tokens,
        control_texts: facts.control_texts,
        architecture: facts.architecture,
    }
}

/// A model that cannot take turns is slower beside others, and better than none.
fn turnstile(files: &TurnFiles) -> Option<Arc<Turnstile>> {
    let opened = Turnstile::open(files);
    if let Err(error) = &opened {
        tracing::warn!(%error, "the model's passes take no turns with those of others");
    }
    opened.ok().map(Arc::new)
}

fn refusal(error: LlamaError) -> ServiceError {
    let code = match error.kind() {
        LlamaErrorKind::Config => ErrorCode::InvalidArgument,
        LlamaErrorKind::Model => ErrorCode::DataLoss,
        LlamaErrorKind::Memory => ErrorCode::Overloaded,
    };
    ServiceError::new(code, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_avx2_is_refused_unless_it_is_wanted() {
        assert!(check_build(&[], false).is_ok());
        assert!(check_build(&["AVX512"], false).is_ok());
        assert!(check_build(&["AVX2", "AVX512"], true).is_ok());
        let error = check_build(&["AVX2", "AVX512"], false).unwrap_err();
        assert_eq!(error.code(), ErrorCode::FailedPrecondition);
        assert!(error.message().contains("AVX2, AVX512; build with"), "{error}");
    }
}
