//! One copy of the model: an encoder that hears and a decoder that finds the words one by one.

use std::{borrow::Cow, fmt::Display, fs, path::Path};

use engine::{Cancelled, cancellation, onnx::Runtime};
use ort::{
    session::{Session, SessionInputValue},
    value::{DynValue, Tensor, TensorRef},
};

use super::{
    Files, RATE, duration_of, repetition, silence,
    tokenizer::{END, START, Token, Tokenizer},
};
use crate::{MIN_SPEECH, SttError};

/// Tokens for a second of speech that the decoder may take. The 6.5 of the model's makers cut the
/// ends of fast speech.
const TOKENS_A_SECOND: usize = 13;
/// Tokens that short speech may take beyond those.
const TOKENS_AT_LEAST: usize = 8;

/// The encoder, the decoder and their tokens.
#[derive(Debug)]
pub(super) struct Model {
    encoder: Session,
    decoder: Session,
    cached: Vec<Cached>,
    tokenizer: Tokenizer,
}

/// Keys or values of attention that the decoder gives in one step and takes in the next.
#[derive(Debug)]
struct Cached {
    input: String,
    output: String,
    /// The shape for the first step, which takes something and ignores it.
    shape: Vec<usize>,
    /// Over the encoder's output: computed in the first step only.
    is_constant: bool,
}

impl Model {
    /// Loads the files and hears a second of noise, so that files of another model are found out
    /// here and the first caller does not wait for the runtime to grow its buffers.
    pub(super) fn load(runtime: &Runtime, files: &Files) -> Result<Self, SttError> {
        let session = |path: &Path| {
            let session = runtime.session(path, 1);
            session.map_err(|error| SttError::Load(error.chain()))
        };
        let decoder = session(&files.decoder)?;
        let mut model = Self {
            encoder: session(&files.encoder)?,
            cached: cached(&decoder).map_err(|error| of(&files.decoder, error))?,
            decoder,
            tokenizer: tokenizer(&files.tokenizer)?,
        };
        model.try_out().map_err(|error| of(&files.decoder, error))?;
        Ok(model)
    }

    fn try_out(&mut self) -> ort::Result<()> {
        let noise: Vec<f32> =
            (0..RATE.hz()).map(|n| if n % 7 < 3 { 0.05 } else { -0.05 }).collect();
        let (_wanted, cancelled) = cancellation();
        let mut decoding = self.listen(&noise)?;
        let tokens = decoding.step(START, <[f32]>::len)?;
        if tokens != self.tokenizer.len() {
            let known = self.tokenizer.len();
            let text = format!("it has {tokens} tokens and its tokenizer {known}");
            return Err(ort::Error::new(text));
        }
        self.transcribe(&noise, &cancelled).map(drop)
    }

    /// The words of this speech; `None` as soon as nobody wants them any more.
    pub(super) fn transcribe(
        &mut self,
        samples: &[f32],
        cancelled: &Cancelled,
    ) -> ort::Result<Option<String>> {
        let samples = silence::trimmed(samples);
        if duration_of(samples) < MIN_SPEECH {
            return Ok(Some(String::new()));
        }
        let at_most = samples.len() * TOKENS_A_SECOND / RATE.hz() as usize + TOKENS_AT_LEAST;
        let mut decoding = self.listen(samples)?;
        let mut tokens = vec![];
        let mut last = START;
        while tokens.len() < at_most {
            if cancelled.is_cancelled() {
                return Ok(None);
            }
            last = decoding.step(last, greatest)?;
            if last == END {
                break;
            }
            tokens.push(last);
            if let Some(kept) = repetition::cut(&tokens) {
                tokens.truncate(kept);
                break;
            }
        }
        Ok(Some(self.tokenizer.text(&tokens)))
    }

