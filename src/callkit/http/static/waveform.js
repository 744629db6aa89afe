// The picture of a call on a canvas, that turns pointer and keys into seeks. It plays nothing itself.
// From the top: a waveform for each channel, turns (a row for each party), a strip as red as its time is silent, signals, a ruler.
//
//   const wave = waveform(element, {onSeek: seconds => …, describe: seconds => "Agent speaks"});
//   wave.load({duration, channels: [[0…255, …], …], turns: [{party, start, end}, …], parties: 2, colours: [0, 1], apart: true,
//              silences: [[start, end], …], signals: [[start, end], …], overlaps: [[start, end], …]});
//   wave.show(seconds, {start, end} or nothing);   // the playing position, and a span to tint
import {clock, spoken} from "./format.js";

const BAR = 2, PITCH = 3, GAP = 7, TURN = 5, STRIP = 7, RULER = 20;   // CSS pixels
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200];
const KEYS = {ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30, Home: -Infinity, End: Infinity};

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// The maxima of one channel as bars in a lane
function bars(peaks, count, middle, tallest) {
  const path = new Path2D(), each = peaks.length / count;
  for (let i = 0; i < count; i++) {
    const from = Math.floor(i * each), peak = Math.max(0, ...peaks.slice(from, Math.max(from + 1, Math.floor((i + 1) * each))));
    const tall = Math.max(1, peak / 255 * tallest);
    path.roundRect(i * PITCH, middle - tall / 2, BAR, tall, Math.min(1, tall / 2));
  }
  return path;
}

// Intervals as boxes in a strip
function boxes(intervals, toX, y, tall) {
  const path = new Path2D();
  for (const [start, end] of intervals) path.roundRect(toX(start), y, Math.max(1.5, toX(end) - toX(start)), tall, 1.5);
  return path;
}

// For each of so many stretches of the call, which share of it lies in the intervals
function shares(intervals, count, duration) {
  const heat = new Float32Array(count), slot = duration / count;
  for (const [start, end] of intervals) {
    for (let i = Math.floor(start / slot); i < Math.min(count, end / slot); i++) {
      heat[i] += (Math.min(end, (i + 1) * slot) - Math.max(start, i * slot)) / slot;
    }
  }
  return heat;
}

