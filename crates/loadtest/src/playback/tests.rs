use super::*;

const RATE: SampleRate = SampleRate::HZ_16000;

fn after(start: Instant, millis: u64) -> Instant {
    start + Duration::from_millis(millis)
}

fn told(position: u64, playing: bool) -> ClientMessage {
    ClientMessage::Playback { response: 1, position, playing }
}

#[test]
fn what_arrives_early_sounds_in_its_turn_and_what_arrives_late_when_it_is_there() {
    let start = Instant::now();
    let mut playback = Playback::new(RATE);
    for arrival in [0, 10, 300] {
        let position = playback.samples.len() as u64;
        playback.arrived(1, position, &[0.1; 1_600], after(start, arrival));
    }
    assert_eq!(playback.sounds_at(800), Some(after(start, 50)));
    assert_eq!(playback.sounds_at(2_400), Some(after(start, 150)));
    assert_eq!(playback.sounds_at(3_200), Some(after(start, 300)));
    assert_eq!(playback.sounds_at(4_800), None);
    assert_eq!(playback.underruns(), 1);
    assert_eq!(playback.position(after(start, 250)), 3_200);
    assert_eq!(playback.position(after(start, 350)), 4_000);
}

#[test]
fn it_tells_the_start_each_quarter_second_and_the_end_and_nothing_else() {
    let start = Instant::now();
    let mut playback = Playback::new(RATE);
    assert_eq!(playback.report(start), None);
    playback.arrived(1, 0, &vec![0.1; 4_800], start);
    assert_eq!(playback.report(start), Some(told(0, true)));
    assert_eq!(playback.report(after(start, 200)), None);
    assert_eq!(playback.report(after(start, 250)), Some(told(4_000, true)));
    assert_eq!(playback.report(after(start, 300)), Some(told(4_800, false)));
    playback.complete(1);
    assert_eq!(playback.report(after(start, 310)), Some(told(4_800, false)), "the last sound");
    assert_eq!(playback.report(after(start, 900)), None);
}

#[test]
fn it_is_over_when_all_has_come_and_been_heard() {
    let start = Instant::now();
    let mut playback = Playback::new(RATE);
    assert!(playback.is_over(start), "nothing to hear");
    playback.arrived(1, 0, &[0.1; 1_600], start);
    assert!(!playback.is_over(after(start, 100)), "more may come");
    playback.complete(1);
    assert!(!playback.is_over(after(start, 99)));
    assert!(playback.is_over(after(start, 100)));
}

#[test]
fn a_stopped_response_and_an_earlier_one_are_not_heard() {
    let start = Instant::now();
    let mut playback = Playback::new(RATE);
    playback.arrived(1, 0, &[0.1; 100], start);
    playback.arrived(2, 0, &[0.2; 100], start);
    assert_eq!(*playback.sound().samples, [0.2; 100]);
    playback.stop(1, start);
    assert_eq!(playback.sound().samples.len(), 100);
    playback.stop(2, start);
    assert_eq!(playback.sound().samples.len(), 0);
    assert_eq!(playback.report(start), None);
}

#[test]
fn a_held_response_goes_on_with_the_sample_at_which_it_was_held() {
    let start = Instant::now();
    let mut playback = Playback::new(RATE);
    playback.arrived(1, 0, &[0.1; 3_200], start);
    assert_eq!(playback.report(start), Some(told(0, true)));
    playback.pause(1, after(start, 100));
    assert_eq!(playback.report(after(start, 101)), Some(told(1_600, false)));
    playback.arrived(1, 3_200, &[0.1; 1_600], after(start, 400));
    playback.complete(1);
    assert_eq!(playback.report(after(start, 900)), Some(told(1_600, false)));
    assert!(!playback.is_over(after(start, 900)), "it may go on");
    assert_eq!(playback.silent_for(after(start, 900)), Duration::from_millis(800));
    playback.resume(1, after(start, 1_100));
    assert_eq!(playback.report(after(start, 1_100)), Some(told(1_600, true)));
    assert_eq!(playback.sounds_at(1_599), Some(start + RATE.duration_of(1_599)));
    assert_eq!(playback.sounds_at(1_600), Some(after(start, 1_100)));
    assert_eq!(playback.sounds_at(3_200), Some(after(start, 1_200)));
    assert_eq!((playback.held(), playback.underruns()), (Duration::from_secs(1), 0));
    assert!(playback.is_over(after(start, 1_300)));
}

#[test]
fn what_arrives_while_held_and_dry_sounds_when_it_goes_on() {
    let start = Instant::now();
    let mut playback = Playback::new(RATE);
    playback.arrived(1, 0, &[0.1; 1_600], start);
    playback.pause(1, after(start, 200));
    playback.arrived(1, 1_600, &[0.1; 1_600], after(start, 300));
    playback.resume(1, after(start, 500));
    assert_eq!(playback.sounds_at(1_600), Some(after(start, 500)));
    assert_eq!(playback.underruns(), 1, "it was dry before it was held");
}

#[test]
fn others_are_not_held_and_going_on_twice_changes_nothing() {
    let start = Instant::now();
    let mut playback = Playback::new(RATE);
    playback.arrived(2, 0, &[0.1; 3_200], start);
    playback.pause(1, after(start, 10));
    playback.resume(2, after(start, 20));
    assert_eq!(playback.sounds_at(1_600), Some(after(start, 100)));
    playback.pause(3, after(start, 30));
    playback.arrived(3, 0, &[0.1; 1_600], after(start, 40));
    assert_eq!(playback.position(after(start, 90)), 0, "held before it began");
    playback.resume(3, after(start, 140));
    assert_eq!(playback.sounds_at(0), Some(after(start, 140)));
}

#[test]
fn a_response_is_silent_from_where_it_was_held_or_stopped() {
    let start = Instant::now();
    let silent = |at: Option<u64>, last_arrival| {
        let at = at.map(|millis| after(start, millis));
        Some(Silenced { response: 1, at, last_arrival: Some(after(start, last_arrival)) })
    };
    let playing = || {
        let mut playback = Playback::new(RATE);
        playback.arrived(1, 0, &vec![0.1; 8_000], start);
        playback
    };
    let mut stopped = playing();
    stopped.stop(1, after(start, 300));
    assert_eq!(stopped.silenced(), silent(Some(300), 0));
    stopped.arrived(1, 8_000, &[0.1; 1_600], after(start, 320));
    assert_eq!(stopped.silenced(), silent(Some(300), 320));
    assert_eq!(stopped.began(), None, "what comes too late does not sound");

    let mut held = playing();
    held.pause(1, after(start, 200));
    held.stop(1, after(start, 400));
    assert_eq!(held.silenced(), silent(Some(200), 0));

    let mut over = playing();
    over.complete(1);
    over.stop(1, after(start, 600));
    assert_eq!(over.silenced(), silent(None, 0));
    over.arrived(2, 0, &[0.1; 1_600], after(start, 700));
    assert_eq!(over.silenced(), silent(None, 0), "the next response does not hide it");
}

#[test]
fn a_response_may_begin_in_its_midst() {
    let start = Instant::now();
    let mut playback = Playback::new(RATE);
    playback.arrived(1, 8_000, &[0.1; 1_600], start);
    assert_eq!(playback.report(start), Some(told(8_000, true)));
    assert_eq!(playback.report(after(start, 100)), Some(told(9_600, false)));
    assert_eq!(playback.sounded(after(start, 50)), Duration::from_millis(50));
    assert_eq!(playback.sounds_at(800), Some(after(start, 50)));
    assert_eq!(playback.sounds_at(1_600), None);
}
