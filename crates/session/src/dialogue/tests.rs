//! Conversations as scripts: what is heard and answered goes in, what is told and done comes out.

mod answers;
mod away;
mod commands;
mod deck;
mod guesses;
mod heard;
mod interruptions;
mod over_words;
mod partials;
mod player;
mod properties;
mod remembered;
mod turn_ends;
mod world;
mod writing;
