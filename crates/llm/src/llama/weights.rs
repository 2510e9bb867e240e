//! Loading a model, and llama.cpp's own log.

use std::{
    ffi::{CStr, c_char, c_void},
    num::NonZeroU32,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
};

use llama_cpp_2::{
    LlamaBackendDeviceType,
    context::{
        LlamaContext,
        params::{KvCacheType, LlamaContextParams},
    },
    list_llama_ggml_backend_devices,
    llama_backend::LlamaBackend,
    model::{LlamaModel, params::LlamaModelParams},
};

use super::Config;
use crate::{
    LlmError,
    memory::{Dimensions, KvType, Memory, Size, available_bytes},
};

/// llama.cpp's state of the process; made once, never freed.
static BACKEND: OnceLock<Result<LlamaBackend, String>> = OnceLock::new();

/// The first error llama.cpp logged since it was asked to load: its functions return no reasons,
/// and the errors that follow are only consequences.
static FIRST_ERROR: Mutex<Option<String>> = Mutex::new(None);

pub(super) fn backend() -> Result<&'static LlamaBackend, LlmError> {
    let backend = BACKEND.get_or_init(|| {
        route_logs();
        LlamaBackend::init().map_err(|error| error.to_string())
    });
    backend.as_ref().map_err(|error| LlmError::Load(error.clone()))
}

/// The weights of a GGUF file, and what they and the conversations take in bytes.
pub(super) struct Loaded {
    pub(super) model: LlamaModel,
    pub(super) memory_bytes: u64,
}

/// Loads the weights of a GGUF file if there is room for them and for the conversations.
pub(super) fn load(config: &Config) -> Result<Loaded, LlmError> {
    let backend = backend()?;
    let path = &config.model;
    if !path.is_file() {
        return Err(named(path, "there is no such file"));
    }
    let memory = room_for(config)?;
    forget_error();
    let params = LlamaModelParams::default().with_n_gpu_layers(config.gpu_layers);
    let model = LlamaModel::load_from_file(backend, path, &params)
        .map_err(|error| named(path, &first_error().unwrap_or_else(|| error.to_string())))?;
    let memory_bytes = memory.map_or_else(|| model.size(), |memory| memory.total());
    Ok(Loaded { model, memory_bytes })
}

/// The memory in which `model` remembers a conversation for each slot and the shared system prompt,
/// and the buffers for the longest step.
pub(super) fn open<'m>(
    model: &'m LlamaModel,
    config: &Config,
) -> Result<LlamaContext<'m>, LlmError> {
    let sequences = u32::try_from(config.slots + 1).unwrap_or(u32::MAX);
    let batch = u32::try_from(config.longest_step()).unwrap_or(u32::MAX);
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

/// What the model will take, as its file tells; refused if there is not so much. `None` if the file
/// does not tell: then loading it says what is wrong with it.
fn room_for(config: &Config) -> Result<Option<Memory>, LlmError> {
    let dimensions = match Dimensions::read(&config.model) {
        Ok(dimensions) => dimensions,
        Err(error) => {
            tracing::warn!(%error, "could not tell how much memory the language model will take");
            return Ok(None);
        }
    };
    let memory = dimensions.memory(&config.layout());
    tracing::info!(
        "language model: {memory} ({} of {})",
        config.capacity(),
        Size(dimensions.bytes_per_token(config.kv_type))
    );
    let gpu_layers = if gpu_bytes().is_some() { u64::from(config.gpu_layers) } else { 0 };
    let (host, gpu) = memory.split(gpu_layers, dimensions.layers);
    let checks = [(host, available_bytes(), "memory"), (gpu, gpu_bytes(), "the GPU's memory")];
    for (needed, available, place) in checks {
        let fits = needed.check(available.unwrap_or(u64::MAX), place);
        fits.map_err(|reason| named(&config.model, &reason))?;
    }
    Ok(Some(memory))
}

/// Free memory of the GPUs that llama.cpp sees, if there are any.
fn gpu_bytes() -> Option<u64> {
    let gpus = list_llama_ggml_backend_devices().into_iter();
    gpus.filter(|device| device.device_type == LlamaBackendDeviceType::Gpu)
        .map(|device| device.memory_free as u64)
        .reduce(u64::saturating_add)
}

pub(super) fn named(path: &Path, reason: &str) -> LlmError {
    LlmError::Load(format!("`{}`: {reason}", path.display()))
}

pub(super) fn forget_error() {
    *FIRST_ERROR.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

pub(super) fn first_error() -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::{super::tests::starter_model, *};

    #[test]
    fn what_the_file_tells_is_what_llama_cpp_loads() {
        let Some(path) = starter_model() else { return };
        let told = Dimensions::read(&path).unwrap();
        let config = Config::new(path);
        let Loaded { model, memory_bytes } = load(&config).unwrap();
        assert_eq!(told.layers, u64::from(model.n_layer()));
        assert_eq!(told.heads, u64::from(model.n_head()));
        assert_eq!(told.kv_heads, u64::from(model.n_head_kv()));
        assert_eq!(told.embedding, u64::try_from(model.n_embd()).unwrap());
        assert_eq!(told.vocabulary, u64::try_from(model.n_vocab()).unwrap());
        // the file holds the vocabulary besides the weights
        assert!((model.size()..model.size() * 11 / 10).contains(&told.weights));
        assert_eq!(memory_bytes, told.memory(&config.layout()).total());
    }

    #[test]
    fn what_cannot_fit_is_refused_before_it_is_loaded() {
        let Some(path) = starter_model() else { return };
        let config = Config { slots: 255, context_tokens: 1 << 20, ..Config::new(path) };
        let Err(error) = load(&config) else { panic!("nobody has so much memory") };
        let reason = error.to_string();
        assert!(reason.contains("conversations") && reason.contains("context_tokens"), "{reason}");
    }
}
