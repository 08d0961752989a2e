//! How a model is opened.

use std::thread;

use crate::LlamaError;

/// What numbers of the key-value cache are stored as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheType {
    /// 32 bits.
    F32,
    /// 16 bits.
    #[default]
    F16,
    /// 16 bits with the exponent of 32.
    Bf16,
    /// 8 bits in blocks of 32.
    Q8_0,
    /// 4 bits in blocks of 32.
    Q4_0,
}

impl CacheType {
    /// Every type.
    pub const ALL: [Self; 5] = [Self::F32, Self::F16, Self::Bf16, Self::Q8_0, Self::Q4_0];

    /// Its name, as options write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q4_0 => "q4_0",
        }
    }

    /// The type of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    fn is_quantized(self) -> bool {
        matches!(self, Self::Q8_0 | Self::Q4_0)
    }
}

/// How a model is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LlamaConfig {
    /// Threads for passes of one token.
    pub threads: u32,
    /// Threads for longer passes.
    pub batch_threads: u32,
    /// Tokens that all sequences together may keep; 0 for as many as the model was trained on.
    pub cells: u32,
    /// Tokens that one sequence may have; 0 for as many as the model was trained on. Never more than `cells`.
    pub context: u32,
    /// How many sequences there may be, 256 at most.
    pub sequences: u32,
    /// Tokens in one pass at most.
    pub batch: u32,
    /// Whether attention is computed without its matrix in memory; `None` leaves it to llama.cpp.
    pub flash_attention: Option<bool>,
    /// What keys are stored as.
    pub key_type: CacheType,
    /// What values are stored as.
    pub value_type: CacheType,
}

impl Default for LlamaConfig {
    /// One sequence per core would starve a server; 16 cost nothing while they are empty, because they share the cells.
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        Self {
            threads,
            batch_threads: threads,
            cells: 0,
            context: 0,
            sequences: 16,
            batch: 512,
            flash_attention: None,
            key_type: CacheType::default(),
            value_type: CacheType::default(),
        }
    }
}

impl LlamaConfig {
    /// Looks for what llama.cpp would end the process for.
    pub(crate) fn check(&self) -> Result<(), LlamaError> {
        let between = |name: &str, value: u32, least: u32, most: u32| {
            let fits = (least..=most).contains(&value);
            fits.then_some(())
                .ok_or_else(|| LlamaError::config(format!("`{name}` is {value}, expected {least} to {most}")))
        };
        between("threads", self.threads, 1, 512)?;
        between("batch_threads", self.batch_threads, 1, 512)?;
        between("sequences", self.sequences, 1, 256)?;
        // Every sequence may want its logits after the same pass.
        between("batch", self.batch, self.sequences, 1 << 16)?;
        between("cells", self.cells, 0, 1 << 26)?;
        if self.value_type.is_quantized() && self.flash_attention == Some(false) {
            let name = self.value_type.name();
            return Err(LlamaError::config(format!(
                "`value_type` {name} needs flash attention, which is off"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_llama_cpp_would_abort_for() {
        let base = LlamaConfig::default();
        base.check().unwrap();
        for (config, expected) in [
            (LlamaConfig { threads: 0, ..base.clone() }, "`threads` is 0, expected 1 to 512"),
            (LlamaConfig { sequences: 257, ..base.clone() }, "`sequences` is 257, expected 1 to 256"),
            (LlamaConfig { batch: 0, ..base.clone() }, "`batch` is 0, expected 16 to 65536"),
            (LlamaConfig { batch: 15, ..base.clone() }, "`batch` is 15, expected 16 to 65536"),
            (LlamaConfig { cells: u32::MAX, ..base.clone() }, "`cells` is 4294967295"),
            (
                LlamaConfig { flash_attention: Some(false), value_type: CacheType::Q8_0, ..base.clone() },
                "`value_type` q8_0 needs flash attention",
            ),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn cache_types_come_back_by_name() {
        for kind in CacheType::ALL {
            assert_eq!(CacheType::from_name(kind.name()), Some(kind));
        }
        assert_eq!(CacheType::from_name("q5_k"), None);
    }
}
