//! Which conversation gets one of the model's sequences, and from whom: a decision without a model.
//!
//! There are more conversations than sequences. One that has something to compute gets a sequence
//! that is free, or the one of the conversation that is least missed: of who rests, who has rested
//! longest. What was taken is read again when that conversation asks the next time. An answer that
//! somebody listens to is never disturbed: if all sequences have one, who asks waits in line.

use super::missed::Rank;

/// A conversation that would compute something and has no sequence. Later ones take more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    /// It would read what its caller still says.
    ReadAhead,
    /// It would be answered, perhaps in vain.
    Speculate,
    /// Somebody waits for the answer.
    Answer,
}

/// Someone in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) place: usize,
    pub(super) need: Need,
    /// Whose is lower has asked earlier.
    pub(super) ticket: u64,
}

/// Someone who has a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) place: usize,
    pub(super) rank: Rank,
    /// Whose is lower has rested longer.
    pub(super) last_step: u64,
}

/// A sequence for the conversation at `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seating {
    pub(super) to: usize,
    /// Whose it was; `None` if it was free.
    pub(super) from: Option<usize>,
}

/// Who gets a sequence now. Answers come first, then guesses, then reading ahead; of equals who
/// asked first, so that nobody waits for who came later.
pub(super) fn seat(claims: &[Claim], holders: &[Holder], free: usize) -> Vec<Seating> {
    let mut claims = claims.to_vec();
    claims.sort_unstable_by_key(|claim| (std::cmp::Reverse(claim.need), claim.ticket));
    let mut holders = holders.to_vec();
    holders.sort_unstable_by_key(|holder| (holder.rank, holder.last_step));
    let (mut free, mut holders) = (free, holders.into_iter().peekable());
    let mut seatings = Vec::new();
    for claim in claims {
        let from = if free > 0 {
            free -= 1;
            None
        } else if let Some(holder) = holders.next_if(|holder| gives_way(holder.rank, claim.need)) {
            Some(holder.place)
        } else {
            // who comes now needs it less, and the next holder is missed more
            break;
        };
        seatings.push(Seating { to: claim.place, from });
    }
    seatings
}

