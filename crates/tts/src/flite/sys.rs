//! flite's C interface, as much of it as is used, behind safe functions.
//!
//! Declared by hand after flite 2.x's headers: `cst_wave.h`, `cst_audio.h` (streaming),
//! `cst_utterance.h`, `cst_relation.h`, `cst_item.h`, `cst_features.h`, `cst_ffeatures.h`,
//! `cst_synth.h`. The libraries are opened when the server starts, so that it builds without them.

#![expect(unsafe_code, reason = "flite is a library in C")]

use std::{
    any::Any,
    ffi::{CStr, c_char, c_float, c_int, c_short, c_void},
    mem,
    ops::ControlFlow,
    panic::{self, AssertUnwindSafe},
    ptr::{self, NonNull},
    slice,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use libloading::Library;

use super::words::Token;

const LIBRARY: &str = "libflite.so.1";

/// The first sound comes in one piece of so many samples, later ones by about as much.
const SAMPLES_PER_PIECE: c_int = 256;

/// From a word to the end of the last segment of its last syllable, in seconds.
const END_OF_WORD: &CStr = c"R:SylStructure.daughtern.daughtern.R:Segment.end";

const GO_ON: c_int = 0;
const STOP: c_int = -1;

/// Starting flite and registering a voice write to its globals.
static LOADING: Mutex<()> = Mutex::new(());

/// `cst_wave`.
#[repr(C)]
struct Wave {
    kind: *const c_char,
    sample_rate: c_int,
    num_samples: c_int,
    num_channels: c_int,
    samples: *const c_short,
}

/// `cst_audio_streaming_info`.
#[repr(C)]
struct Streaming {
    min_buffsize: c_int,
    on_samples: Option<OnSamples>,
    utterance: *const c_void,
    item: *const c_void,
    user_data: *mut c_void,
}

/// The beginning of `cst_utterance`, which flite allocates.
#[repr(C)]
struct Utterance {
    features: *mut Features,
}

type Features = c_void;
type Relation = c_void;
type Item = c_void;
type Value = c_void;
type OnSamples = unsafe extern "C" fn(*const Wave, c_int, c_int, c_int, *mut Streaming) -> c_int;
type Register = unsafe extern "C" fn(*const c_char) -> *mut c_void;

/// flite's functions. They are called by many threads at once: a synthesis writes to nothing but
/// its own utterance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Synthesiser {
    new_utterance: unsafe extern "C" fn() -> *mut Utterance,
    delete_utterance: unsafe extern "C" fn(*mut Utterance),
    utt_init: unsafe extern "C" fn(*mut Utterance, *mut c_void) -> *mut Utterance,
    utt_synth: unsafe extern "C" fn(*mut Utterance) -> *mut Utterance,
    feat_set_string: unsafe extern "C" fn(*mut Features, *const c_char, *const c_char),
    feat_set_float: unsafe extern "C" fn(*mut Features, *const c_char, c_float),
    feat_set: unsafe extern "C" fn(*mut Features, *const c_char, *const Value),
    new_audio_streaming_info: unsafe extern "C" fn() -> *mut Streaming,
    audio_streaming_info_val: unsafe extern "C" fn(*mut Streaming) -> *mut Value,
    utt_relation_present: unsafe extern "C" fn(*const c_void, *const c_char) -> c_int,
    utt_relation: unsafe extern "C" fn(*const c_void, *const c_char) -> *const Relation,
    relation_head: unsafe extern "C" fn(*const Relation) -> *const Item,
    item_next: unsafe extern "C" fn(*const Item) -> *const Item,
    item_daughter: unsafe extern "C" fn(*const Item) -> *const Item,
    item_feat_present: unsafe extern "C" fn(*const Item, *const c_char) -> c_int,
    item_feat_string: unsafe extern "C" fn(*const Item, *const c_char) -> *const c_char,
    ffeature_float: unsafe extern "C" fn(*const Item, *const c_char) -> c_float,
}

/// A registered voice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice(NonNull<c_void>);

// SAFETY: a voice lives until the process ends, and nothing writes to it once it is registered
unsafe impl Send for Voice {}
// SAFETY: as above
unsafe impl Sync for Voice {}

/// flite made no sound of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

