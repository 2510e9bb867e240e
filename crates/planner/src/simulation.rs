//! Callers who share a machine, in simulated time: the same for the same seed.
//!
//! Each caller thinks, speaks, hears the answer and thinks again. What the product would decide is
//! decided by its own functions; how long it takes is read from curves, and stretched by whatever
//! else runs on the same cores or the same GPU at that moment.

mod calendar;
mod caller;
mod line;
mod outlook;
mod random;
mod sharing;
mod world;
mod writer;

use self::world::World;
pub use outlook::Outlook;

use crate::{Hardware, Talk, throughput::most};

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Simulation<'a> {
    /// What callers share.
    pub hardware: &'a Hardware,
    /// How they talk.
    pub talk: &'a Talk,
    /// How many there are.
    pub callers: usize,
    /// For how long; the first turns of all do not count.
    pub seconds: f64,
    /// Another one gives other turns and pauses.
    pub seed: u64,
}

impl Simulation<'_> {
    /// Lets them talk.
    pub fn run(&self) -> Outlook {
        World::new(self).run()
    }
}

/// The largest number of callers, up to `limit`, of whom 19 of 20 wait for at most `p95` seconds
/// and whose answers hardly ever fall silent, with its outlook; `None` if one is too many.
pub fn largest(
    limit: usize,
    p95: f64,
    simulate: impl Fn(usize) -> Outlook,
) -> Option<(usize, Outlook)> {
    let fits = |callers: usize| callers <= limit && simulate(callers).is_good(p95);
    match most(fits) {
        0 => None,
        callers => Some((callers, simulate(callers))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlook(latency: f64) -> Outlook {
        Outlook::of(vec![vec![latency]], (1, 0), Vec::new())
    }

    #[test]
    fn the_largest_number_that_is_served_well_is_found() {
        let simulate = |callers: usize| outlook(if callers <= 11 { 0.5 } else { 2.0 });
        let found = |limit, p95| largest(limit, p95, simulate).map(|(callers, _)| callers);
        assert_eq!(found(100, 1.5), Some(11));
        assert_eq!(found(6, 1.5), Some(6));
        assert_eq!(found(100, 0.4), None);
    }
}