fn gives_way(rank: Rank, need: Need) -> bool {
    match need {
        Need::ReadAhead => rank == Rank::Rests,
        Need::Speculate => rank <= Rank::ReadsAhead && rank != Rank::Shared,
        Need::Answer => rank < Rank::Answers && rank != Rank::Shared,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim(place: usize, need: Need, ticket: u64) -> Claim {
        Claim { place, need, ticket }
    }

    fn holder(place: usize, rank: Rank, last_step: u64) -> Holder {
        Holder { place, rank, last_step }
    }

    fn check(
        claims: &[Claim],
        holders: &[Holder],
        free: usize,
        expected: &[(usize, Option<usize>)],
    ) {
        let seatings: Vec<_> =
            seat(claims, holders, free).iter().map(|it| (it.to, it.from)).collect();
        assert_eq!(seatings, expected);
    }

    #[test]
    fn a_free_sequence_is_taken_from_nobody() {
        let holders = [holder(1, Rank::Rests, 3)];
        check(&[claim(2, Need::ReadAhead, 1)], &holders, 1, &[(2, None)]);
    }

    #[test]
    fn who_has_rested_longest_gives_way_first_and_then_who_may_speak_in_vain() {
        let holders = [
            holder(1, Rank::Answers, 1),
            holder(2, Rank::Speculates, 2),
            holder(3, Rank::Rests, 9),
            holder(4, Rank::Rests, 5),
            holder(5, Rank::ReadsAhead, 2),
            holder(6, Rank::Stalls, 0),
        ];
        let claims: Vec<_> =
            (10..16).map(|place| claim(place, Need::Answer, place as u64)).collect();
        let taken = [(10, Some(4)), (11, Some(3)), (12, Some(5)), (13, Some(2)), (14, Some(6))];
        check(&claims, &holders, 0, &taken);
    }

    #[test]
    fn guesses_and_reading_ahead_take_only_what_is_missed_less() {
        let holders = [
            holder(1, Rank::Answers, 1),
            holder(2, Rank::Speculates, 2),
            holder(3, Rank::ReadsAhead, 3),
        ];
        check(&[claim(4, Need::ReadAhead, 1)], &holders, 0, &[]);
        check(&[claim(4, Need::Speculate, 1)], &holders, 0, &[(4, Some(3))]);
        check(&[claim(4, Need::Speculate, 1)], &holders[..2], 0, &[]);
    }

    #[test]
    fn answers_are_in_line_as_they_were_asked_and_guesses_behind_them() {
        let claims =
            [claim(1, Need::Speculate, 1), claim(2, Need::Answer, 7), claim(3, Need::Answer, 4)];
        check(&claims, &[], 2, &[(3, None), (2, None)]);
    }

    fn claims() -> impl Strategy<Value = Vec<Claim>> {
        let need = prop_oneof![Just(Need::ReadAhead), Just(Need::Speculate), Just(Need::Answer)];
        prop::collection::vec((need, 0_u64..50), 0..12).prop_map(|claims| {
            (100..).zip(claims).map(|(place, (need, ticket))| claim(place, need, ticket)).collect()
        })
    }

    fn holders() -> impl Strategy<Value = Vec<Holder>> {
        let rank = prop::sample::select(vec![
            Rank::Rests,
            Rank::ReadsAhead,
            Rank::Speculates,
            Rank::Stalls,
            Rank::Answers,
        ]);
        prop::collection::vec((rank, 0_u64..50), 0..12).prop_map(|holders| {
            (1..).zip(holders).map(|(place, (rank, step))| holder(place, rank, step)).collect()
        })
    }

    proptest! {
        #[test]
        fn nothing_is_given_twice_and_no_answer_is_disturbed(
            claims in claims(),
            holders in holders(),
            free in 0_usize..4,
        ) {
            let seatings = seat(&claims, &holders, free);
            let taken: Vec<usize> = seatings.iter().filter_map(|it| it.from).collect();
            prop_assert!(seatings.len() - taken.len() <= free);
            for (n, place) in taken.iter().enumerate() {
                prop_assert!(!taken[..n].contains(place));
                let holder = holders.iter().find(|it| it.place == *place).unwrap();
                prop_assert!(holder.rank < Rank::Answers);
            }
            for (n, seating) in seatings.iter().enumerate() {
                prop_assert!(seatings[..n].iter().all(|it| it.to != seating.to));
                prop_assert!(claims.iter().any(|it| it.place == seating.to));
            }
        }

        #[test]
        fn an_answer_waits_only_for_answers_that_were_asked_before_or_are_under_way(
            claims in claims(),
            holders in holders(),
            free in 0_usize..4,
        ) {
            let seatings = seat(&claims, &holders, free);
            let seated = |place| seatings.iter().any(|it| it.to == place);
            let answers = || claims.iter().filter(|it| it.need == Need::Answer);
            for waits in answers().filter(|it| !seated(it.place)) {
                for other in claims.iter().filter(|it| seated(it.place)) {
                    prop_assert!(other.need == Need::Answer && other.ticket <= waits.ticket);
                }
                let left = holders.iter().filter(|it| {
                    it.rank < Rank::Answers && seatings.iter().all(|seat| seat.from != Some(it.place))
                });
                prop_assert_eq!(left.count(), 0);
            }
        }

        #[test]
        fn who_has_rested_longest_is_taken_first(
            claims in claims(),
            holders in holders(),
            free in 0_usize..4,
        ) {
            let seatings = seat(&claims, &holders, free);
            let taken = |holder: &Holder| seatings.iter().any(|it| it.from == Some(holder.place));
            for left in holders.iter().filter(|it| !taken(it)) {
                for gone in holders.iter().filter(|it| taken(it)) {
                    prop_assert!((gone.rank, gone.last_step) <= (left.rank, left.last_step));
                }
            }
        }
    }
}