/// Takes what flite makes of a text.
pub(super) trait Listen {
    /// What it says when; once, before the samples.
    fn tokens(&mut self, tokens: Vec<Token>);
    /// A run of samples with their rate. Flite stops if it breaks.
    fn take(&mut self, samples: &[i16], rate: i32) -> ControlFlow<()>;
}

/// Who takes the samples of one text.
struct Listener<'a> {
    synthesiser: &'a Synthesiser,
    hears: &'a mut dyn Listen,
    knows_tokens: bool,
    panic: Option<Box<dyn Any + Send>>,
}

impl Synthesiser {
    /// Opens flite and starts it.
    pub(super) fn load() -> Result<Self, libloading::Error> {
        let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: loading libflite runs no code of its own
        let library = unsafe { Library::new(LIBRARY) }?;
        // SAFETY: these are the types of `cst_synth.h`, `cst_utterance.h`, `cst_features.h` and
        // `cst_audio.h`; flite may be started many times, one at a time
        let synthesiser = unsafe {
            symbol::<unsafe extern "C" fn() -> c_int>(&library, "flite_init")?();
            Self {
                new_utterance: symbol(&library, "new_utterance")?,
                delete_utterance: symbol(&library, "delete_utterance")?,
                utt_init: symbol(&library, "utt_init")?,
                utt_synth: symbol(&library, "utt_synth")?,
                feat_set_string: symbol(&library, "feat_set_string")?,
                feat_set_float: symbol(&library, "feat_set_float")?,
                feat_set: symbol(&library, "feat_set")?,
                new_audio_streaming_info: symbol(&library, "new_audio_streaming_info")?,
                audio_streaming_info_val: symbol(&library, "audio_streaming_info_val")?,
                utt_relation_present: symbol(&library, "utt_relation_present")?,
                utt_relation: symbol(&library, "utt_relation")?,
                relation_head: symbol(&library, "relation_head")?,
                item_next: symbol(&library, "item_next")?,
                item_daughter: symbol(&library, "item_daughter")?,
                item_feat_present: symbol(&library, "item_feat_present")?,
                item_feat_string: symbol(&library, "item_feat_string")?,
                ffeature_float: symbol(&library, "flite_ffeature_float")?,
            }
        };
        // the functions are called as long as the process lives
        mem::forget(library);
        Ok(synthesiser)
    }

    /// Speaks a text, `stretch` times as long as the voice by itself, to `hears`.
    pub(super) fn speak(
        &self,
        voice: Voice,
        text: &CStr,
        stretch: f32,
        hears: &mut dyn Listen,
    ) -> Result<(), Failed> {
        let mut listener = Listener { synthesiser: self, hears, knows_tokens: false, panic: None };
        // SAFETY: flite's functions get what its own `flite_text_to_speech` gives them: an
        // utterance that is initialised with a voice before it is synthesised, and deleted once.
        // It copies the text, owns the streaming information once that is a feature, and has let
        // go of `listener` when `utt_synth` returns
        let spoken = unsafe {
            let utterance = (self.new_utterance)();
            let features = (*utterance).features;
            (self.feat_set_string)(features, c"input_text".as_ptr(), text.as_ptr());
            (self.utt_init)(utterance, voice.0.as_ptr());
            (self.feat_set_float)(features, c"duration_stretch".as_ptr(), stretch);
            let streaming = (self.new_audio_streaming_info)();
            (*streaming).min_buffsize = SAMPLES_PER_PIECE;
            (*streaming).on_samples = Some(on_samples);
            (*streaming).user_data = (&raw mut listener).cast();
            let streaming = (self.audio_streaming_info_val)(streaming);
            (self.feat_set)(features, c"streaming_info".as_ptr(), streaming);
            let spoken = (self.utt_synth)(utterance);
            (self.delete_utterance)(utterance);
            spoken
        };
        if let Some(panic) = listener.panic {
            panic::resume_unwind(panic);
        }
        if spoken.is_null() { Err(Failed) } else { Ok(()) }
    }

