//! Devices and models as the catalogue has them: what is known of them without meeting them.

use serde::Deserialize;

use crate::{Device, PlanError};

const BUILT_IN: &str = include_str!("../data/catalogue.toml");

/// Devices and models.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// GPUs.
    pub device: Vec<Device>,
    /// Language models.
    pub llm: Vec<LanguageModel>,
    /// Speech recognisers that run on a GPU.
    pub stt: Vec<Recogniser>,
    /// Voices that run on a GPU.
    pub tts: Vec<Voice>,
}

/// A language model's dimensions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageModel {
    /// Its name, without how its weights are kept.
    pub name: String,
    /// How many weights it has.
    pub params: f64,
    /// Layers.
    pub layers: u32,
    /// Heads of each layer that keep keys and values.
    pub kv_heads: u32,
    /// Numbers in a head.
    pub head_size: u32,
    pub(crate) weights: Weights,
}

/// Bytes of a model's weights.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Weights {
    q4: f64,
    q8: f64,
    f16: f64,
}

/// A speech recogniser of an encoder and a decoder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recogniser {
    /// Its name.
    pub name: String,
    /// Its encoder.
    pub encoder: Encoder,
    /// Bytes that are read for each token of text.
    pub decoder_weights: f64,
    /// Layers of the decoder.
    pub decoder_layers: f64,
    /// Bytes that it takes.
    pub memory: f64,
}

/// What hears a window of sound.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// Seconds of sound in a window; a shorter one is filled with silence.
    pub window: f64,
    /// Operations for a window.
    pub flops: f64,
    /// Its layers.
    pub layers: f64,
}

/// A voice.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voice {
    /// Its name.
    pub name: String,
    /// Bytes that it takes.
    pub memory: f64,
    /// How it makes sound.
    pub speaking: Speaking,
}

/// How a voice makes sound.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Speaking {
    /// A sentence at once, so many times faster than it sounds after so many seconds.
    Whole {
        /// Seconds of sound a second makes.
        realtime: f64,
        /// Seconds before that.
        fixed: f64,
    },
    /// Token by token, as a language model.
    Tokens {
        /// Which, and how many.
        tokens: VoiceTokens,
    },
}

/// A voice that is a language model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceTokens {
    /// The language model whose dimensions it has.
    pub llm: String,
    /// How its weights are kept.
    pub weights: String,
    /// Tokens in a second of sound.
    pub per_second: f64,
    /// Tokens before the first sound.
    pub first: f64,
}

impl Catalogue {
    /// The one that comes with this program.
    pub fn built_in() -> Result<Self, PlanError> {
        toml::from_str(BUILT_IN).map_err(|error| PlanError::File {
            what: "the planner's catalogue".to_owned(),
            reason: error.to_string(),
        })
    }

    /// The GPU of this name.
    pub fn device(&self, name: &str) -> Result<&Device, PlanError> {
        find("device", name, &self.device, |it| &it.name)
    }

    /// The language model of this name, which ends in how its weights are kept (`-q4`, `-q8`,
    /// `-f16`), and their size in bytes.
    pub fn llm(&self, name: &str) -> Result<(&LanguageModel, f64), PlanError> {
        let (model, kept) = name.rsplit_once('-').unwrap_or((name, ""));
        let model = find("language model", model, &self.llm, |it| &it.name)?;
        let weights = match kept {
            "q4" => model.weights.q4,
            "q8" => model.weights.q8,
            "f16" => model.weights.f16,
            _ => {
                return Err(PlanError::Unknown {
                    kind: "form of weights",
                    name: kept.to_owned(),
                    known: "q4, q8, f16".to_owned(),
                });
            }
        };
        Ok((model, weights))
    }

    /// The speech recogniser of this name.
    pub fn stt(&self, name: &str) -> Result<&Recogniser, PlanError> {
        find("speech recogniser", name, &self.stt, |it| &it.name)
    }

    /// The voice of this name.
    pub fn tts(&self, name: &str) -> Result<&Voice, PlanError> {
        find("voice", name, &self.tts, |it| &it.name)
    }
}

fn find<'a, T>(
    kind: &'static str,
    name: &str,
    among: &'a [T],
    named: impl Fn(&T) -> &str,
) -> Result<&'a T, PlanError> {
    among.iter().find(|it| named(it) == name).ok_or_else(|| PlanError::Unknown {
        kind,
        name: name.to_owned(),
        known: among.iter().map(&named).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_can_be_read_and_names_are_told_apart() {
        let catalogue = Catalogue::built_in().expect("it is part of this crate");
        let (model, weights) = catalogue.llm("llama3.2-3b-q4").expect("it is there");
        assert_eq!((model.layers, model.kv_heads, model.head_size), (28, 8, 128));
        assert!((weights - 2.02e9).abs() < 1.0);
        assert!(catalogue.llm("llama3.2-3b-q5").is_err());
        let unknown = catalogue.device("abacus").expect_err("there is none");
        assert!(unknown.to_string().contains("rtx-4090"), "{unknown}");
        for voice in &catalogue.tts {
            if let Speaking::Tokens { tokens } = &voice.speaking {
                let name = format!("{}-{}", tokens.llm, tokens.weights);
                assert!(catalogue.llm(&name).is_ok(), "{name}");
            }
        }
    }

    #[test]
    fn no_device_is_faster_than_it_is() {
        for device in Catalogue::built_in().expect("it is part of this crate").device {
            for share in [device.bandwidth_share, device.compute_share] {
                assert!(share > 0.0 && share <= 1.0, "{}", device.name);
            }
        }
    }
}
