//! Making a file with weights of another kind.

use std::{ffi::CString, os::unix::ffi::OsStrExt, path::Path};

use super::weights;
use crate::LlmError;

/// How many bits weights have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Four, and a scale for every 32: laid out anew when it is loaded, as the processor at hand
    /// computes it fastest.
    Q4_0,
    /// Four, with a scale and an offset.
    Q4_1,
    /// Eight, and a scale.
    Q8_0,
}

/// Writes the model in `from` with weights of this kind to `to`, on so many threads. What is lost
/// by few bits is not found again by more.
#[expect(unsafe_code, reason = "llama-cpp-2 has no safe wrapper for it")]
pub fn requantise(from: &Path, to: &Path, kind: Weights, threads: usize) -> Result<(), LlmError> {
    weights::backend()?;
    let path = |path: &Path| {
        let text = CString::new(path.as_os_str().as_bytes());
        text.map_err(|_| weights::named(path, "the name has a zero in it"))
    };
    let (input, output) = (path(from)?, path(to)?);
    // SAFETY: it only fills in a struct
    let mut params = unsafe { llama_cpp_sys_2::llama_model_quantize_default_params() };
    params.nthread = i32::try_from(threads).unwrap_or(i32::MAX);
    params.allow_requantize = true;
    params.ftype = match kind {
        Weights::Q4_0 => llama_cpp_sys_2::LLAMA_FTYPE_MOSTLY_Q4_0,
        Weights::Q4_1 => llama_cpp_sys_2::LLAMA_FTYPE_MOSTLY_Q4_1,
        Weights::Q8_0 => llama_cpp_sys_2::LLAMA_FTYPE_MOSTLY_Q8_0,
    };
    weights::forget_error();
    // SAFETY: both names end with a zero, and all three live until it returns
    let failed = unsafe {
        llama_cpp_sys_2::llama_model_quantize(input.as_ptr(), output.as_ptr(), &raw const params)
    };
    if failed == 0 {
        return Ok(());
    }
    let reason = weights::first_error().unwrap_or_else(|| "llama.cpp does not say why".to_owned());
    Err(weights::named(from, &format!("could not write its weights anew: {reason}")))
}