    /// The tokens of an utterance whose sound is being made.
    ///
    /// # Safety
    ///
    /// It must be flite's, and nobody else may write to it.
    unsafe fn tokens(&self, utterance: *const c_void) -> Vec<Token> {
        let mut tokens = Vec::new();
        // SAFETY: the utterance is as the caller promises, and so are its items, which flite's
        // functions walk. It ends the process if it is asked for a relation or a string that is
        // not there, so that comes first
        unsafe {
            if utterance.is_null() || (self.utt_relation_present)(utterance, c"Token".as_ptr()) == 0
            {
                return tokens;
            }
            let relation = (self.utt_relation)(utterance, c"Token".as_ptr());
            let mut item = (self.relation_head)(relation);
            while !item.is_null() {
                if (self.item_feat_present)(item, c"name".as_ptr()) != 0 {
                    let name = CStr::from_ptr((self.item_feat_string)(item, c"name".as_ptr()));
                    let name = name.to_string_lossy().into_owned();
                    tokens.push(Token { name, end: self.end_of_last_word(item) });
                }
                item = (self.item_next)(item);
            }
        }
        tokens
    }

    /// When the last word of a token ends that sounds at all.
    ///
    /// # Safety
    ///
    /// As for [`tokens`](Self::tokens).
    unsafe fn end_of_last_word(&self, token: *const Item) -> Option<Duration> {
        let mut end: c_float = 0.0;
        // SAFETY: as above; a path that leads nowhere has the value 0
        unsafe {
            let mut word = (self.item_daughter)(token);
            while !word.is_null() {
                end = end.max((self.ffeature_float)(word, END_OF_WORD.as_ptr()));
                word = (self.item_next)(word);
            }
        }
        Duration::try_from_secs_f32(end).ok().filter(|end| !end.is_zero())
    }
}

impl Voice {
    /// Opens and registers the voice `cmu_us_<name>`. Flite must have been started
    /// before. Do so once more, and it is the same voice.
    pub(super) fn open(
        _started: Synthesiser,
        name: &str,
    ) -> Result<Option<Self>, libloading::Error> {
        let _loading = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: loading a voice of flite runs no code of its own
        let library = unsafe { Library::new(format!("libflite_cmu_us_{name}.so.1")) }?;
        // SAFETY: all voices are registered by a function of this type, which takes the folder of
        // the voice's data, or null for voices that are compiled in
        let voice = unsafe {
            symbol::<Register>(&library, &format!("register_cmu_us_{name}"))?(ptr::null())
        };
        // flite keeps pointers into the voice
        mem::forget(library);
        Ok(NonNull::new(voice).map(Self))
    }
}

/// A function of a library.
///
/// # Safety
///
/// It must be of type `T`, and not be called once the library is closed.
unsafe fn symbol<T: Copy>(library: &Library, name: &str) -> Result<T, libloading::Error> {
    // SAFETY: as the caller promises
    unsafe { library.get::<T>(name) }.map(|symbol| *symbol)
}

/// Called by flite with a run of the wave's samples. A panic must not unwind into C: it is kept,
/// and goes on when flite has returned.
///
/// # Safety
///
/// Only for flite, with what [`Synthesiser::speak`] has given it.
unsafe extern "C" fn on_samples(
    wave: *const Wave,
    start: c_int,
    count: c_int,
    _last: c_int,
    streaming: *mut Streaming,
) -> c_int {
    // SAFETY: `speak` has put a listener there that outlives the synthesis, and only the thread of
    // that synthesis comes here
    let (wave, listener) = unsafe { (&*wave, &mut *(*streaming).user_data.cast::<Listener<'_>>()) };
    let (Ok(start), Ok(count)) = (usize::try_from(start), usize::try_from(count)) else {
        return STOP;
    };
    let samples = if count == 0 {
        &[]
    } else {
        // SAFETY: flite has filled in the samples of this run, which it does not write to again
        unsafe { slice::from_raw_parts(wave.samples.add(start), count) }
    };
    let heard = panic::catch_unwind(AssertUnwindSafe(|| {
        if !mem::replace(&mut listener.knows_tokens, true) {
            // SAFETY: flite gives the utterance that it speaks, and waits for this function
            let tokens = unsafe { listener.synthesiser.tokens((*streaming).utterance) };
            listener.hears.tokens(tokens);
        }
        listener.hears.take(samples, wave.sample_rate)
    }));
    match heard {
        Ok(ControlFlow::Continue(())) => GO_ON,
        Ok(ControlFlow::Break(())) => STOP,
        Err(panic) => {
            listener.panic = Some(panic);
            STOP
        }
    }
}
