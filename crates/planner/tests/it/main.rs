//! Plans as those see them who ask for one.

mod simulation;
