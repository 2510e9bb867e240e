// @ts-check
/**
 * The two voices drawn as two soft shapes that lean over each other: the caller on the left, the
 * assistant on the right, each swelling with its own loudness. Decoration: what it shows is said
 * in words beside it.
 */

const FRAME_MS = 1000 / 30;
const POINTS = 72;
/** RMS of speech is small; its root fills the range that the eye sees. */
const GAIN = 2.2;
const ATTACK = 0.5;
const DECAY = 0.12;
/** How quickly the drawing goes from one mood to the next, per frame. */
const EASE = 0.08;

/**
 * How the shapes stand in each activity: size of either, how far apart, unrest of the outline, and
 * its speed. Lengths are parts of the drawing's half width.
 * @type {Record<string, { you: number, voice: number, apart: number, unrest: number, speed: number }>}
 */
const MOODS = {
  idle: { you: 0.5, voice: 0.5, apart: 0.26, unrest: 0.07, speed: 0.35 },
  connecting: { you: 0.44, voice: 0.44, apart: 0.12, unrest: 0.12, speed: 1.8 },
  queued: { you: 0.36, voice: 0.44, apart: 0.5, unrest: 0.05, speed: 0.3 },
  waiting: { you: 0.36, voice: 0.36, apart: 0.42, unrest: 0.04, speed: 0.3 },
  ready: { you: 0.4, voice: 0.52, apart: 0.26, unrest: 0.07, speed: 0.5 },
  muted: { you: 0.24, voice: 0.5, apart: 0.34, unrest: 0.05, speed: 0.4 },
  listening: { you: 0.52, voice: 0.4, apart: 0.3, unrest: 0.08, speed: 0.6 },
  hearing: { you: 0.54, voice: 0.28, apart: 0.34, unrest: 0.09, speed: 1.1 },
  thinking: { you: 0.4, voice: 0.44, apart: 0.1, unrest: 0.17, speed: 2.4 },
  paused: { you: 0.56, voice: 0.36, apart: 0.28, unrest: 0.04, speed: 0.3 },
  speaking: { you: 0.28, voice: 0.54, apart: 0.34, unrest: 0.09, speed: 1.1 },
};
const PARTS = /** @type {const} */ (['you', 'voice', 'apart', 'unrest', 'speed']);
/** Opacity of a voice's three outlines, the outer one first. */
const LAYERS = [0.26, 0.34, 0.5];

/** An animation on a canvas. */
export class Orb {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => { activity: string, microphone: number, voice: number }} read what to draw now
   */
  constructor(canvas, read) {
    this.canvas = canvas;
    this.read = read;
    this.mood = { ...MOODS.idle };
    this.levels = { you: 0, voice: 0 };
    this.phase = 0;
    this.last = 0;
    this.calm = matchMedia('(prefers-reduced-motion: reduce)');
    this.dark = matchMedia('(prefers-color-scheme: dark)');
    this.dark.addEventListener('change', () => this.readColours());
    this.readColours();
    this.step = this.step.bind(this);
    requestAnimationFrame(this.step);
  }

  readColours() {
    const style = getComputedStyle(this.canvas);
    this.you = style.getPropertyValue('--you-glow').trim();
    this.voice = style.getPropertyValue('--voice-glow').trim();
  }

  /** @param {number} now milliseconds; browsers stop calling while the page is hidden */
  step(now) {
    requestAnimationFrame(this.step);
    const elapsed = now - this.last;
    if (elapsed < FRAME_MS - 2) return;
    this.last = now;
    this.advance(Math.min(elapsed, 100) / 1000);
    this.draw();
  }

  /** @param {number} seconds */
  advance(seconds) {
    const { activity, microphone, voice } = this.read();
    const mood = MOODS[activity] ?? MOODS.idle;
    for (const key of PARTS) {
      this.mood[key] += (mood[key] - this.mood[key]) * EASE;
    }
    this.levels.you = follow(this.levels.you, microphone);
    this.levels.voice = follow(this.levels.voice, voice);
    if (!this.calm.matches) this.phase += seconds * this.mood.speed;
  }

  draw() {
    const { canvas } = this;
    const size = Math.round(canvas.clientWidth * Math.min(devicePixelRatio, 2));
    if (canvas.width !== size) canvas.width = canvas.height = size;
    const context = canvas.getContext('2d');
    if (!context || size === 0) return;
    context.clearRect(0, 0, size, size);
    context.globalCompositeOperation = this.dark.matches ? 'screen' : 'multiply';
    const swell = this.calm.matches ? 0.06 : 0.18;
    const { mood, levels } = this;
    const half = size / 2;
    // The pair as a whole stays in the middle, whoever is the larger.
    const balance = (mood.you - mood.voice) * 0.5;
    const left = half * (1 - mood.apart + balance);
    const right = half * (1 + mood.apart + balance);
    this.shape(context, { x: right, y: half, radius: half * (mood.voice + swell * levels.voice) }, levels.voice, this.voice ?? '', 0);
    this.shape(context, { x: left, y: half, radius: half * (mood.you + swell * levels.you) }, levels.you, this.you ?? '', 2.4);
  }

  /**
   * Three outlines of one voice, one in the other.
   * @param {CanvasRenderingContext2D} context
   * @param {{ x: number, y: number, radius: number }} circle
   * @param {number} level
   * @param {string} colour three numbers, `r g b`
   * @param {number} turn angle that tells the voices apart
   */
  shape(context, circle, level, colour, turn) {
    const unrest = this.mood.unrest * (0.7 + level);
    LAYERS.forEach((opacity, layer) => {
      const radius = circle.radius * (1 - layer * 0.14);
      const fill = context.createLinearGradient(circle.x, circle.y - radius, circle.x, circle.y + radius);
      fill.addColorStop(0, `rgb(${colour} / ${opacity * 0.7})`);
      fill.addColorStop(1, `rgb(${colour} / ${opacity})`);
      context.fillStyle = fill;
      context.fill(outline({ ...circle, radius }, unrest, this.phase * (1 + layer * 0.25) + turn + layer * 0.9));
    });
  }
}

/**
 * A closed curve around a circle, out of three waves that never meet the same way twice.
 * @param {{ x: number, y: number, radius: number }} circle
 * @param {number} unrest
 * @param {number} phase
 */
function outline({ x, y, radius }, unrest, phase) {
  const path = new Path2D();
  for (let i = 0; i <= POINTS; i += 1) {
    const angle = (i / POINTS) * Math.PI * 2;
    const wave = Math.sin(2 * angle + phase) * 0.55
      + Math.sin(3 * angle - phase * 1.3) * 0.37
      + Math.sin(5 * angle + phase * 0.7) * 0.08;
    const length = radius * (1 + unrest * wave);
    path.lineTo(x + length * Math.cos(angle), y + length * Math.sin(angle));
  }
  path.closePath();
  return path;
}

/**
 * Up quickly, down slowly: as loudness feels.
 * @param {number} shown
 * @param {number} level RMS
 */
function follow(shown, level) {
  const target = Math.min(1, Math.sqrt(level) * GAIN);
  return shown + (target - shown) * (target > shown ? ATTACK : DECAY);
}
