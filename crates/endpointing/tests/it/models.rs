//! Where the tests over real models find models and recordings, and what they do without.

use std::{
    env,
    fs::File,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use audio::SampleRate;
use endpointing::smart_turn::{Config, SmartTurn};
use engine::{EngineMetrics, Metrics, onnx::Runtime};

pub(crate) fn metrics() -> EngineMetrics {
    Metrics::unregistered().engine("endpointing")
}

/// ONNX Runtime, or `None` where it is not there.
pub(crate) fn runtime() -> Option<Runtime> {
    let library = model("onnxruntime/libonnxruntime.so.1.23.2")?;
    Some(Runtime::open(&library).expect("the runtime opens"))
}

/// The file of the model; `None` where it is not there.
pub(crate) fn file() -> Option<PathBuf> {
    model("smart-turn-v3.2/smart-turn-v3.2-cpu.onnx")
}

/// The file of a model for something else.
pub(crate) fn file_of_another() -> Option<PathBuf> {
    model("silero-vad-v6/silero_vad.onnx")
}

/// Smart Turn with this many workers and a queue for this many turns.
pub(crate) fn smart_turn(workers: usize, queue: usize) -> Option<SmartTurn> {
    let config = Config { workers: NonZeroUsize::new(workers).expect("at least one"), queue };
    let started = SmartTurn::start(&runtime()?, &file()?, &config, &metrics());
    Some(started.expect("the model loads"))
}

/// The recordings of speech with their names, in order; `None` where there are none.
pub(crate) fn speech() -> Option<Vec<(String, Vec<f32>)>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/speech");
    let folder = env::var_os("REPARTEE_SPEECH_DIR").map_or(beside, PathBuf::from);
    let manifest = present(folder.join("manifest.tsv"), "REPARTEE_SPEECH_DIR")?;
    let manifest = std::fs::read_to_string(manifest).expect("the manifest is readable");
    let names = manifest.lines().skip(1).filter_map(|line| line.split('\t').next());
    Some(names.map(|name| (name.to_owned(), wav(&folder.join(name)))).collect())
}

fn wav(path: &Path) -> Vec<f32> {
    let file = File::open(path).expect("the recording opens");
    let frame = audio::wav::read(file).expect("the recording is whole");
    assert_eq!(frame.rate, SampleRate::HZ_16000);
    frame.samples.into()
}

fn model(file: &str) -> Option<PathBuf> {
    let folder = env::var_os("REPARTEE_MODELS_DIR").map(PathBuf::from).or_else(|| {
        let home = PathBuf::from(env::var_os("HOME")?);
        Some(home.join(".local/share/repartee/models"))
    });
    present(folder.unwrap_or_default().join(file), "REPARTEE_MODELS_DIR")
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests must see what was not tested")]
fn present(path: PathBuf, variable: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    let required = env::var_os("REPARTEE_REQUIRE_MODELS").is_some_and(|value| value == "1");
    assert!(!required, "no `{}`: set {variable}", path.display());
    println!("skipped: no `{}`: set {variable}", path.display());
    None
}