export function waveform(element, {onSeek, describe}) {
  const canvas = element.appendChild(document.createElement("canvas")), c = canvas.getContext("2d");
  let call = null, lanes = [], stretches = [], silent = [], width = 0, height = 0, rows = {};
  let time = 0, tint = null, hover = null, drag = null, queued = 0, told = -1;
  const x = seconds => seconds / call.duration * width;
  const draw = () => { queued ||= requestAnimationFrame(paint); };

  function layout() {   // a bitmap in device pixels; each lane's bars once, as a path
    if (!call) return;
    ({clientWidth: width, clientHeight: height} = element);
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    const signals = call.signals.length ? STRIP : 0;
    const ruler = height - RULER, signal = ruler - signals, silence = signal - STRIP - (signals && 2);
    const turns = silence - call.parties * (TURN + 1) - 3;
    rows = {turns, silence, signal, ruler, end: ruler};
    const count = Math.max(1, Math.floor(width / PITCH)), lane = (turns - GAP) / Math.max(1, call.channels.length);
    lanes = call.channels.map((peaks, i) => bars(peaks, count, lane * (i + .5), Math.max(2, lane - 6)));
    silent = shares(call.silences, count, call.duration);
    const turnsOf = party => call.turns.filter(turn => turn.party === party).map(({start, end}) => [start, end]);
    stretches = [
      ...Array.from({length: call.parties}, (_, i) => [`p${call.colours[i]}`, boxes(turnsOf(i), x, turns + i * (TURN + 1), TURN)]),
      ["both", boxes(call.overlaps, x, turns - 3, 2)],
      ["hold", boxes(call.signals, x, signal, STRIP)],
    ];
    draw();
  }

  function paint() {
    queued = 0;
    if (!call || !width) return;
    const style = getComputedStyle(element), head = Math.round(x(drag ?? time));
    const fill = name => { c.fillStyle = style.getPropertyValue(`--${name}`); };
    c.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    c.clearRect(0, 0, width, height);
    if (tint) { fill("select"); box(x(tint.start) - 3, 0, x(tint.end - tint.start) + 6, rows.silence - 2, 6); }
    for (const [from, to, alpha] of [[0, head, 1], [head, width, .38]]) {   // played, to come
      c.save(); c.beginPath(); c.rect(from, 0, to - from, rows.turns); c.clip();
      c.globalAlpha = alpha;
      lanes.forEach((path, i) => { fill(`p${call.apart ? call.colours[i] : 0}`); c.fill(path); });
      c.restore();
    }
    strips(fill);
    ruler(fill, style);
    fill("ink");
    c.fillRect(head - 1, 2, 2, rows.end - 2);
    box(clamp(head - 4, 0, width - 8), 0, 8, 8, 4);
    const pointed = drag ?? hover;
    if (pointed !== null) bubble(pointed, fill);
  }

  function box(...where) { c.beginPath(); c.roundRect(...where); c.fill(); }

  function strips(fill) {
    fill("track");
    box(0, rows.silence, width, STRIP, 3);
    if (call.signals.length) box(0, rows.signal, width, STRIP, 3);
    for (const [colour, path] of stretches) { fill(colour); c.fill(path); }
    fill("silence");
    silent.forEach((share, i) => { c.globalAlpha = share * .8; c.fillRect(i * PITCH, rows.silence, PITCH, STRIP); });
    c.globalAlpha = 1;
  }

  function ruler(fill, style) {
    fill("muted"); c.font = `11px ${style.fontFamily}`; c.textAlign = "center";
    const step = STEPS.find(seconds => x(seconds) >= 64) ?? 14_400;
    for (let s = step; x(s) < width - 16; s += step) c.fillText(clock(s), x(s), height - 4);
  }

  function bubble(at, fill) {
    const what = describe(at), text = what ? `${clock(at)}  ${what}` : clock(at);
    const half = c.measureText(text).width / 2 + 8, middle = clamp(x(at), half, Math.max(half, width - half));
    c.fillRect(Math.round(x(at)), 0, 1, rows.end);
    box(middle - half, 0, half * 2, 20, 6);
    fill("card"); c.fillText(text, middle, 14);
  }

  function tell(isForced = false) {   // once a second is enough
    if (!isForced && told === Math.floor(time)) return;
    told = Math.floor(time);
    const what = describe(time);
    element.ariaValueNow = String(told);
    element.ariaValueText = `${spoken(time)} of ${spoken(call.duration)}${what ? `, ${what}` : ""}`;
  }

  const seek = to => { if (call) { time = clamp(to, 0, call.duration); draw(); onSeek(time); } };
  const under = event => clamp((event.clientX - element.getBoundingClientRect().left) / width, 0, 1) * call.duration;
  element.addEventListener("pointerdown", event => {
    if (event.button || !call) return;
    element.setPointerCapture(event.pointerId);
    drag = under(event);
    draw();
  });
  element.addEventListener("pointermove", event => {   // a drag shows where it would land; the one seek, and one Range request, end it
    if (!call) return;
    if (event.pointerType === "mouse") hover = under(event);
    if (drag !== null) drag = under(event);
    draw();
  });
  element.addEventListener("pointerup", () => { if (drag !== null) seek(drag); drag = null; });
  for (const end of ["pointerleave", "pointercancel"]) {   // cancel: a finger that began to scroll the page
    element.addEventListener(end, () => { drag = hover = null; draw(); });
  }
  element.addEventListener("keydown", event => {
    const by = KEYS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    seek(time + by);
  });
  new ResizeObserver(layout).observe(element);
  (function rescale() {   // zoom, or a move to another screen
    const here = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    here.addEventListener("change", () => { layout(); rescale(); }, {once: true});
  })();
  return {
    load(next) {
      call = {...next, duration: Math.max(next.duration, .001)};   // nothing is empty that is divided by
      time = 0;
      tint = hover = drag = null;
      element.ariaValueMax = String(Math.floor(call.duration));
      tell(true);
      layout();
    },
    show(seconds, span) {
      time = seconds;
      tint = span;
      if (call) tell();
      draw();
    },
    redraw: draw,
  };
}
