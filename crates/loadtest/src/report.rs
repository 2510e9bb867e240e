//! What a run amounts to, for people and for programs.
//!
//! [`Report`] is for callers that ask one question after the other; everything else is made of an
//! [`Outcome`](crate::Outcome): [`summary`] has its figures, [`text`], [`markdown`] and [`html`]
//! show them, [`csv`] has a line for each turn, and [`field_terms`] tells them as others do.

mod csv;
mod field;
mod html;
mod rows;
mod server;
mod summary;
#[cfg(test)]
mod synthetic;
mod table;
#[cfg(test)]
mod tests;
mod turns;

pub use csv::csv;
pub use field::{Figure, Measured, Project, Spread, field_terms, terms};
pub use html::html;
pub use server::{Course, EngineFigures, ServerFigures};
pub use summary::{CallFigures, Summary, TurnFigures, WordErrors, summary};
pub use table::{markdown, text};
pub use turns::{Part, Report};
