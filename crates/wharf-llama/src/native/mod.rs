//! llama.cpp's C functions as types that own what they point to. All unsafe code of this crate is here.
#![expect(unsafe_code, reason = "llama.cpp has C functions")]

mod adapter;
mod batch;
mod context;
mod log;
mod model;

use std::ffi::CStr;
use std::sync::Once;

pub(crate) use adapter::Adapter;
pub(crate) use context::{Context, ContextUse, Fault};
pub(crate) use model::{Model, TokenKind};

pub use context::AbortHandle;

/// Sets llama.cpp up, once in a process.
fn initialize() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::send_to_tracing();
        // SAFETY: called once, before anything else of llama.cpp.
        unsafe { llama_cpp_sys_2::llama_backend_init() };
    });
}

/// What of the processor llama.cpp was compiled for (`CPU : AVX2 = 1 | AVX512 = 1 | ...`).
pub fn system_information() -> String {
    initialize();
    // SAFETY: gives a text that ends with 0 and stays as it is.
    let text = unsafe { CStr::from_ptr(llama_cpp_sys_2::llama_print_system_info()) };
    text.to_string_lossy().trim().trim_end_matches('|').trim().to_owned()
}

/// Vector instructions that the processor has and llama.cpp was not compiled for, by its names.
pub fn unused_features() -> Vec<&'static str> {
    unused(&system_information(), &processor_features())
}

fn unused(information: &str, processor: &[&'static str]) -> Vec<&'static str> {
    let is_used = |name: &str| {
        information.split('|').any(|part| part.trim_start_matches("CPU :").trim() == format!("{name} = 1"))
    };
    processor.iter().copied().filter(|name| !is_used(name)).collect()
}

/// Those that the kernels of quantised models are written for, by llama.cpp's names.
fn processor_features() -> Vec<&'static str> {
    let mut features = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        let all = [
            ("AVX2", has!("avx2")),
            ("FMA", has!("fma")),
            ("F16C", has!("f16c")),
            ("AVX512", has!("avx512f") && has!("avx512vl") && has!("avx512bw") && has!("avx512dq")),
            ("AVX512_VNNI", has!("avx512vnni")),
        ];
        features.extend(all.into_iter().filter_map(|(name, is_there)| is_there.then_some(name)));
    }
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_line_does_not_name_is_unused() {
        let line = "CPU : SSE3 = 1 | AVX2 = 1 | AVX512_VNNI = 1";
        assert_eq!(unused(line, &["AVX2", "FMA", "AVX512", "AVX512_VNNI"]), ["FMA", "AVX512"]);
    }
}
