use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const CLASSES: [Class; 4] = [Class::Now, Class::Ahead, Class::Guess, Class::Passing];

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A claim that is due so many milliseconds after the beginning.
fn claim(start: Instant, caller: u64, class: Class, due: u64) -> Claim {
    Claim { caller: Some(Caller(caller)), class, due: start + ms(due) }
}

#[test]
fn two_callers_are_never_the_same() {
    assert_ne!(Caller::new(), Caller::new());
}

#[test]
fn what_is_waited_for_comes_before_what_is_not() {
    let start = Instant::now();
    let of = |class, due| claim(start, 1, class, due);
    let waiting = [
        of(Class::Passing, 0),
        of(Class::Guess, 0),
        of(Class::Ahead, 2_000),
        of(Class::Now, 3_000),
    ];
    let order = |waiting: &[Claim]| next(waiting, &[], start);
    assert_eq!(order(&waiting), Some(3));
    assert_eq!(order(&waiting[..3]), Some(2));
    assert_eq!(order(&waiting[..2]), Some(1));
    assert_eq!(order(&waiting[..1]), Some(0));
    assert_eq!(order(&[]), None);
}

#[test]
fn later_sentences_run_by_the_time_to_the_next_underrun() {
    let start = Instant::now();
    let of = |due| claim(start, due, Class::Ahead, due);
    assert_eq!(next(&[of(3_000), of(900), of(2_000)], &[], start), Some(1));
}

#[test]
fn sound_whose_lack_would_soon_be_heard_competes_with_first_sounds() {
    let start = Instant::now();
    let first = claim(start, 1, Class::Now, 150);
    let later = claim(start, 2, Class::Ahead, 1_000);
    assert_eq!(next(&[first, later], &[], start), Some(0));
    assert_eq!(next(&[claim(start, 1, Class::Now, 1_050), later], &[], start + ms(900)), Some(1));
}

#[test]
fn callers_take_turns() {
    let start = Instant::now();
    let (greedy, modest) = (claim(start, 1, Class::Now, 10), claim(start, 2, Class::Now, 500));
    assert_eq!(next(&[greedy, modest], &[], start), Some(0));
    assert_eq!(next(&[greedy, modest], &[greedy.caller], start), Some(1));
}

#[test]
fn a_partial_transcript_is_replaced_by_the_callers_next_and_by_nobody_elses() {
    let start = Instant::now();
    let of = |caller, class| claim(start, caller, class, 0);
    assert!(of(1, Class::Passing).replaces(&of(1, Class::Passing)));
    assert!(!of(2, Class::Passing).replaces(&of(1, Class::Passing)));
    assert!(!of(1, Class::Now).replaces(&of(1, Class::Passing)));
    assert!(!of(1, Class::Passing).replaces(&of(1, Class::Now)));
}

#[test]
fn only_what_passes_gets_too_old_and_gives_way() {
    let start = Instant::now();
    for class in CLASSES {
        let is_stale = claim(start, 1, class, 100).is_stale(start + ms(101));
        assert_eq!(is_stale, class == Class::Passing, "{class:?}");
        let newcomer = claim(start, 1, class, 1_000);
        let way = gives_way(&[Class::Now, Class::Guess, Class::Passing], &newcomer, start);
        assert_eq!(way, (class == Class::Now).then_some(2), "{class:?}");
    }
    assert_eq!(gives_way(&[Class::Guess], &claim(start, 1, Class::Now, 0), start), None);
}

#[test]
fn a_full_queue_gives_up_the_least_for_the_more_urgent_only() {
    let start = Instant::now();
    let of = |class| claim(start, 1, class, 2_000);
    let waiting = [of(Class::Now), of(Class::Passing), of(Class::Guess), of(Class::Ahead)];
    assert_eq!(makes_room(&waiting, &of(Class::Guess), start), Some(1));
    assert_eq!(makes_room(&waiting, &of(Class::Passing), start), None);
    assert_eq!(makes_room(&[of(Class::Ahead)], &of(Class::Now), start), None);
}

/// A job of the model below: arrives, waits, runs for a while.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: u64,
    caller: u64,
    class: Class,
    patience: u64,
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let arrival = (0_u64..2_000, 0_u64..5, 0_usize..4, 0_u64..1_500);
    let arrival = arrival.prop_map(|(at, caller, class, patience)| Arrival {
        at,
        caller,
        class: CLASSES[class],
        patience,
    });
    prop::collection::vec(arrival, 1..60)
}

