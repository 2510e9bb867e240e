//! Smart Turn over recorded speech, as sessions use it.

#[cfg(feature = "smart-turn")]
mod models;
#[cfg(feature = "smart-turn")]
mod smart_turn;
