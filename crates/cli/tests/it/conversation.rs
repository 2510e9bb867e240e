//! The binary with real models: recorded speech goes in at the pace of a microphone, and what
//! comes out is listened to.

use std::{
    env,
    net::{Ipv4Addr, TcpListener},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use audio::{Frame, Resampler, SampleRate};
use engine::{Metrics, onnx::Runtime};
use loadtest::{Caller, Exchange, Load, Rates, read_clips};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use stt::{
    Purpose, Request, SpeechToText,
    moonshine::{Config, Files, Moonshine},
    wer::WordErrors,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, interval},
};

/// Of 20 words, 3 may be wrong: models and the robotic voice are small.
const WORST_RATE: f64 = 0.15;
/// How long the models may take to load on a busy machine.
const LOADING: Duration = Duration::from_mins(1);
/// How long present callers may stay when the server is told to stop.
const GRACE: Duration = Duration::from_secs(2);
/// Beyond the grace period: closing handshakes, and threads that are joined.
const ENDING: Duration = Duration::from_secs(20);

/// Samples of silence before the second hearing of an answer: 100 ms.
const LISTENERS_LEAD: usize = 1_600;

/// Answers are the same each time, and short, so that tests are.
const SETTINGS: &str = "
    server.grace = '2s'
    llm.temperature = 0.0
    llm.max_tokens = 24
";

/// Short questions and sentences without a pause in which a turn might end.
const CLIPS: [&str; 5] = [
    "turn-weather-paris.wav",
    "turn-seine.wav",
    "turn-dog-or-cat.wav",
    "lj001-0008.wav",
    "ls-7902-96591-0000.wav",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_two_and_four_callers_are_each_understood_and_answered_in_words() {
    let (Some(speech), Some(models)) = (speech(), Models::find()) else { return };
    let listener = models.moonshine();
    let server = RunningServer::start(&models);
    server.ready().await;
    let (mut said, mut spoken) = (WordErrors::default(), WordErrors::default());
    for (callers, turns) in [(1, CLIPS.len()), (2, 2), (4, 2)] {
        let clips = Arc::clone(&speech.clips);
        let load = Load { url: server.url(), rates: Rates::default(), callers, turns, clips };
        let exchanges = load.run().await.expect("each turn is answered");
        assert_eq!(exchanges.len(), callers * turns);
        let mut understood = WordErrors::default();
        for exchange in &exchanges {
            understood += speech.errors(exchange);
            spoken += listen(&listener, exchange).await;
        }
        // a few short sentences: one word counts much here, somebody else's words would count all
        assert!(understood.rate() <= 2.0 * WORST_RATE, "{callers} callers: {understood:?}");
        said += understood;
    }
    assert!(said.words > 0 && said.rate() <= WORST_RATE, "the callers: {said:?}");
    assert!(spoken.words > 0 && spoken.rate() <= WORST_RATE, "the answers: {spoken:?}");
    report(&format!("word errors: callers {said:?}, answers {spoken:?}"));
}

#[tokio::test]
async fn a_stop_signal_ends_the_server_within_its_grace() {
    let Some(models) = Models::find() else { return };
    let mut server = RunningServer::start(&models);
    server.ready().await;
    let mut caller = Caller::connect(&server.url(), Rates::default()).await.expect("there is room");
    server.terminate();
    let (stayed, status) = tokio::join!(caller.silence(GRACE + ENDING), server.ended());
    assert!(status.success(), "{status}");
    let farewell = stayed.expect_err("the server hangs up").to_string();
    assert!(farewell.contains("Server is shutting down"), "{farewell}");
}

/// Compares what an answer sounds like with its text. This small listener now and then loses a
/// whole sentence that is clear to people, and not when it begins a moment later: it listens twice.
async fn listen(listener: &Moonshine, exchange: &Exchange) -> WordErrors {
    let turn = &exchange.turn;
    assert!(!turn.sound.samples.is_empty(), "caller {} heard nothing", exchange.caller);
    let sound = at_16_khz(&turn.sound);
    let mut best: Option<WordErrors> = None;
    for lead in [0, LISTENERS_LEAD] {
        let samples = [vec![0.0; lead], sound.clone()].concat().into();
        let asked = listener.transcribe(Request {
            samples,
            purpose: Purpose::Final,
            caller: engine::Caller::new(),
        });
        let heard = asked.expect("there is room").await.expect("the model runs").text;
        report(&format!("caller {}: {:?} sounds like {heard:?}", exchange.caller, turn.answer));
        let errors = WordErrors::between(&turn.answer, &heard);
        if best.is_none_or(|best| errors.errors < best.errors) {
            best = Some(errors);
        }
    }
    best.expect("it has listened")
}

fn at_16_khz(sound: &Frame) -> Vec<f32> {
    let mut resampler = Resampler::new(sound.rate, SampleRate::HZ_16000);
    let mut samples = Vec::new();
    resampler.push(&sound.samples, &mut samples);
    resampler.flush(&mut samples);
    samples
}

/// Recordings, and what is said in them.
struct Speech {
    clips: Arc<[Frame]>,
    words: Vec<String>,
}

/// `None` where there are no recordings.
fn speech() -> Option<Speech> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/speech");
    let folder = env::var_os("REPARTEE_SPEECH_DIR").map_or(beside, PathBuf::from);
    let manifest = present(folder.join("manifest.tsv"), "REPARTEE_SPEECH_DIR")?;
    let manifest = std::fs::read_to_string(manifest).expect("the manifest is readable");
    let words = |name: &&str| {
        let line = manifest.lines().find(|line| line.split('\t').next() == Some(name));
        let words = line.and_then(|line| line.rsplit('\t').next());
        words.unwrap_or_else(|| panic!("{name} is not in the manifest")).to_owned()
    };
    let paths: Vec<PathBuf> = CLIPS.iter().map(|name| folder.join(name)).collect();
    let clips = read_clips(&paths).expect("the recordings are whole");
    let clips = clips.into_iter().map(|(_, clip)| clip).collect();
    Some(Speech { clips, words: CLIPS.iter().map(words).collect() })
}

