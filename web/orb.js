// @ts-check
/**
 * The two voices drawn as two soft shapes, one in the other: each swells with its own loudness.
 * Decoration: what it shows is said in words beside it.
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
 * How the shapes stand in each activity: size of either, unrest of their outline, speed of it.
 * @type {Record<string, { you: number, voice: number, unrest: number, speed: number }>}
 */
const MOODS = {
  idle: { you: 0.6, voice: 0.56, unrest: 0.05, speed: 0.35 },
  connecting: { you: 0.52, voice: 0.52, unrest: 0.09, speed: 1.6 },
  waiting: { you: 0.46, voice: 0.46, unrest: 0.03, speed: 0.3 },
  ready: { you: 0.5, voice: 0.6, unrest: 0.05, speed: 0.5 },
  muted: { you: 0.42, voice: 0.6, unrest: 0.03, speed: 0.4 },
  listening: { you: 0.64, voice: 0.46, unrest: 0.06, speed: 0.6 },
  hearing: { you: 0.7, voice: 0.4, unrest: 0.09, speed: 1 },
  thinking: { you: 0.5, voice: 0.54, unrest: 0.14, speed: 2.2 },
  speaking: { you: 0.42, voice: 0.68, unrest: 0.08, speed: 1 },
};

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
    for (const key of /** @type {const} */ (['you', 'voice', 'unrest', 'speed'])) {
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
    const swell = this.calm.matches ? 0.08 : 0.24;
    const { mood, levels } = this;
    this.shape(context, size / 2, mood.voice + swell * levels.voice, levels.voice, this.voice ?? '', 0);
    this.shape(context, size / 2, mood.you + swell * levels.you, levels.you, this.you ?? '', 2.4);
  }

  /**
   * Three outlines of one voice, the outer ones fainter.
   * @param {CanvasRenderingContext2D} context
   * @param {number} middle
   * @param {number} radius as a part of the half width
   * @param {number} level
   * @param {string} colour three numbers, `r g b`
   * @param {number} turn angle that tells the voices apart
   */
  shape(context, middle, radius, level, colour, turn) {
    const unrest = this.mood.unrest * (0.7 + level);
    for (let layer = 0; layer < 3; layer += 1) {
      const path = outline(middle, middle * radius * (1 - layer * 0.13), unrest, this.phase * (1 + layer * 0.2) + turn + layer);
      const fill = context.createLinearGradient(0, 0, middle * 2, middle * 2);
      fill.addColorStop(0, `rgb(${colour} / ${0.16 + layer * 0.13})`);
      fill.addColorStop(1, `rgb(${colour} / ${0.32 + layer * 0.16})`);
      context.fillStyle = fill;
      context.fill(path);
    }
  }
}

/**
 * A closed curve around the middle, out of three waves that never meet the same way twice.
 * @param {number} middle
 * @param {number} radius
 * @param {number} unrest
 * @param {number} phase
 */
function outline(middle, radius, unrest, phase) {
  const path = new Path2D();
  for (let i = 0; i <= POINTS; i += 1) {
    const angle = (i / POINTS) * Math.PI * 2;
    const wave = Math.sin(2 * angle + phase) * 0.5
      + Math.sin(3 * angle - phase * 1.3) * 0.35
      + Math.sin(5 * angle + phase * 0.7) * 0.15;
    const length = radius * (1 + unrest * wave);
    path.lineTo(middle + length * Math.cos(angle), middle + length * Math.sin(angle));
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
