//! Loading a model, and llama.cpp's own log.

use std::{
    ffi::{CStr, c_char, c_void},
    num::NonZeroU32,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
};

use llama_cpp_2::{
    context::{
        LlamaContext,
        params::{KvCacheType, LlamaContextParams},
    },
    llama_backend::LlamaBackend,
    model::{LlamaModel, params::LlamaModelParams},
};

use super::{Config, KvType};
use crate::LlmError;

/// llama.cpp's state of the process; made once, never freed.
static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();

/// The first error llama.cpp logged since it was asked to load: its functions return no reasons,
/// and the errors that follow are only consequences.
static FIRST_ERROR: Mutex<Option<String>> = Mutex::new(None);

fn backend() -> Result<&'static LlamaBackend, LlmError> {
    let backend = BACKEND.get_or_init(|| {
        route_logs();
        LlamaBackend::init().map_err(|error| error.to_string())
    });
    backend.as_ref().map_err(|error| LlmError::Load(error.clone()))
}

/// Loads the weights of a GGUF file.
pub(super) fn load(config: &Config) -> Result<LlamaModel, LlmError> {
    let backend = backend()?;
    let path = &config.model;
    if !path.is_file() {
        return Err(named(path, "there is no such file"));
    }
    forget_error();
    let params = LlamaModelParams::default().with_n_gpu_layers(config.gpu_layers);
    LlamaModel::load_from_file(backend, path, &params)
        .map_err(|error| named(path, &first_error().unwrap_or_else(|| error.to_string())))
}

/// The memory in which `model` remembers `sequences` conversations, and the buffers for steps of
/// at most `batch` tokens.
pub(super) fn open<'m>(
    model: &'m LlamaModel,
    config: &Config,
    sequences: u32,
    batch: u32,
) -> Result<LlamaContext<'m>, LlmError> {
    let kv = match config.kv_type {
        KvType::F16 => KvCacheType::F16,
        KvType::Q8 => KvCacheType::Q8_0,
    };
    let threads = i32::try_from(config.threads.max(1)).unwrap_or(i32::MAX);
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(config.kv_tokens()))
        .with_n_seq_max(sequences)
        .with_n_batch(batch)
        .with_n_ubatch(batch)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        // one memory for all, so that conversations share a system prompt and unequal lengths
        .with_kv_unified(true)
        .with_flash_attention_policy(i32::from(config.flash_attention))
        .with_type_k(kv)
        .with_type_v(kv)
        .with_no_perf(true);
    forget_error();
    model
        .new_context(backend()?, params)
        .map_err(|error| named(&config.model, &first_error().unwrap_or_else(|| error.to_string())))
}

/// About how much memory the weights and the conversations take.
pub(super) fn memory_bytes(model: &LlamaModel, config: &Config) -> u64 {
    let architecture = model.meta_val_str("general.architecture").unwrap_or_default();
    let length = |kind: &str| {
        let key = format!("{architecture}.attention.{kind}_length");
        model.meta_val_str(&key).ok().and_then(|length| length.parse().ok())
    };
    let heads = u64::from(model.n_head().max(1));
    let usual = u64::try_from(model.n_embd()).unwrap_or(0) / heads;
    let row: u64 = length("key").unwrap_or(usual) + length("value").unwrap_or(usual);
    let numbers = u64::from(model.n_layer()) * u64::from(model.n_head_kv()) * row;
    // q8_0 keeps 32 numbers in 34 bytes
    let bytes = match config.kv_type {
        KvType::F16 => numbers * 2,
        KvType::Q8 => numbers * 34 / 32,
    };
    model.size() + bytes * u64::from(config.kv_tokens())
}

fn named(path: &Path, reason: &str) -> LlmError {
    LlmError::Load(format!("`{}`: {reason}", path.display()))
}

fn forget_error() {
    *FIRST_ERROR.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn first_error() -> Option<String> {
    FIRST_ERROR.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Sends what llama.cpp and ggml would print to the log, at debug level.
#[expect(unsafe_code, reason = "the safe wrapper logs at llama.cpp's levels: pages at info")]
fn route_logs() {
    // SAFETY: the function lives as long as the process and needs no user data
    unsafe { llama_cpp_sys_2::llama_log_set(Some(log), std::ptr::null_mut()) };
    // SAFETY: as above
    unsafe { llama_cpp_sys_2::ggml_log_set(Some(log), std::ptr::null_mut()) };
}

#[expect(unsafe_code, reason = "called by llama.cpp")]
unsafe extern "C" fn log(
    level: llama_cpp_sys_2::ggml_log_level,
    text: *const c_char,
    _: *mut c_void,
) {
    if text.is_null() {
        return;
    }
    // SAFETY: llama.cpp passes a terminated string that lives until this returns
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let text = text.trim();
    if level == llama_cpp_sys_2::GGML_LOG_LEVEL_ERROR {
        let mut first = FIRST_ERROR.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| text.to_owned());
    }
    if text.chars().any(|c| c != '.') {
        tracing::debug!(target: "llama.cpp", "{text}");
    }
}
