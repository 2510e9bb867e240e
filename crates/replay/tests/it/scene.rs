//! A session in paused time that is recorded: a caller who does what a list says, scripted models.

use std::{fs, path::Path, sync::Arc, time::Duration};

use audio::SampleRate;
use replay::{Recorder, Recording};
use session::{
    Action, Command, Config, Engines, Input, Inputs, Metrics, Outputs, Session, Sound, Summary,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep},
};

/// How long a frame of the caller's sound is.
pub(crate) const FRAME: Duration = Duration::from_millis(32);
const LOUD: f32 = 0.1;

/// A conversation to be had.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// What is heard, a line for each pause.
    pub(crate) heard: &'static [&'static str],
    /// What is answered, a line for each answer.
    pub(crate) answers: &'static [&'static str],
    pub(crate) deeds: Vec<Deed>,
}

/// What the caller does.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// Speaks for so long.
    Speak(Duration),
    /// Is silent for so long.
    Listen(Duration),
    /// Sends no sound for so long.
    Leave(Duration),
    Ask(Command),
}

/// Speaks for so many milliseconds.
pub(crate) fn speak(millis: u64) -> Deed {
    Deed::Speak(Duration::from_millis(millis))
}

/// Is silent for so many milliseconds.
pub(crate) fn listen(millis: u64) -> Deed {
    Deed::Listen(Duration::from_millis(millis))
}

impl Scene {
    /// Has the conversation; gives the text of its recording.
    pub(crate) async fn record(&self) -> String {
        let folder = tempfile::tempdir().expect("a folder is to be had");
        let config = Arc::new(Config::default());
        let recorder = Recorder::start(folder.path(), Arc::clone(&config)).expect("it starts");
        let tape = recorder.tape("c1").expect("a file is to be had");
        let path = tape.path().to_owned();
        let (frames, heard) = watch::channel(0);
        let (outlet, outputs) = session::outlet(&Metrics::unregistered());
        let opened = Session::open(self.engines(), config, Metrics::unregistered(), outlet);
        let session = opened.expect("there is a slot").taped(Box::new(Counting { tape, frames }));
        self.converse(session, outputs, heard).await;
        // waits for what is still to be written
        drop(recorder);
        read(&path)
    }

    fn engines(&self) -> Engines {
        let metrics = engine::Metrics::unregistered().engine("vad");
        let vad = vad::Engine::start(Box::new(vad::scripted::Loudness), 8, &metrics);
        Engines {
            vad: vad.expect("a thread is to be had"),
            endpointing: Some(Arc::new(endpointing::scripted::Scripted::new([0.0; 0], 0.9))),
            stt: Arc::new(stt::scripted::Scripted::new(self.heard.iter().copied())),
            llm: Arc::new(llm::scripted::Scripted::lines(self.answers.iter().copied())),
            tts: Arc::new(tts::scripted::Scripted::new(SampleRate::HZ_16000)),
            watch: engine::Watch::calm(),
        }
    }

    async fn converse(&self, session: Session, outputs: Outputs, heard: watch::Receiver<usize>) {
        let (sound, sound_rx) = mpsc::channel(4);
        let (commands, commands_rx) = mpsc::channel(4);
        let mut tasks = JoinSet::new();
        tasks.spawn(session.run(Inputs { sound: sound_rx, commands: commands_rx }));
        tasks.spawn(take_all(outputs));
        let mut caller = Caller { sound, commands, heard };
        for deed in &self.deeds {
            caller.act(deed).await;
        }
        drop(caller);
        while let Some(ended) = tasks.join_next().await {
            ended.expect("it ends well");
        }
    }
}

struct Caller {
    sound: mpsc::Sender<Sound>,
    commands: mpsc::Sender<Command>,
    heard: watch::Receiver<usize>,
}

impl Caller {
    async fn act(&mut self, deed: &Deed) {
        match deed {
            Deed::Speak(duration) => self.sound(*duration, LOUD).await,
            Deed::Listen(duration) => self.sound(*duration, 0.0).await,
            Deed::Leave(duration) => sleep(*duration).await,
            Deed::Ask(command) => self.commands.send(command.clone()).await.expect("it runs"),
        }
    }

    async fn sound(&mut self, duration: Duration, amplitude: f32) {
        for _ in 0..duration.as_millis() / FRAME.as_millis() {
            let samples = vec![amplitude; vad::FRAME_SAMPLES].into();
            let sound = Sound { samples, arrived: Instant::now() };
            self.sound.send(sound).await.expect("it runs");
            // a real thread listens to it, and paused time would not wait for that
            self.heard.changed().await.expect("it runs");
            sleep(FRAME).await;
        }
    }
}

async fn take_all(mut outputs: Outputs) -> Summary {
    while outputs.next().await.is_some() {}
    Summary::default()
}

/// Says how many frames have been heard.
struct Counting {
    tape: replay::Tape,
    frames: watch::Sender<usize>,
}

impl session::Tape for Counting {
    fn input(&mut self, at: Duration, input: &Input) {
        self.tape.input(at, input);
        if matches!(input, Input::Frame { .. }) {
            self.frames.send_modify(|frames| *frames += 1);
        }
    }

    fn action(&mut self, at: Duration, action: &Action) {
        self.tape.action(at, action);
    }
}

/// The text of a recording.
pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the recording is there")
}

/// A recording that is right.
pub(crate) fn parse(text: &str) -> Recording {
    Recording::read(text).expect("the recording can be read")
}
