//! The answer, come back through the caller's microphone.

use std::{sync::Arc, time::Duration};

use audio::SampleRate;
use protocol::{ClientMessage, ServerMessage};
use stt::{Request, SpeechToText, SttError, Transcript, Transcription};
use tokio::time::Instant;

use crate::{
    client::{Client, is_audio_end},
    harness::{Setup, TestServer, long},
    voice::{BabblingVoice, babble},
};

/// The rate of the callers here, both ways: another one than the voice's and the models'.
const RATE: SampleRate = SampleRate::HZ_24000;
/// What is played and recorded at once.
const FRAME: usize = 480;
const FRAME_TIME: Duration = Duration::from_millis(20);
/// It takes 100 ms to know an echo, so that the first sound may hold the answer for a moment, and
/// so may the first after such a pause. All pauses together must not be longer than this.
const TOLERABLE: Duration = Duration::from_secs(1);

/// Hears the same words in everything: whatever is taken for the caller's speech interrupts.
struct Words;

impl SpeechToText for Words {
    fn transcribe(&self, request: Request) -> Result<Transcription, SttError> {
        let (reply, transcription) = stt::reply(&request);
        let text = "Please stop now.".to_owned();
        reply.result.send(Ok(Transcript { text })).expect("it is awaited");
        Ok(transcription)
    }

    fn info(&self) -> stt::Info {
        stt::Info { name: "words".to_owned(), workers: 1 }
    }
}

async fn server(echo_guard: bool) -> TestServer {
    let mut setup = Setup::answering(long);
    setup.settings.max_connections = 16;
    setup.session.interruption.echo_guard = echo_guard;
    setup.tts = Arc::new(BabblingVoice::default());
    setup.stt = Arc::new(Words);
    setup.start().await
}

/// A caller with a loudspeaker: the microphone hears what is played, so much later and so loud.
struct Room {
    caller: Client,
    /// All that the loudspeaker has played, and silence where it did not.
    air: Vec<f32>,
    /// Samples of the answer that have been played.
    played: usize,
    delay: usize,
    gain: f32,
    /// How long the loudspeaker has been paused.
    paused: Duration,
    /// When the microphone has heard the next frame.
    next: Instant,
}

impl Room {
    /// A caller who hears the long answer; `level` in decibels.
    async fn new(server: &TestServer, delay: Duration, level: f32) -> Self {
        let mut caller = Client::at_rate(server, RATE).await;
        caller.say(&ClientMessage::Text("go on".to_owned())).await;
        caller.until_sound().await;
        let delay = usize::try_from(RATE.samples_in(delay)).expect("a short delay");
        let gain = 10.0_f32.powf(level / 20.0);
        Self {
            caller,
            air: vec![0.0; delay],
            played: 0,
            delay,
            gain,
            paused: Duration::ZERO,
            next: Instant::now(),
        }
    }

    /// 20 ms pass, in which the caller says this.
    async fn pass(&mut self, voice: &[f32]) {
        let played = self.next_played();
        let start = self.air.len() - self.delay;
        self.air.extend(played);
        let echo = self.air[start..start + FRAME].iter().map(|sample| self.gain * sample);
        let voice = voice.iter().copied().chain(std::iter::repeat(0.0));
        let heard: Vec<f32> = echo.zip(voice).map(|(echo, voice)| echo + voice).collect();
        self.caller.send_samples(&heard).await;
        self.next += FRAME_TIME;
        self.caller.listen_until(self.next).await;
    }

    /// What the loudspeaker plays now: nothing while it is paused.
    fn next_played(&mut self) -> [f32; FRAME] {
        let mut frame = [0.0; FRAME];
        if self.is_silenced() {
            self.paused += FRAME_TIME;
        } else {
            let waiting = &self.caller.heard[self.played..];
            let count = waiting.len().min(FRAME);
            frame[..count].copy_from_slice(&waiting[..count]);
            self.played += count;
        }
        frame
    }

    fn is_silenced(&self) -> bool {
        let last = self.caller.log.iter().rev().find(|message| {
            matches!(
                message,
                ServerMessage::Pause { .. }
                    | ServerMessage::Resume { .. }
                    | ServerMessage::StopTts { .. }
            )
        });
        matches!(last, Some(ServerMessage::Pause { .. } | ServerMessage::StopTts { .. }))
    }

    fn count(&self, kind: &str) -> usize {
        self.caller.kinds(0).iter().filter(|it| *it == kind).count()
    }

    /// Lets the whole answer sound and its echo fade; at least so far as the server has sent it.
    async fn listen_to_the_end(&mut self) {
        let longest = Duration::from_secs(12);
        let mut passed = Duration::ZERO;
        while passed < longest {
            let is_over = self.caller.log.iter().any(is_audio_end)
                && self.played == self.caller.heard.len()
                && self.air.iter().rev().take(self.delay + FRAME).all(|sample| *sample == 0.0);
            if is_over || self.count("tts_interruption") > 0 {
                return;
            }
            self.pass(&[]).await;
            passed += FRAME_TIME;
        }
        panic!("it does not end: {:?}", self.caller.kinds(0));
    }
}

/// Callers whose echo has this delay, at three levels.
async fn echoes(server: &TestServer, delay: Duration) -> Vec<Room> {
    let at = async |level| {
        let mut room = Room::new(server, delay, level).await;
        room.listen_to_the_end().await;
        room
    };
    let (loud, quiet, faint) = tokio::join!(at(0.0), at(-12.0), at(-20.0));
    vec![loud, quiet, faint]
}

async fn is_not_interrupted(delay: Duration) {
    let server = server(true).await;
    for room in echoes(&server, delay).await {
        let (pauses, log) = (room.count("pause"), &room.caller.log);
        assert_eq!(room.count("tts_interruption"), 0, "at {}: {log:?}", room.gain);
        assert!(room.paused <= TOLERABLE, "{:?} at {}: {log:?}", room.paused, room.gain);
        assert_eq!(room.count("resume"), pauses, "at {}: {log:?}", room.gain);
        assert!(room.played > 24_000 * 5, "the whole answer was played");
    }
}

#[tokio::test]
async fn the_echo_of_a_loudspeaker_nearby_does_not_interrupt() {
    is_not_interrupted(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn the_echo_of_a_slow_device_does_not_interrupt() {
    is_not_interrupted(Duration::from_millis(250)).await;
}

#[tokio::test]
async fn the_echo_of_a_wireless_loudspeaker_does_not_interrupt() {
    is_not_interrupted(Duration::from_millis(800)).await;
}

#[tokio::test]
async fn without_the_guard_each_of_them_does() {
    let server = server(false).await;
    for room in echoes(&server, Duration::from_millis(250)).await {
        assert!(room.count("pause") > 0, "at {}", room.gain);
        assert_eq!(room.count("tts_interruption"), 1, "at {}", room.gain);
    }
}

#[tokio::test]
async fn a_caller_as_loud_as_the_echo_is_heard_over_it() {
    let server = server(true).await;
    let mut room = Room::new(&server, Duration::from_millis(100), 0.0).await;
    for _ in 0..50 {
        room.pass(&[]).await;
    }
    assert_eq!(room.count("pause"), 0, "the echo alone: {:?}", room.caller.log);
    let voice = babble(RATE, "the caller's own voice", FRAME * 75);
    for frame in voice.chunks(FRAME) {
        room.pass(frame).await;
    }
    assert_eq!(room.count("tts_interruption"), 1, "{:?}", room.caller.log);
}
