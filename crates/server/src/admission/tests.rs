//! The door as a whole, in paused time.

use futures_util::FutureExt;

use super::*;

fn door(places: usize, waiting_room: usize) -> Admission {
    let settings = Settings {
        max_connections: places,
        waiting_room,
        admit_every: Duration::from_secs(2),
        ..Settings::default()
    };
    Admission::new(&settings, Metrics::unregistered())
}

/// The door with somebody at it.
fn attended(places: usize, waiting_room: usize) -> (Admission, tokio::task::JoinSet<()>) {
    let door = door(places, waiting_room);
    let mut tasks = tokio::task::JoinSet::new();
    let attending = door.clone();
    tasks.spawn(async move { attending.attend().await });
    (door, tasks)
}

async fn called(waiting: &mut Waiting) -> Permit {
    loop {
        if let News::Called(permit) = waiting.news().await {
            return permit;
        }
    }
}

fn positions(waiting: &[Waiting]) -> Vec<Option<usize>> {
    waiting.iter().map(|one| one.standing().map(|standing| standing.position)).collect()
}

#[test]
fn a_place_comes_back_when_its_permit_goes() {
    let door = door(2, 0);
    let first = door.enter().expect("there is room");
    let _second = door.enter().expect("there is room");
    assert_eq!(door.keeps_out(), Some(Reason::Places));
    assert_eq!(door.enter().expect_err("it is full").reason, Reason::Places);
    assert!(door.stand_in_line().is_none(), "there is no waiting room");
    drop(first);
    assert_eq!(door.active(), 1);
    assert!(door.enter().is_ok());
}

#[test]
fn models_without_headroom_keep_callers_out_of_free_places() {
    let door = door(2, 0);
    door.feel(Pressure::Full);
    assert_eq!(door.enter().expect_err("no headroom").reason, Reason::Load);
    assert_eq!(door.keeps_out(), Some(Reason::Load));
    door.feel(Pressure::Busy);
    assert!(door.enter().is_ok());
}

#[tokio::test(start_paused = true)]
async fn under_strain_the_next_caller_is_told_when_to_come() {
    let door = door(5, 0);
    door.feel(Pressure::Strained);
    let _first = door.enter().expect("the first one");
    let refusal = door.enter().expect_err("too soon after the first");
    assert_eq!((refusal.reason, refusal.retry_after), (Reason::Load, Duration::from_secs(2)));
    tokio::time::advance(refusal.retry_after).await;
    assert!(door.enter().is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_is_refused_may_ask_again_when_somebody_should_have_left() {
    let door = door(2, 0);
    let (first, _second) = (door.enter().expect("room"), door.enter().expect("room"));
    assert_eq!(door.enter().expect_err("full").retry_after, RETRY_AFTER, "nobody has left yet");
    tokio::time::advance(Duration::from_secs(40)).await;
    drop(first);
    let _third = door.enter().expect("room");
    assert_eq!(door.enter().expect_err("full").retry_after, Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn those_in_line_come_in_first_and_in_order() {
    let (door, _attending) = attended(1, 2);
    let inside = door.enter().expect("room");
    let mut line: Vec<Waiting> = (0..2).filter_map(|_| door.stand_in_line()).collect();
    assert!(door.stand_in_line().is_none(), "the line is full");
    assert_eq!(positions(&line), [Some(1), Some(2)]);
    drop(inside);
    // before anybody was called, and after
    assert!(door.enter().is_err(), "nobody passes those who wait");
    let permit = called(&mut line[0]).await;
    assert!(door.enter().is_err());
    assert_eq!(positions(&line), [None, Some(1)]);
    assert!(called(&mut line[1]).now_or_never().is_none());
    drop(permit);
    let _permit = called(&mut line[1]).await;
    assert_eq!(door.active(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_line_leaves_the_place_to_the_next() {
    let (door, _attending) = attended(1, 3);
    let inside = door.enter().expect("room");
    let mut line: Vec<Waiting> = (0..3).filter_map(|_| door.stand_in_line()).collect();
    drop(line.remove(1));
    assert_eq!(positions(&line), [Some(1), Some(2)]);
    assert!(matches!(line[1].news().await, News::Moved));
    drop(inside);
    // called, and gone without having noticed
    tokio::task::yield_now().await;
    drop(line.remove(0));
    let _permit = called(&mut line[0]).await;
    assert_eq!((door.active(), door.waiting()), (1, (0, 3)));
}

#[tokio::test(start_paused = true)]
async fn under_strain_the_line_comes_in_one_by_one() {
    let (door, _attending) = attended(5, 3);
    door.feel(Pressure::Strained);
    let started = Instant::now();
    let mut permits = vec![door.enter().expect("the first one")];
    let mut line: Vec<Waiting> = (0..3).filter_map(|_| door.stand_in_line()).collect();
    for (seconds, waiting) in [2, 4, 6].into_iter().zip(&mut line) {
        permits.push(called(waiting).await);
        assert_eq!(started.elapsed().as_secs(), seconds);
    }
    assert_eq!(door.active(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_line_goes_on_when_the_models_have_headroom_again() {
    let (door, _attending) = attended(5, 1);
    door.feel(Pressure::Full);
    let mut waiting = door.stand_in_line().expect("the line is empty");
    assert_eq!(waiting.standing().map(|standing| standing.wait), Some(None));
    assert!(tokio::time::timeout(Duration::from_mins(10), called(&mut waiting)).await.is_err());
    door.feel(Pressure::Calm);
    let _permit = called(&mut waiting).await;
}

#[tokio::test(start_paused = true)]
async fn the_estimate_comes_from_how_long_callers_stay() {
    let (door, _attending) = attended(1, 2);
    let inside = door.enter().expect("room");
    tokio::time::advance(Duration::from_millis(90_500)).await;
    drop(inside);
    let _inside = door.enter().expect("room");
    let line = [door.stand_in_line(), door.stand_in_line()];
    let waits = line.each_ref().map(|waiting| waiting.as_ref()?.standing()?.wait);
    assert_eq!(waits, [91, 181].map(|seconds| Some(Duration::from_secs(seconds))));
}
