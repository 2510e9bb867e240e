// @ts-check
/** The microphone: opening it, muting it, and noticing when it is gone. */

/** Echo cancelling keeps the assistant from hearing itself; the rest helps a caller on a laptop. */
const CONSTRAINTS = {
  audio: {
    channelCount: 1,
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
  },
};

/**
 * @typedef {'insecure' | 'denied' | 'missing' | 'busy' | 'failed'} MicrophoneFailure
 * `insecure`: the page's address is not https or localhost, so the browser offers no microphone.
 */

/** Why the microphone could not be opened. */
export class MicrophoneError extends Error {
  /**
   * @param {MicrophoneFailure} failure
   * @param {unknown} [cause]
   */
  constructor(failure, cause) {
    super(`microphone: ${failure}`, { cause });
    this.failure = failure;
  }
}

/** An open microphone. */
export class Capture {
  /**
   * @param {MediaStream} stream
   * @param {MediaStreamAudioSourceNode} source
   * @param {AudioWorkletNode} node
   */
  constructor(stream, source, node) {
    this.stream = stream;
    this.source = source;
    this.node = node;
  }

  /**
   * Asks for the microphone and starts to listen.
   * @param {AudioContext} context
   * @param {(frame: { pcm: Int16Array, level: number }) => void} onFrame at the context's rate
   * @param {() => void} onLost the device was unplugged or taken away
   * @returns {Promise<Capture>}
   * @throws {MicrophoneError}
   */
  static async open(context, onFrame, onLost) {
    if (!navigator.mediaDevices || !context.audioWorklet) throw new MicrophoneError('insecure');
    const stream = await askForStream();
    const capture = await connect(context, stream);
    capture.node.port.onmessage = ({ data }) => onFrame(data);
    for (const track of stream.getAudioTracks()) track.onended = onLost;
    return capture;
  }

  /**
   * Silences the microphone. Silence goes on being sent: the server tells time by the caller's
   * sound, and a turn that is cut short by muting has to end.
   */
  mute() {
    for (const track of this.stream.getAudioTracks()) track.enabled = false;
  }

  /** Opens it again after `mute`. */
  unmute() {
    for (const track of this.stream.getAudioTracks()) track.enabled = true;
  }

  /** Gives the device back, and with it the browser's recording sign. */
  close() {
    this.node.port.onmessage = null;
    this.source.disconnect();
    this.node.disconnect();
    for (const track of this.stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
  }
}

/** @returns {Promise<MediaStream>} */
async function askForStream() {
  try {
    return await navigator.mediaDevices.getUserMedia(CONSTRAINTS);
  } catch (error) {
    throw new MicrophoneError(failureOf(error), error);
  }
}

/**
 * @param {AudioContext} context
 * @param {MediaStream} stream
 */
async function connect(context, stream) {
  try {
    await context.audioWorklet.addModule(new URL('capture-worklet.js', import.meta.url));
    const node = new AudioWorkletNode(context, 'repartee-capture', {
      numberOfInputs: 1,
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: 'explicit',
    });
    const source = context.createMediaStreamSource(stream);
    source.connect(node);
    return new Capture(stream, source, node);
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    throw new MicrophoneError('failed', error);
  }
}

/**
 * @param {unknown} error what getUserMedia rejected with
 * @returns {MicrophoneFailure}
 */
function failureOf(error) {
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'failed';
  }
}
