//! Silero VAD through ONNX Runtime, all rows of a step in one batch.

use std::path::Path;

use engine::onnx::Runtime;
use ort::{
    session::{Session, SessionOutputs},
    value::TensorRef,
};

use crate::{Backend, FRAME_RATE, FRAME_SAMPLES, MAX_BATCH, Row, State, VadError};

/// Samples before the frame that the model wants to hear again.
const CONTEXT: usize = 64;
/// What the model takes for one frame.
const WINDOW: usize = CONTEXT + FRAME_SAMPLES;
/// Numbers in one of the two recurrent vectors, h and c.
const HIDDEN: usize = 128;

/// The Silero model, for instance `silero_vad.onnx` of version 6. A [`State`] is the context, then
/// h, then c.
#[derive(Debug)]
pub struct Silero {
    session: Session,
    sample_rate: i64,
    // refilled in each step: [rows, WINDOW] and [2, rows, HIDDEN]
    windows: Vec<f32>,
    recurrent: Vec<f32>,
}

impl Silero {
    /// Loads the model and tries it once, so that a file of another model is found out here and
    /// the first caller does not wait for the runtime to grow its buffers.
    pub fn open(runtime: &Runtime, model: &Path) -> Result<Self, VadError> {
        let session = runtime.session(model, 1).map_err(|error| VadError::Load(error.chain()))?;
        let mut silero = Self {
            session,
            sample_rate: i64::from(FRAME_RATE.hz()),
            windows: Vec::with_capacity(MAX_BATCH * WINDOW),
            recurrent: Vec::with_capacity(MAX_BATCH * 2 * HIDDEN),
        };
        for rows in [1, MAX_BATCH] {
            let mut rows: Vec<_> = (0..rows).map(|_| silero.silent_row()).collect();
            silero
                .step(&mut rows)
                .map_err(|error| VadError::Load(format!("`{}`: {error}", model.display())))?;
        }
        Ok(silero)
    }

    fn silent_row(&self) -> Row {
        Row {
            samples: vec![0.0; FRAME_SAMPLES].into(),
            state: self.initial_state(),
            probability: 0.0,
        }
    }

    fn collect(&mut self, rows: &[Row]) {
        self.windows.clear();
        self.recurrent.clear();
        for row in rows {
            self.windows.extend_from_slice(&row.state.0[..CONTEXT]);
            self.windows.extend_from_slice(&row.samples);
        }
        for vector in [CONTEXT, CONTEXT + HIDDEN] {
            for row in rows {
                self.recurrent.extend_from_slice(&row.state.0[vector..vector + HIDDEN]);
            }
        }
    }

    fn infer(&mut self, rows: usize) -> ort::Result<SessionOutputs<'_>> {
        let windows = TensorRef::from_array_view(([rows, WINDOW], &*self.windows))?;
        let recurrent = TensorRef::from_array_view(([2, rows, HIDDEN], &*self.recurrent))?;
        let sample_rate = std::slice::from_ref(&self.sample_rate);
        let sample_rate = TensorRef::from_array_view(([0_usize; 0], sample_rate))?;
        self.session
            .run(ort::inputs!["input" => windows, "state" => recurrent, "sr" => sample_rate])
    }
}

impl Backend for Silero {
    fn name(&self) -> &'static str {
        "silero"
    }

    fn initial_state(&self) -> State {
        State(vec![0.0; CONTEXT + 2 * HIDDEN].into())
    }

    fn step(&mut self, rows: &mut [Row]) -> Result<(), VadError> {
        let model = |error: ort::Error| VadError::Model(error.to_string());
        self.collect(rows);
        let outputs = self.infer(rows.len()).map_err(model)?;
        let probabilities = floats(&outputs, "output", rows.len())?;
        let recurrent = floats(&outputs, "stateN", 2 * rows.len() * HIDDEN)?;
        let (hidden, cell) = recurrent.split_at(rows.len() * HIDDEN);
        let vectors = hidden.chunks_exact(HIDDEN).zip(cell.chunks_exact(HIDDEN));
        for ((row, probability), (hidden, cell)) in rows.iter_mut().zip(probabilities).zip(vectors)
        {
            row.probability = *probability;
            row.state.0[..CONTEXT].copy_from_slice(&row.samples[FRAME_SAMPLES - CONTEXT..]);
            row.state.0[CONTEXT..CONTEXT + HIDDEN].copy_from_slice(hidden);
            row.state.0[CONTEXT + HIDDEN..].copy_from_slice(cell);
        }
        Ok(())
    }
}

/// The output of this name, if it holds `length` numbers.
fn floats<'a>(
    outputs: &'a SessionOutputs<'_>,
    name: &str,
    length: usize,
) -> Result<&'a [f32], VadError> {
    let value =
        outputs.get(name).ok_or_else(|| VadError::Model(format!("it has no output `{name}`")))?;
    let (shape, floats) =
        value.try_extract_tensor::<f32>().map_err(|error| VadError::Model(error.to_string()))?;
    if floats.len() == length {
        Ok(floats)
    } else {
        Err(VadError::Model(format!("its output `{name}` is {shape}")))
    }
}
