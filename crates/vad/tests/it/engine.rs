//! The engine, with a backend that does what its frames say.

use std::{
    pin::pin,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    task::{Context, Poll, Waker},
};

use ::engine::Metrics;
use tokio::task::JoinSet;
use vad::{Backend, Engine, FRAME_SAMPLES, Rest, Row, State, Stream, VadError};

/// A frame over which the backend fails, or panics.
const FAIL: f32 = 0.5;
const PANIC: f32 = 0.9;
/// A frame that a model makes nothing of, which then stays in its memory.
const POISON: f32 = -1.0;

/// Remembers how many frames a stream has had: the probability is a hundredth of it. Tells the
/// test of each step's rows, and waits for its leave.
struct Counting {
    steps: SyncSender<usize>,
    leave: Receiver<()>,
}

impl Backend for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn initial_state(&self) -> State {
        State(vec![0.0].into())
    }

    fn step(&mut self, rows: &mut [Row]) -> Result<(), VadError> {
        self.steps.send(rows.len()).expect("the test listens");
        self.leave.recv().expect("the test lets go on");
        for row in rows {
            assert!(row.samples[0] < PANIC, "this frame is meant to panic");
            if row.samples[0] >= FAIL {
                return Err(VadError::Model("as the frame says".to_owned()));
            }
            let step = if row.samples[0] > POISON { 1.0 } else { f32::NAN };
            row.state.0[0] += step;
            row.probability = row.state.0[0] / 100.0;
        }
        Ok(())
    }
}

/// An engine, and the test's ends of its backend.
struct Rig {
    // before the engine: dropping it lets the thread end, which the engine waits for
    leave: SyncSender<()>,
    steps: Receiver<usize>,
    engine: Engine,
    metrics: ::engine::EngineMetrics,
}

fn rig(capacity: usize) -> Rig {
    let (steps_tx, steps) = sync_channel(64);
    let (leave, leave_rx) = sync_channel(64);
    let backend = Counting { steps: steps_tx, leave: leave_rx };
    let metrics = Metrics::unregistered().engine("vad");
    let engine =
        Engine::start(Box::new(backend), capacity, &metrics).expect("threads are to be had");
    Rig { leave, steps, engine, metrics }
}

impl Rig {
    /// Lets this many steps happen without the test looking at them.
    fn let_go(&self, steps: usize) {
        for _ in 0..steps {
            self.leave.send(()).expect("the backend lives");
        }
    }

    /// How many rows the step has that has just begun.
    fn begun(&self) -> usize {
        self.steps.recv().expect("the backend lives")
    }
}

fn frame(sample: f32) -> Box<[f32]> {
    vec![sample; FRAME_SAMPLES].into()
}

/// Polls once, which queues the frame.
fn start(future: std::pin::Pin<&mut impl Future<Output = Result<f32, VadError>>>) {
    let polled = future.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending), "{polled:?}");
}

fn hundredths(probability: Result<f32, VadError>) -> Result<i32, VadError> {
    #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
    probability.map(|probability| (probability * 100.0).round() as i32)
}

#[tokio::test]
async fn a_stream_remembers_itself_and_no_other() {
    let rig = rig(4);
    rig.let_go(5);
    let (mut ann, mut bob) = (rig.engine.open(), rig.engine.open());
    let mut heard = vec![];
    for stream in ["ann", "ann", "bob", "ann", "bob"] {
        let stream = if stream == "ann" { &mut ann } else { &mut bob };
        heard.push(hundredths(stream.probability(frame(0.0)).await).unwrap());
    }
    assert_eq!(heard, [1, 2, 1, 3, 2]);
}

#[tokio::test]
async fn frames_that_wait_are_stepped_together() {
    let rig = rig(8);
    let mut streams: Vec<_> = (0..5).map(|_| rig.engine.open()).collect();
    let mut frames: Vec<_> =
        streams.iter_mut().map(|stream| Box::pin(stream.probability(frame(0.0)))).collect();
    start(frames[0].as_mut());
    assert_eq!(rig.begun(), 1);
    for frame in &mut frames[1..] {
        start(frame.as_mut());
    }
    rig.let_go(2);
    assert_eq!(rig.begun(), 4);
    for frame in frames {
        assert_eq!(hundredths(frame.await).unwrap(), 1);
    }
}

#[tokio::test]
async fn a_stream_whose_frame_was_given_up_starts_afresh() {
    let rig = rig(4);
    let mut stream = rig.engine.open();
    rig.let_go(1);
    assert_eq!(hundredths(stream.probability(frame(0.0)).await).unwrap(), 1);
    assert_eq!(rig.begun(), 1);
    {
        let mut given_up = pin!(stream.probability(frame(0.0)));
        start(given_up.as_mut());
        assert_eq!(rig.begun(), 1);
    }
    rig.let_go(2);
    assert_eq!(hundredths(stream.probability(frame(0.0)).await).unwrap(), 1);
}

#[tokio::test]
async fn a_frame_given_up_while_it_waits_is_never_stepped() {
    let rig = rig(4);
    let mut streams = [rig.engine.open(), rig.engine.open(), rig.engine.open()];
    let [first, second, third] = &mut streams;
    let mut first = pin!(first.probability(frame(0.0)));
    start(first.as_mut());
    assert_eq!(rig.begun(), 1);
    {
        let mut given_up = pin!(second.probability(frame(0.0)));
        start(given_up.as_mut());
    }
    let mut third = pin!(third.probability(frame(0.0)));
    start(third.as_mut());
    rig.let_go(2);
    assert_eq!(rig.begun(), 1);
    assert_eq!(hundredths(first.await).unwrap(), 1);
    assert_eq!(hundredths(third.await).unwrap(), 1);
}

