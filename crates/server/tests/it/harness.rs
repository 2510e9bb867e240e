//! A server with scripted models on a port of its own.

use std::{f32::consts::TAU, net::SocketAddr, sync::Arc, time::Duration};

use audio::{Frame, SampleRate};
use engine::Watch;
use llm::scripted::Scripted as ScriptedLlm;
use prometheus_client::registry::Registry;
use server::{Ready, Recorder, Server, Settings};
use session::Engines;
use stt::{Request, SpeechToText, SttError, Transcript, Transcription};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    task::JoinSet,
};
use tts::{Speech, TextToSpeech, TtsError};

/// How long a test waits for something that must come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A running server. Dropping it ends it.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) tasks: JoinSet<()>,
    _ready: watch::Sender<Option<Ready>>,
}

/// What a server is made of, to be changed by a test.
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) session: session::Config,
    pub(crate) llm: ScriptedLlm,
    pub(crate) tts: Arc<dyn TextToSpeech>,
    pub(crate) stt: Arc<dyn SpeechToText>,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    pub(crate) watch: Watch,
    pub(crate) loaded: bool,
}

impl Setup {
    /// A server whose model answers by this function.
    pub(crate) fn answering(
        reply: impl Fn(&[llm::Message]) -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            // who has left has left, except in tests of coming back
            settings: Settings { resume: Duration::ZERO, ..Settings::default() },
            session: session::Config::default(),
            llm: ScriptedLlm::new(reply),
            tts: Arc::new(ToneVoice),
            stt: Arc::new(PitchEar),
            recorder: None,
            watch: Watch::calm(),
            loaded: true,
        }
    }

    /// The same, where a caller who loses the connection is waited for.
    pub(crate) fn waiting(mut self) -> Self {
        self.settings.resume = Duration::from_secs(30);
        self
    }

    pub(crate) async fn start(self) -> TestServer {
        let vad = vad::Engine::start(
            Box::new(vad::scripted::Loudness),
            64,
            &engine::Metrics::unregistered().engine("vad"),
        );
        let vad = vad.expect("a thread is to be had");
        let engines = Engines {
            vad,
            endpointing: None,
            stt: self.stt,
            llm: Arc::new(self.llm),
            tts: self.tts,
            watch: self.watch,
        };
        let ready = Ready {
            engines,
            session: Arc::new(self.session),
            reports: Arc::from([]),
            recorder: self.recorder,
        };
        let mut registry = Registry::with_prefix("repartee");
        let (ready_tx, ready_rx) = watch::channel(self.loaded.then_some(ready));
        let server = Server {
            settings: self.settings,
            ready: ready_rx,
            metrics: server::Metrics::new(&mut registry),
            session_metrics: session::Metrics::new(&mut registry),
            registry,
            version: "test",
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is to be had");
        let address = listener.local_addr().expect("it has an address");
        let (stop, stopped) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let stopped = async { drop(stopped.await) };
            server::serve(listener, server, stopped).await.expect("it serves");
        });
        TestServer { address, stop: Some(stop), tasks, _ready: ready_tx }
    }
}

