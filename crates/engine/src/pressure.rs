//! How near the server is to what it can carry: a decision without threads.

use std::time::Duration;

/// How near the engines are to their limits. Callers do without what costs the most for the least,
/// in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pressure {
    /// There is room.
    #[default]
    Calm,
    /// Partial transcripts are rarer.
    Busy,
    /// There are none, no answer is begun before its turn is over, and newcomers come in one by
    /// one.
    Strained,
    /// Nobody is let in.
    Full,
}

/// What engines may take before nobody is let in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The share of an engine's time in which it is busy: 0.9 leaves a tenth.
    pub busy: f64,
    /// How long jobs wait on average, over how long they can without being noticed.
    pub late: f64,
    /// A step that takes longer than this will not end.
    pub stuck: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { busy: 0.9, late: 1.0, stuck: Duration::from_secs(10) }
    }
}

/// How an engine fares, over some seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// The engine's name.
    pub engine: String,
    /// Its threads.
    pub threads: usize,
    /// The share of their time in which they were busy.
    pub busy: f64,
    /// How long jobs waited on average, over how long they can.
    pub late: f64,
    /// Whether being busy is its limit.
    pub limited_by_time: bool,
}

/// Shares of the limits at which each pressure begins.
const BUSY: f64 = 0.7;
const STRAINED: f64 = 0.85;
const FULL: f64 = 1.0;
/// Pressure falls only when the load is so far below where it began, so that it does not flicker.
const SLACK: f64 = 0.1;

impl Limits {
    /// How much of the limits this engine takes: 1.0 is all.
    pub fn share(&self, load: &Load) -> f64 {
        let late = load.late / self.late;
        if load.limited_by_time { late.max(load.busy / self.busy) } else { late }
    }
}

impl Pressure {
    /// The pressure under these loads, after it was this.
    #[must_use]
    pub fn next(self, loads: &[Load], limits: &Limits) -> Self {
        let share = loads.iter().map(|load| limits.share(load)).fold(0.0, f64::max);
        let risen = Self::of(share);
        let fallen = Self::of(share + SLACK);
        if risen > self { risen } else { fallen.min(self) }
    }

    fn of(share: f64) -> Self {
        match share {
            FULL.. => Self::Full,
            STRAINED.. => Self::Strained,
            BUSY.. => Self::Busy,
            _ => Self::Calm,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn load(busy: f64, late: f64, limited_by_time: bool) -> Load {
        Load { engine: "stt".to_owned(), threads: 2, busy, late, limited_by_time }
    }

    fn after(before: Pressure, loads: &[Load]) -> Pressure {
        before.next(loads, &Limits { busy: 0.8, late: 2.0, ..Limits::default() })
    }

    #[test]
    fn the_engine_nearest_to_its_limit_counts() {
        let idle = load(0.1, 0.0, true);
        for (busy, late, expected) in [
            (0.1, 0.1, Pressure::Calm),
            (0.6, 0.1, Pressure::Busy),
            (0.1, 1.8, Pressure::Strained),
            (0.8, 0.0, Pressure::Full),
            (0.0, 9.0, Pressure::Full),
        ] {
            let loads = [idle.clone(), load(busy, late, true)];
            assert_eq!(after(Pressure::Calm, &loads), expected, "{busy} {late}");
        }
        assert_eq!(after(Pressure::Calm, &[]), Pressure::Calm);
    }

    #[test]
    fn an_engine_that_batches_may_always_be_busy() {
        assert_eq!(after(Pressure::Calm, &[load(1.0, 0.2, false)]), Pressure::Calm);
    }

    #[test]
    fn pressure_falls_later_than_it_rises() {
        let loads = [load(0.65, 0.0, true)];
        assert_eq!(after(Pressure::Calm, &loads), Pressure::Busy);
        assert_eq!(after(Pressure::Strained, &loads), Pressure::Strained);
        assert_eq!(after(Pressure::Strained, &[load(0.55, 0.0, true)]), Pressure::Busy);
        assert_eq!(after(Pressure::Full, &[load(0.0, 0.0, true)]), Pressure::Calm);
    }

    proptest! {
        #[test]
        fn more_load_never_means_less_pressure(
            before in 0_usize..4, busy in 0.0..1.5_f64, more in 0.0..1.0_f64,
        ) {
            let all = [Pressure::Calm, Pressure::Busy, Pressure::Strained, Pressure::Full];
            let less = after(all[before], &[load(busy, 0.0, true)]);
            prop_assert!(after(all[before], &[load(busy + more, 0.0, true)]) >= less);
        }

        #[test]
        fn a_steady_load_settles_at_once(before in 0_usize..4, busy in 0.0..1.5_f64) {
            let all = [Pressure::Calm, Pressure::Busy, Pressure::Strained, Pressure::Full];
            let loads = [load(busy, 0.0, true)];
            let first = after(all[before], &loads);
            prop_assert_eq!(after(first, &loads), first);
        }
    }
}