#[tokio::test]
async fn an_overloaded_engine_refuses_and_the_stream_keeps_its_memory() {
    let rig = rig(1);
    let mut streams = [rig.engine.open(), rig.engine.open(), rig.engine.open()];
    let [refused, held, waiting] = &mut streams;
    rig.let_go(1);
    assert_eq!(hundredths(refused.probability(frame(0.0)).await).unwrap(), 1);
    assert_eq!(rig.begun(), 1);
    let mut held = pin!(held.probability(frame(0.0)));
    start(held.as_mut());
    assert_eq!(rig.begun(), 1);
    let mut waiting = pin!(waiting.probability(frame(0.0)));
    start(waiting.as_mut());
    let answer = refused.probability(frame(0.0)).await;
    assert!(matches!(answer, Err(VadError::Overloaded)), "{answer:?}");
    rig.let_go(3);
    assert_eq!(hundredths(held.await).unwrap(), 1);
    assert_eq!(hundredths(waiting.await).unwrap(), 1);
    assert_eq!(hundredths(refused.probability(frame(0.0)).await).unwrap(), 2);
}

#[tokio::test]
async fn a_failing_or_panicking_step_costs_its_own_rows_only() {
    let rig = rig(4);
    rig.let_go(4);
    let (mut bad, mut good) = (rig.engine.open(), rig.engine.open());
    for sample in [FAIL, PANIC] {
        let answer = bad.probability(frame(sample)).await;
        assert!(matches!(answer, Err(VadError::Model(_))), "{answer:?}");
    }
    assert_eq!(rig.metrics.panics(), 1);
    assert_eq!(hundredths(good.probability(frame(0.0)).await).unwrap(), 1);
    assert_eq!(hundredths(bad.probability(frame(0.0)).await).unwrap(), 1);
}

#[tokio::test]
async fn a_probability_that_is_not_a_number_is_an_error_and_is_forgotten() {
    let rig = rig(4);
    rig.let_go(2);
    let mut stream = rig.engine.open();
    let answer = stream.probability(frame(POISON)).await;
    assert!(matches!(answer, Err(VadError::Model(_))), "{answer:?}");
    assert_eq!(hundredths(stream.probability(frame(0.0)).await).unwrap(), 1);
}

#[tokio::test]
async fn a_frame_of_another_length_is_refused() {
    let rig = rig(1);
    let answer = rig.engine.open().probability(vec![0.0; 480].into()).await;
    assert!(matches!(answer, Err(VadError::FrameLength(480))), "{answer:?}");
}

#[tokio::test]
async fn streams_outlive_their_engine_and_say_so() {
    let rig = rig(1);
    let mut stream = rig.engine.open();
    drop(rig);
    let answer = stream.probability(frame(0.0)).await;
    assert!(matches!(answer, Err(VadError::Stopped)), "{answer:?}");
}

/// Frames of silence after which the model rests, and those from before its end that it hears.
const UNTIL_REST: u16 = 940;
const CAUGHT_UP: u16 = 8;

/// Remembers how many frames a stream has had: the probability is a ten-thousandth of it.
struct Tally;

impl Backend for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn initial_state(&self) -> State {
        State(vec![0.0].into())
    }

    fn step(&mut self, rows: &mut [Row]) -> Result<(), VadError> {
        for row in rows {
            row.state.0[0] += 1.0;
            row.probability = row.state.0[0] / 10_000.0;
        }
        Ok(())
    }
}

/// How many frames the model has had of this stream, with this one.
async fn tally(stream: &mut Stream, sample: f32) -> u16 {
    let probability = stream.probability(frame(sample)).await.expect("the engine runs");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let frames = (probability * 10_000.0).round() as u16;
    frames
}

#[tokio::test]
async fn a_model_rests_over_lasting_silence_and_catches_up_when_it_ends() {
    let metrics = vad::Metrics::default();
    let engine = Engine::start(Box::new(Tally), 4, &Metrics::unregistered().engine("vad"));
    let engine = engine.expect("threads are to be had");
    let resting = engine.clone().resting(Rest { below: -50.0 }, &metrics);
    let (mut all, mut resting) = (engine.open(), resting.open());
    for number in 1..=UNTIL_REST {
        assert_eq!(tally(&mut resting, 0.0).await, number);
    }
    for _ in 0..20 {
        assert_eq!(tally(&mut resting, 0.0).await, 0);
    }
    assert_eq!(metrics.rested(), 20);
    assert_eq!(tally(&mut resting, 0.1).await, UNTIL_REST + CAUGHT_UP + 1);
    assert_eq!(tally(&mut resting, 0.0).await, UNTIL_REST + CAUGHT_UP + 2, "awake for good");
    for _ in 0..UNTIL_REST + 20 {
        tally(&mut all, 0.0).await;
    }
    assert_eq!(metrics.rested(), 20, "who did not ask for rest gets none");
}

#[tokio::test]
async fn many_streams_that_catch_up_at_once_each_hear_themselves() {
    let metrics = vad::Metrics::default();
    let engine = Engine::start(Box::new(Tally), 200, &Metrics::unregistered().engine("vad"));
    let engine = engine.expect("threads are to be had").resting(Rest { below: -50.0 }, &metrics);
    let mut tasks = JoinSet::new();
    for _ in 0..150 {
        let mut stream = engine.open();
        tasks.spawn(async move {
            for _ in 0..UNTIL_REST + 20 {
                tally(&mut stream, 0.0).await;
            }
            tally(&mut stream, 0.1).await
        });
    }
    let woken = tasks.join_all().await;
    assert_eq!(woken, [UNTIL_REST + CAUGHT_UP + 1; 150]);
}