impl TestServer {
    /// Status line and body of a GET request.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.request(path, "").await;
        let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }

    /// The whole response to a GET request with further headers.
    pub(crate) async fn request(&self, path: &str, headers: &str) -> String {
        let mut socket = TcpStream::connect(self.address).await.expect("it listens");
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).await.expect("it reads");
        let mut response = String::new();
        socket.read_to_string(&mut response).await.expect("it answers");
        response
    }

    /// A value of `/metrics`.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let (_, metrics) = self.get("/metrics").await;
        let line = metrics.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit(' ').next());
        value.and_then(|value| value.parse().ok()).unwrap_or(0.0)
    }

    /// Waits until a metric has this value.
    pub(crate) async fn until(&self, name: &str, value: f64) {
        self.until_sum(&[name], value).await;
    }

    /// Waits until metrics add up to this value.
    pub(crate) async fn until_sum(&self, names: &[&str], value: f64) {
        let reached = async {
            loop {
                let mut sum = 0.0;
                for name in names {
                    sum += self.metric(name).await;
                }
                if (sum - value).abs() < f64::EPSILON {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let reached = tokio::time::timeout(DEADLINE, reached).await;
        assert!(reached.is_ok(), "{names:?} is not {value}: {:?}", self.get("/metrics").await.1);
    }
}

/// Hears the pitch of a tone: "tone 440." It is how a test's callers say different things.
pub(crate) struct PitchEar;

impl SpeechToText for PitchEar {
    fn transcribe(&self, request: Request) -> Result<Transcription, SttError> {
        let (reply, transcription) = stt::reply(&request);
        let text = pitch(&request.samples).map(|hz| format!("tone {hz}.")).unwrap_or_default();
        reply.result.send(Ok(Transcript { text })).expect("it is awaited");
        Ok(transcription)
    }

    fn info(&self) -> stt::Info {
        stt::Info { name: "pitch".to_owned(), workers: 1 }
    }
}

/// The pitch of the loud part, to the nearest 20 Hz.
fn pitch(samples: &[f32]) -> Option<u32> {
    let mut loud: Vec<&[f32]> =
        samples.chunks(160).filter(|chunk| audio::level::peak(chunk) > 0.05).collect();
    // at the edges a filter rings
    loud.pop();
    let loud: Vec<f32> = loud.concat();
    let rises = loud.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    #[expect(clippy::cast_precision_loss, reason = "a test's sound is short")]
    let hz = rises as f32 * 16_000.0 / loud.len().max(1) as f32;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a pitch")]
    let hz = (hz / 20.0).round() as u32 * 20;
    (loud.len() > 1_600).then_some(hz)
}

/// Speaks the number in a text as a tone of that pitch, 50 ms for each character. A text with
/// `fail` in it fails.
pub(crate) struct ToneVoice;

pub(crate) const VOICE_RATE: SampleRate = SampleRate::HZ_16000;
const SAMPLES_PER_CHARACTER: usize = 800;

impl TextToSpeech for ToneVoice {
    fn speak(&self, request: tts::Request) -> Result<Speech, TtsError> {
        let text = request.text.as_str();
        if text.contains("fail") {
            return Err(TtsError::Model("as the script says".to_owned()));
        }
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        let pitch: f32 = digits.parse().unwrap_or(300.0);
        let samples: Vec<f32> =
            tone(VOICE_RATE, pitch, text.chars().count() * SAMPLES_PER_CHARACTER);
        let (outlet, speech) = tts::speech(&request, samples.len() / 320 + 1);
        for frame in samples.chunks(320) {
            let frame = Frame::new(VOICE_RATE, frame);
            outlet.frames.try_send(Ok(frame)).expect("there is room");
        }
        Ok(speech)
    }

    fn info(&self) -> tts::Info {
        tts::Info { name: "tone".to_owned(), rate: VOICE_RATE, voices: Vec::new(), workers: 1 }
    }
}

/// A tone of whole periods at half of full scale.
#[expect(clippy::cast_precision_loss, reason = "a test's sound is short")]
pub(crate) fn tone(rate: SampleRate, pitch: f32, samples: usize) -> Vec<f32> {
    let step = TAU * pitch / rate.hz() as f32;
    (0..samples).map(|index| 0.5 * (step * index as f32).sin()).collect()
}

/// The answer "I heard tone 440." to a caller who said "tone 440."
pub(crate) fn echo(messages: &[llm::Message]) -> String {
    let last = messages.last().map(|message| message.text.to_string()).unwrap_or_default();
    format!("I heard {last}")
}

/// An answer of about six seconds in four sentences; all further ones are an echo.
pub(crate) fn long(messages: &[llm::Message]) -> String {
    if messages.iter().any(|message| message.role == llm::Role::Assistant) {
        return echo(messages);
    }
    "This is the first of them all. This is the second of them all. \
     This is the third of them all. This is the fourth of them all. "
        .to_owned()
}
