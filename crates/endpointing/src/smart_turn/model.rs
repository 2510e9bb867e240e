//! One copy of the model, and the buffers for what it hears.

use std::path::Path;

use engine::onnx::Runtime;
use ort::{session::Session, value::TensorRef};

use super::{
    bands::BANDS,
    mel::{FRAMES, LogMel},
    window::Window,
};
use crate::EndpointingError;

/// The model and what prepares sound for it.
#[derive(Debug)]
pub(super) struct Model {
    session: Session,
    window: Window,
    mel: LogMel,
}

impl Model {
    /// Loads the file and hears a silent turn, so that a file of another model is found out here
    /// and the first caller does not wait for the runtime to grow its buffers.
    pub(super) fn load(runtime: &Runtime, path: &Path) -> Result<Self, EndpointingError> {
        let session = runtime.session(path, 1);
        let session = session.map_err(|error| EndpointingError::Load(error.chain()))?;
        let mut model = Self { session, window: Window::new(), mel: LogMel::new() };
        model
            .probability(&[])
            .map_err(|error| EndpointingError::Load(format!("`{}`: {error}", path.display())))?;
        Ok(model)
    }

    /// The probability that this turn is complete.
    pub(super) fn probability(&mut self, samples: &[f32]) -> ort::Result<f32> {
        let features = self.mel.of(self.window.over(samples));
        let features = TensorRef::from_array_view(([1, BANDS, FRAMES], features))?;
        let outputs = self.session.run(ort::inputs!["input_features" => features])?;
        // a probability in spite of its name
        let output = outputs.get("logits").ok_or_else(|| ort::Error::new("it has no `logits`"))?;
        match output.try_extract_tensor::<f32>()? {
            (_shape, &[probability]) if (0.0..=1.0).contains(&probability) => Ok(probability),
            (shape, numbers) => {
                let text = format!("its `logits` of {shape} are no probability: {numbers:?}");
                Err(ort::Error::new(text))
            }
        }
    }
}