/// Who began when, on one worker that takes 40 ms for each job.
fn run(mut arrivals: Vec<Arrival>) -> Vec<(Arrival, u64)> {
    const TAKES: u64 = 40;
    arrivals.sort_by_key(|arrival| arrival.at);
    let start = Instant::now();
    let mut coming = VecDeque::from(arrivals);
    let mut waiting: Vec<(Arrival, Claim)> = Vec::new();
    let mut began = Vec::new();
    let mut now = 0;
    while !(coming.is_empty() && waiting.is_empty()) {
        while coming.front().is_some_and(|arrival| arrival.at <= now) {
            let Some(arrival) = coming.pop_front() else { break };
            let due = arrival.at + arrival.patience;
            waiting.push((arrival, claim(start, arrival.caller, arrival.class, due)));
        }
        let claims: Vec<Claim> = waiting.iter().map(|(_, claim)| *claim).collect();
        match next(&claims, &[], start + ms(now)) {
            Some(index) => {
                began.push((waiting.remove(index).0, now));
                now += TAKES;
            }
            None => now = coming.front().map_or(now, |arrival| arrival.at),
        }
    }
    began
}

proptest! {
    #[test]
    fn all_that_came_is_run_once(arrivals in arrivals()) {
        prop_assert_eq!(run(arrivals.clone()).len(), arrivals.len());
    }

    /// No starvation: what is waited for is passed only by what was due before it.
    #[test]
    fn nobody_waits_for_what_is_due_later(arrivals in arrivals()) {
        let began = run(arrivals);
        for (later, (job, at)) in began.iter().enumerate() {
            if job.class != Class::Now {
                continue;
            }
            for (passed, when) in &began[..later] {
                // it was chosen while this one waited
                if *when < job.at {
                    continue;
                }
                let due = |job: &Arrival| job.at + job.patience;
                prop_assert!(
                    matches!(passed.class, Class::Now | Class::Ahead) && due(passed) <= due(job),
                    "{passed:?} at {when} before {job:?} at {at}"
                );
            }
        }
    }

    /// However many first sounds keep coming, a later sentence that is due is not overtaken by
    /// those that are due after it.
    #[test]
    fn a_later_sentence_is_served_when_it_is_due(due in 0_u64..5_000, others in prop::collection::vec(0_u64..5_000, 0..30)) {
        let start = Instant::now();
        let sentence = claim(start, 0, Class::Ahead, due);
        let mut waiting: Vec<Claim> =
            others.iter().map(|other| claim(start, 1, Class::Now, due + 1 + other)).collect();
        waiting.push(sentence);
        prop_assert_eq!(next(&waiting, &[], start + ms(due)), Some(waiting.len() - 1));
    }

    /// Guesses and what passes never delay anybody: without them all else is chosen the same.
    #[test]
    fn what_may_be_dropped_changes_nothing_for_the_others(arrivals in arrivals()) {
        let start = Instant::now();
        let claims: Vec<Claim> = arrivals
            .iter()
            .map(|arrival| claim(start, arrival.caller, arrival.class, arrival.patience))
            .collect();
        let matters = |claim: &Claim| matches!(claim.class, Class::Now | Class::Ahead);
        let without: Vec<Claim> = claims.iter().copied().filter(matters).collect();
        let chosen = |waiting: &[Claim]| {
            next(waiting, &[], start).map(|index| (waiting[index].caller, waiting[index].due))
        };
        if !without.is_empty() {
            prop_assert_eq!(chosen(&claims), chosen(&without));
        }
    }

    #[test]
    fn what_makes_room_is_never_waited_for(arrivals in arrivals(), newcomer in 0_usize..4) {
        let start = Instant::now();
        let claims: Vec<Claim> = arrivals
            .iter()
            .map(|arrival| claim(start, arrival.caller, arrival.class, arrival.patience))
            .collect();
        let newcomer = claim(start, 9, CLASSES[newcomer], 100);
        if let Some(index) = makes_room(&claims, &newcomer, start) {
            prop_assert!(matches!(claims[index].class, Class::Guess | Class::Passing));
            prop_assert!(newcomer.class < claims[index].class);
        }
    }
}