impl Speech {
    fn errors(&self, exchange: &Exchange) -> WordErrors {
        let Exchange { caller, clip, turn } = exchange;
        report(&format!("caller {caller}: {:?} heard as {:?}", self.words[*clip], turn.said));
        WordErrors::between(&self.words[*clip], &turn.said)
    }
}

/// The folder of models.
struct Models(PathBuf);

impl Models {
    /// `None` where one of those that the server needs is missing.
    fn find() -> Option<Self> {
        let folder = env::var_os("REPARTEE_MODELS_DIR").map(PathBuf::from);
        let folder = folder.or_else(|| {
            let home = PathBuf::from(env::var_os("HOME")?);
            Some(home.join(".local/share/repartee/models"))
        });
        let folder = folder.unwrap_or_default();
        for model in
            ["onnxruntime", "silero-vad-v6", "moonshine-tiny-en", "smollm2-135m-instruct-q4_1"]
        {
            present(folder.join(model), "REPARTEE_MODELS_DIR")?;
        }
        Some(Self(folder))
    }

    /// Speech to text of the test's own.
    fn moonshine(&self) -> Moonshine {
        let library = self.0.join("onnxruntime/libonnxruntime.so.1.23.2");
        let runtime = Runtime::open(&library).expect("the runtime opens");
        let file = |name: &str| self.0.join("moonshine-tiny-en").join(name);
        let files = Files {
            encoder: file("encoder_model.ort"),
            decoder: file("decoder_model_merged.ort"),
            tokenizer: file("tokenizer.bin"),
        };
        let config = Config { workers: NonZeroUsize::MIN, queue: 1 };
        let metrics = Metrics::unregistered().engine("stt");
        Moonshine::start(&runtime, &files, &config, &metrics).expect("the model loads")
    }
}

/// The binary, serving. Killed when dropped.
struct RunningServer {
    process: Child,
    port: u16,
    _settings: tempfile::NamedTempFile,
}

impl RunningServer {
    fn start(models: &Models) -> Self {
        let settings = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(settings.path(), SETTINGS).expect("it is writable");
        let port = free_port();
        let process = Command::new(env!("CARGO_BIN_EXE_repartee"))
            .arg("--config")
            .arg(settings.path())
            .arg("--models-dir")
            .arg(&models.0)
            .args(["--offline", "serve", "--address", &format!("127.0.0.1:{port}")])
            .env("LOG_LEVEL", "warn")
            .stdin(Stdio::null())
            .spawn()
            .expect("the binary starts");
        Self { process, port, _settings: settings }
    }

    fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/ws", self.port)
    }

    /// Waits until the models are loaded.
    async fn ready(&self) {
        let deadline = Instant::now() + LOADING;
        let mut again = interval(Duration::from_millis(100));
        while !self.is_ready().await.unwrap_or(false) {
            assert!(Instant::now() < deadline, "the server did not become ready");
            again.tick().await;
        }
    }

    async fn is_ready(&self) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        let request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        Ok(response.starts_with("HTTP/1.1 200 "))
    }

    fn terminate(&self) {
        let id = i32::try_from(self.process.id()).expect("an id of a process");
        kill(Pid::from_raw(id), Signal::SIGTERM).expect("it runs");
    }

    /// Waits until it has ended.
    async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + GRACE + ENDING;
        let mut again = interval(Duration::from_millis(50));
        loop {
            if let Some(status) = self.process.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "the server did not end");
            again.tick().await;
        }
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        // both fail only if it has ended
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

fn present(path: PathBuf, variable: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    let required = env::var_os("REPARTEE_REQUIRE_MODELS").is_some_and(|value| value == "1");
    assert!(!required, "no `{}`: set {variable}", path.display());
    report(&format!("skipped: no `{}`: set {variable}", path.display()));
    None
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests should see what was heard")]
fn report(line: &str) {
    println!("{line}");
}
