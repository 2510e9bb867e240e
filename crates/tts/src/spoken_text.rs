//! The sanitiser (being written: for now it only trims).

/// Text that is safe and sensible to synthesise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpokenText(String);

impl SpokenText {
    /// Makes text speakable; `None` if nothing speakable is left of it.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
