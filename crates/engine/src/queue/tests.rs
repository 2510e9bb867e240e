use super::*;
use crate::{CancelOnDrop, Cancelled, cancellation};

struct Named {
    name: &'static str,
    claim: Claim,
    cancelled: Cancelled,
}

impl Job for Named {
    fn claim(&self) -> Claim {
        self.claim
    }
    fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }
    fn way(&self) -> Option<Cancelled> {
        Some(self.cancelled.clone())
    }
}

/// A job that is due in a minute.
fn job(name: &'static str, class: Class, caller: Option<Caller>) -> (CancelOnDrop, Named) {
    let (handle, cancelled) = cancellation();
    let due = Instant::now() + Duration::from_mins(1);
    (handle, Named { name, claim: Claim { caller, class, due }, cancelled })
}

fn drain(queue: &Queue<Named>) -> Vec<&'static str> {
    std::iter::from_fn(|| queue.try_pop()).map(|taken| taken.job.name).collect()
}

#[test]
fn the_urgent_goes_first_and_equals_keep_their_order() {
    let queue = Queue::new(8);
    let jobs = [
        job("partial", Class::Passing, None),
        job("final a", Class::Now, None),
        job("final b", Class::Now, None),
        job("guess", Class::Guess, None),
    ];
    let handles: Vec<_> = jobs
        .into_iter()
        .map(|(handle, job)| {
            assert!(queue.push(job).is_ok());
            handle
        })
        .collect();
    assert_eq!(drain(&queue), ["final a", "final b", "guess", "partial"]);
    drop(handles);
}

#[test]
fn what_nobody_waits_for_is_never_started_and_makes_room() {
    let queue = Queue::new(1);
    let (handle, first) = job("first", Class::Now, None);
    assert!(queue.push(first).is_ok());
    let (_second_handle, second) = job("second", Class::Now, None);
    let Err(Rejected::Full(second)) = queue.push(second) else { panic!("took too many") };
    drop(handle);
    assert!(queue.push(second).is_ok());
    assert_eq!(drain(&queue), ["second"]);
}

#[test]
fn what_is_too_old_is_never_started() {
    let queue = Queue::new(2);
    let (_old_handle, mut old) = job("old", Class::Passing, None);
    old.claim.due = Instant::now();
    assert!(queue.push(old).is_ok());
    assert!(queue.try_pop().is_none());
}

#[test]
fn the_newest_of_a_callers_partials_takes_the_place_of_the_one_before() {
    let queue = Queue::new(1);
    let caller = Some(Caller::new());
    let (_first_handle, first) = job("first", Class::Passing, caller);
    let (_second_handle, second) = job("second", Class::Passing, caller);
    assert!(queue.push(first).is_ok());
    assert!(queue.push(second).is_ok());
    assert_eq!(drain(&queue), ["second"]);
}

#[test]
fn a_full_queue_gives_up_a_guess_for_what_is_waited_for() {
    let queue = Queue::new(1);
    let (_guess_handle, guess) = job("guess", Class::Guess, None);
    let (_final_handle, wanted) = job("final", Class::Now, None);
    assert!(queue.push(guess).is_ok());
    assert!(queue.push(wanted).is_ok());
    assert_eq!(drain(&queue), ["final"]);
}

#[test]
fn a_partial_at_work_gives_way_only_if_no_worker_is_free() {
    let queue = Queue::new(4);
    let (_partial_handle, partial) = job("partial", Class::Passing, None);
    assert!(queue.push(partial).is_ok());
    let Begun { taken, running } = queue.begin().expect("it waits");
    let (_guess_handle, guess) = job("guess", Class::Guess, None);
    assert!(queue.push(guess).is_ok());
    assert!(!running.gave_way(), "a guess is not worth it");
    let (_final_handle, wanted) = job("final", Class::Now, None);
    assert!(queue.push(wanted).is_ok());
    assert!(running.gave_way() && taken.job.is_cancelled());
    drop(running);
    assert_eq!(drain(&queue), ["final", "guess"]);
}

#[test]
fn a_caller_with_a_job_at_work_lets_others_go_first() {
    let queue = Queue::new(4);
    let (greedy, modest) = (Some(Caller::new()), Some(Caller::new()));
    let (_a, first) = job("greedy 1", Class::Now, greedy);
    assert!(queue.push(first).is_ok());
    let begun = queue.begin().expect("it waits");
    let (_b, second) = job("greedy 2", Class::Now, greedy);
    let (_c, other) = job("modest", Class::Now, modest);
    assert!(queue.push(second).is_ok());
    assert!(queue.push(other).is_ok());
    assert_eq!(drain(&queue), ["modest", "greedy 2"]);
    drop(begun);
}

#[test]
fn a_batch_is_the_first_of_those_that_wait_in_order() {
    let queue = Queue::new(8);
    let jobs = [("c", Class::Guess), ("a", Class::Now), ("b", Class::Now), ("d", Class::Passing)];
    let handles: Vec<_> = jobs
        .into_iter()
        .map(|(name, class)| {
            let (handle, job) = job(name, class, None);
            assert!(queue.push(job).is_ok());
            handle
        })
        .collect();
    let names =
        |batch: Vec<Taken<Named>>| -> Vec<_> { batch.iter().map(|taken| taken.job.name).collect() };
    assert_eq!(names(queue.pop_batch(2).expect("they wait")), ["a", "b"]);
    assert_eq!(names(queue.try_pop_batch(5)), ["c", "d"]);
    assert_eq!(names(queue.try_pop_batch(5)), [""; 0]);
    drop(handles);
}

#[test]
fn a_closed_queue_refuses_and_lets_its_threads_end() {
    let queue = Queue::new(1);
    queue.close();
    let (_handle, job) = job("late", Class::Now, None);
    assert!(matches!(queue.push(job), Err(Rejected::Closed(_))));
    assert!(queue.pop().is_none());
}
