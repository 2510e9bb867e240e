//! A call: a session, its caller's microphone and commands, and what comes out of it.

use std::{sync::Arc, time::Duration};

use llm::{Role, scripted::Scripted as Model};
use session::{
    Action, Command, Config, Engines, Event, Input, Inputs, Metrics, Output, Outputs, Session,
    Sound, Summary, Tape,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

use crate::{log::Log, voice::Voice};

/// The scripted voice speaks each character for 50 ms.
pub(crate) const CHARACTER: Duration = Duration::from_millis(50);
const FRAME: Duration = Duration::from_millis(32);

pub(crate) struct Call {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) outputs: Outputs,
    pub(crate) model: Model,
    pub(crate) stt: Arc<stt::scripted::Scripted>,
    pub(crate) tts: Arc<Voice>,
    pub(crate) session: JoinSet<Summary>,
    pub(crate) log: Log,
    sound: mpsc::Sender<Sound>,
    /// How many frames of the caller's sound have been heard. Waiting for it keeps time from going
    /// on while the engine's thread, which knows nothing of paused time, is at work.
    heard: watch::Receiver<u64>,
    sent: u64,
    /// When the newest of them was sent.
    newest: Instant,
    began: Instant,
    /// Whether the connection takes what comes.
    pub is_slow: bool,
}

/// Counts the frames heard.
struct Frames(watch::Sender<u64>);

impl Tape for Frames {
    fn input(&mut self, _: Duration, input: &Input) {
        if matches!(input, Input::Frame { .. }) {
            self.0.send_modify(|frames| *frames += 1);
        }
    }

    fn action(&mut self, _: Duration, _: &Action) {}
}

/// A session whose model says these lines.
pub(crate) fn call(lines: &[&str]) -> Call {
    spoken_call(&[], lines)
}

/// A session that understands these words at the pauses, and whose model says these lines. Every
/// turn sounds complete.
pub(crate) fn spoken_call(understood: &[&str], lines: &[&str]) -> Call {
    let model = Model::lines(lines.iter().copied());
    let metrics = engine::Metrics::unregistered().engine("vad");
    let vad = vad::Engine::start(Box::new(vad::scripted::Loudness), 8, &metrics)
        .expect("a thread is to be had");
    let stt = Arc::new(stt::scripted::Scripted::new(understood.iter().copied()));
    let tts = Arc::new(Voice::new());
    let engines = Engines {
        vad,
        endpointing: Some(Arc::new(endpointing::scripted::Scripted::new([0.9; 0], 0.9))),
        stt: Arc::clone(&stt) as _,
        llm: Arc::new(model.clone()),
        tts: Arc::clone(&tts) as _,
        watch: engine::Watch::calm(),
    };
    let (outlet, outputs) = session::outlet(&Metrics::unregistered());
    let config = Arc::new(Config::default());
    let (frames, heard) = watch::channel(0);
    let opened = Session::open(engines, config, Metrics::unregistered(), outlet)
        .expect("there is a slot")
        .taped(Box::new(Frames(frames)));
    let (commands, commands_rx) = mpsc::channel(4);
    commands.try_send(Command::Hello).expect("there is room");
    let (sound, sound_rx) = mpsc::channel(4);
    let mut session = JoinSet::new();
    session.spawn(opened.run(Inputs { sound: sound_rx, commands: commands_rx }));
    let began = Instant::now();
    Call {
        commands,
        outputs,
        model,
        stt,
        tts,
        session,
        log: Log::default(),
        sound,
        heard,
        sent: 0,
        newest: began,
        began,
        is_slow: false,
    }
}

impl Call {
    pub(crate) async fn say(&self, text: &str) {
        self.command(Command::Text(text.to_owned())).await;
    }

    pub(crate) async fn command(&self, command: Command) {
        self.commands.send(command).await.expect("it runs");
    }

    /// So many frames of the caller's voice.
    pub(crate) async fn speak(&mut self, frames: u32) {
        for _ in 0..frames {
            self.frame(0.5).await;
        }
    }

    /// So many frames of silence.
    pub(crate) async fn pause(&mut self, frames: u32) {
        for _ in 0..frames {
            self.frame(0.0).await;
        }
    }

    async fn frame(&mut self, loudness: f32) {
        let end = (self.newest + FRAME).max(Instant::now());
        self.newest = end;
        self.listen_until(end).await;
        // nothing like the tone that the voice is, which would be taken for an echo
        let sample = |index: usize| if index.is_multiple_of(7) { loudness } else { 0.0 };
        let samples = (0..vad::FRAME_SAMPLES).map(sample).collect();
        self.sound.send(Sound { samples, arrived: end }).await.expect("it runs");
        self.sent += 1;
        self.heard.wait_for(|heard| *heard >= self.sent).await.expect("it runs");
        // time goes on when all that comes of it is done
        self.listen_until(end + Duration::from_millis(1)).await;
    }

    /// Waits until so many frames have been heard, those not counted that were sent.
    pub(crate) async fn until_heard(&mut self, frames: u64) {
        let wanted = self.sent + frames;
        self.heard.wait_for(|heard| *heard >= wanted).await.expect("it runs");
    }

    /// Takes outputs until this event comes.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let output = self.outputs.next().await.expect("the session runs");
            self.log.write(self.began.elapsed(), &output);
            match output {
                Output::Event(event) if wanted(&event) => return event,
                _ => {}
            }
        }
    }

    pub(crate) async fn until_sound(&mut self) -> Duration {
        loop {
            let output = self.outputs.next().await.expect("the session runs");
            self.log.write(self.began.elapsed(), &output);
            if let Output::Audio { frame, .. } = output {
                return frame.duration();
            }
        }
    }

    /// Takes outputs, as a connection does, for so long.
    pub(crate) async fn listen(&mut self, duration: Duration) {
        self.listen_until(Instant::now() + duration).await;
    }

    async fn listen_until(&mut self, end: Instant) {
        if self.is_slow {
            return sleep_until(end).await;
        }
        while let Ok(output) = timeout_at(end, self.outputs.next()).await {
            self.log.write(self.began.elapsed(), &output.expect("the session runs"));
        }
    }

    /// What the model was told last, without the system prompt.
    pub(crate) fn told(&self) -> Vec<(Role, String)> {
        let asked = self.model.asked();
        let last = asked.last().expect("it was asked");
        last[1..].iter().map(|message| (message.role, message.text.to_string())).collect()
    }
}
