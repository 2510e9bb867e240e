//! How long it may take until there is a place: from how long the last callers stayed. Pure.

use std::{collections::VecDeque, time::Duration};

use engine::Pressure;

/// So many of the last callers count: enough for a mean, few enough that it follows the day.
const COUNTED: usize = 32;

/// How long the last callers stayed.
#[derive(Debug, Default)]
pub(crate) struct Stays(VecDeque<Duration>);

/// What an estimate of somebody's wait depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    /// Where they stand: 1 is in front.
    pub(crate) position: usize,
    /// Callers who have a place.
    pub(crate) active: usize,
    /// Places.
    pub(crate) max: usize,
    /// How busy the models are.
    pub(crate) pressure: Pressure,
    /// Under strain, one newcomer in so much time.
    pub(crate) admit_every: Duration,
}

impl Stays {
    /// Notes how long a caller who has left had stayed.
    pub(crate) fn note(&mut self, stay: Duration) {
        if self.0.len() == COUNTED {
            self.0.pop_front();
        }
        self.0.push_back(stay);
    }

    /// How long it takes on average until one of so many callers leaves; `None` if it is not known
    /// how long they stay, or there is nobody who could leave.
    pub(crate) fn until_one_leaves(&self, active: usize) -> Option<Duration> {
        let counted = u32::try_from(self.0.len()).ok().filter(|counted| *counted > 0)?;
        let active = u32::try_from(active).ok().filter(|active| *active > 0)?;
        let all: Duration = self.0.iter().sum();
        Some(all / counted / active)
    }

    /// How long somebody in line may have to wait; `None`: nobody can tell.
    pub(crate) fn wait(&self, outlook: &Outlook) -> Option<Duration> {
        let Outlook { position, active, max, pressure, admit_every } = *outlook;
        let free = max.saturating_sub(active);
        let in_turn =
            |each: Duration, turns: usize| each * u32::try_from(turns).unwrap_or(u32::MAX);
        let for_a_place = match position.saturating_sub(free) {
            0 => Duration::ZERO,
            leaving => in_turn(self.until_one_leaves(active)?, leaving),
        };
        match pressure {
            Pressure::Calm | Pressure::Busy => Some(for_a_place),
            Pressure::Strained => Some(for_a_place.max(in_turn(admit_every, position))),
            Pressure::Full => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn stays(minutes: &[u32]) -> Stays {
        let mut stays = Stays::default();
        for stay in minutes {
            stays.note(MINUTE * *stay);
        }
        stays
    }

    fn outlook(position: usize, active: usize, pressure: Pressure) -> Outlook {
        Outlook { position, active, max: 4, pressure, admit_every: Duration::from_secs(2) }
    }

    #[test]
    fn nobody_can_tell_before_somebody_has_left() {
        assert_eq!(stays(&[]).wait(&outlook(1, 4, Pressure::Calm)), None);
        assert_eq!(stays(&[]).until_one_leaves(4), None);
    }

    #[test]
    fn of_four_who_stay_eight_minutes_one_leaves_every_two() {
        let stays = stays(&[4, 12]);
        assert_eq!(stays.until_one_leaves(4), Some(2 * MINUTE));
        assert_eq!(stays.wait(&outlook(1, 4, Pressure::Calm)), Some(2 * MINUTE));
        assert_eq!(stays.wait(&outlook(3, 4, Pressure::Busy)), Some(6 * MINUTE));
    }

    #[test]
    fn where_places_are_free_only_the_strain_is_waited_for() {
        let stays = stays(&[8]);
        assert_eq!(stays.wait(&outlook(2, 1, Pressure::Calm)), Some(Duration::ZERO));
        let strained = Some(Duration::from_secs(4));
        assert_eq!(stays.wait(&outlook(2, 1, Pressure::Strained)), strained);
        assert_eq!(stays.wait(&outlook(2, 1, Pressure::Full)), None);
    }

    #[test]
    fn only_the_last_callers_count() {
        let mut stays = stays(&[100; 50]);
        (0..COUNTED).for_each(|_| stays.note(MINUTE));
        assert_eq!(stays.until_one_leaves(1), Some(MINUTE));
    }

    proptest! {
        #[test]
        fn who_stands_further_back_never_waits_shorter(
            minutes in prop::collection::vec(0u32..90, 1..40),
            active in 0usize..6,
        ) {
            let stays = stays(&minutes);
            for pressure in [Pressure::Calm, Pressure::Strained] {
                let waits = (1..20).map(|position| stays.wait(&outlook(position, active, pressure)));
                let known: Vec<_> = waits.map_while(|wait| wait).collect();
                prop_assert!(known.is_sorted(), "{known:?}");
            }
        }
    }
}