    /// Runs the encoder.
    fn listen(&mut self, samples: &[f32]) -> ort::Result<Decoding<'_>> {
        let sound = TensorRef::from_array_view(([1, samples.len()], samples))?;
        let mask = Tensor::from_array(([1, samples.len()], vec![1_i64; samples.len()]))?;
        let inputs = ort::inputs!["input_values" => sound, "attention_mask" => &mask];
        let mut outputs = self.encoder.run(inputs)?;
        let heard =
            outputs.remove("last_hidden_state").ok_or_else(|| missing("last_hidden_state"))?;
        drop(outputs);
        let cache = self.cached.iter().map(Cached::empty);
        Ok(Decoding {
            cache: cache.collect::<ort::Result<_>>()?,
            decoder: &mut self.decoder,
            cached: &self.cached,
            mask,
            heard,
            is_first: true,
        })
    }
}

/// The decoder on its way through one stretch of speech.
struct Decoding<'m> {
    decoder: &'m mut Session,
    cached: &'m [Cached],
    cache: Vec<DynValue>,
    mask: Tensor<i64>,
    heard: DynValue,
    is_first: bool,
}

impl Decoding<'_> {
    /// Shows `look` how likely each token is to follow `last` and those before it.
    fn step<T>(&mut self, last: Token, look: impl FnOnce(&[f32]) -> T) -> ort::Result<T> {
        let use_cache = Tensor::from_array(([1], vec![!self.is_first]))?;
        let last = Tensor::from_array(([1, 1], vec![last]))?;
        let mut inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = ort::inputs![
            "input_ids" => last,
            "encoder_hidden_states" => &self.heard,
            "encoder_attention_mask" => &self.mask,
            "use_cache_branch" => use_cache,
        ];
        for (cached, value) in self.cached.iter().zip(&self.cache) {
            inputs.push((cached.input.as_str().into(), value.into()));
        }
        let mut outputs = self.decoder.run(inputs)?;
        for (cached, value) in self.cached.iter().zip(&mut self.cache) {
            if self.is_first || !cached.is_constant {
                let output = outputs.remove(&cached.output);
                *value = output.ok_or_else(|| missing(&cached.output))?;
            }
        }
        self.is_first = false;
        let logits = outputs.get("logits").ok_or_else(|| missing("logits"))?;
        let (_shape, logits) = logits.try_extract_tensor::<f32>()?;
        Ok(look(logits))
    }
}

impl Cached {
    fn empty(&self) -> ort::Result<DynValue> {
        let zeros = vec![0_f32; self.shape.iter().product()];
        Ok(Tensor::from_array((self.shape.clone(), zeros))?.into_dyn())
    }
}

/// What the decoder takes back in each step, by its own account.
fn cached(decoder: &Session) -> ort::Result<Vec<Cached>> {
    let inputs = decoder.inputs().iter();
    let cached: Vec<_> = inputs
        .filter_map(|input| {
            let name = input.name().strip_prefix("past_key_values.")?;
            let shape = input.dtype().tensor_shape()?;
            // a dimension that grows is unknown, -1, and one long at first
            let shape = shape.iter().map(|length| usize::try_from(*length).unwrap_or(1));
            Some(Cached {
                input: input.name().to_owned(),
                output: format!("present.{name}"),
                shape: shape.collect(),
                is_constant: name.contains(".encoder."),
            })
        })
        .collect();
    if cached.is_empty() {
        return Err(missing("past_key_values"));
    }
    Ok(cached)
}

fn tokenizer(path: &Path) -> Result<Tokenizer, SttError> {
    let bytes = fs::read(path).map_err(|error| of(path, error))?;
    Tokenizer::parse(&bytes).map_err(|error| of(path, error))
}

fn of(path: &Path, error: impl Display) -> SttError {
    SttError::Load(format!("`{}`: {error}", path.display()))
}

fn missing(name: &str) -> ort::Error {
    ort::Error::new(format!("it has no `{name}`"))
}

/// The token of the greatest of these, the first of equals.
fn greatest(logits: &[f32]) -> Token {
    let first = (0, f32::NEG_INFINITY);
    let (token, _) = (0..)
        .zip(logits)
        .fold(first, |best, (token, &logit)| if logit > best.1 { (token, logit) } else { best });
    token
}
