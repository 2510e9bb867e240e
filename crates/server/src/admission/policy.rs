//! Whether the next caller comes in. Pure: what is known goes in, the decision comes out.

use std::time::Duration;

use engine::Pressure;
use serde::Serialize;

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    /// Callers who have a place.
    pub(crate) active: usize,
    /// Places.
    pub(crate) max: usize,
    /// How busy the models are.
    pub(crate) pressure: Pressure,
    /// How long ago the last caller was let in; `None`: nobody was yet.
    pub(crate) since_last: Option<Duration>,
    /// Under strain, one newcomer in so much time.
    pub(crate) admit_every: Duration,
}

/// What becomes of the next caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Come in.
    Admit,
    /// Not before so much time has passed.
    Wait(Duration),
    /// Not now, and nobody can say when.
    Refuse(Reason),
}

/// What keeps a caller out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// So many callers at once.
    Places,
    /// The models have no headroom for one more.
    Load,
}

/// What becomes of the next caller in this situation.
///
/// A caller who has just come in is felt by the models only once they speak: under strain the next
/// one waits until that could be measured.
pub(crate) fn decide(situation: &Situation) -> Decision {
    let Situation { active, max, pressure, since_last, admit_every } = *situation;
    if active >= max {
        return Decision::Refuse(Reason::Places);
    }
    match pressure {
        Pressure::Calm | Pressure::Busy => Decision::Admit,
        Pressure::Full => Decision::Refuse(Reason::Load),
        Pressure::Strained => match since_last {
            Some(since) if since < admit_every => Decision::Wait(admit_every.saturating_sub(since)),
            _ => Decision::Admit,
        },
    }
}

impl Decision {
    /// What keeps the caller out; `None` if nothing does.
    pub(crate) fn reason(self) -> Option<Reason> {
        match self {
            Self::Admit => None,
            Self::Wait(_) => Some(Reason::Load),
            Self::Refuse(reason) => Some(reason),
        }
    }
}

impl Reason {
    /// Its name on the wire and in the measurements.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Places => "places",
            Self::Load => "load",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVERY: Duration = Duration::from_secs(2);

    fn situation(active: usize, pressure: Pressure, since_last: Option<Duration>) -> Situation {
        Situation { active, max: 8, pressure, since_last, admit_every: EVERY }
    }

    fn decided(active: usize, pressure: Pressure, since_ms: u64) -> Decision {
        decide(&situation(active, pressure, Some(Duration::from_millis(since_ms))))
    }

    #[test]
    fn who_finds_a_place_and_idle_models_comes_in_at_once() {
        assert_eq!(decided(7, Pressure::Calm, 0), Decision::Admit);
        assert_eq!(decided(7, Pressure::Busy, 0), Decision::Admit);
    }

    #[test]
    fn nobody_comes_in_without_a_place() {
        for pressure in [Pressure::Calm, Pressure::Busy, Pressure::Strained, Pressure::Full] {
            assert_eq!(decided(8, pressure, 60_000), Decision::Refuse(Reason::Places));
        }
    }

    #[test]
    fn nobody_comes_in_when_the_models_have_no_headroom() {
        assert_eq!(decided(0, Pressure::Full, 60_000), Decision::Refuse(Reason::Load));
    }

    #[test]
    fn under_strain_one_comes_in_at_a_time() {
        let left = Decision::Wait(Duration::from_millis(1_500));
        assert_eq!(decided(3, Pressure::Strained, 500), left);
        assert_eq!(decided(3, Pressure::Strained, 2_000), Decision::Admit);
        assert_eq!(decide(&situation(0, Pressure::Strained, None)), Decision::Admit);
    }

    proptest! {
        #[test]
        fn more_pressure_never_lets_in_whom_less_keeps_out(
            active in 0usize..10,
            since_ms in 0u64..4_000,
        ) {
            let levels = [Pressure::Calm, Pressure::Busy, Pressure::Strained, Pressure::Full];
            let admitted = levels.map(|pressure| decided(active, pressure, since_ms))
                .map(|decision| decision == Decision::Admit);
            prop_assert!(admitted.is_sorted_by(|easier, harder| easier >= harder), "{admitted:?}");
        }

        #[test]
        fn who_waits_as_long_as_told_comes_in_if_nothing_else_changes(since_ms in 0u64..2_000) {
            let Decision::Wait(wait) = decided(3, Pressure::Strained, since_ms) else {
                return Err(TestCaseError::fail("no need to wait"));
            };
            let since = Some(Duration::from_millis(since_ms) + wait);
            prop_assert_eq!(decide(&situation(3, Pressure::Strained, since)), Decision::Admit);
        }
    }
}
