// The player: plays the recording, and tells everybody where it is. Draws through waveform.js.
import {audioUrl, getPeaks} from "./api.js";
import {$, make, say} from "./dom.js";
import {clock} from "./format.js";
import {described} from "./timeline.js";
import {waveform} from "./waveform.js";

const KEEP = .25;   // seconds: what skipping leaves of a silence at each end
const audio = $("audio"), listeners = [];
let line = null;

const wave = waveform($("wave"), {onSeek: seek, describe: seconds => described(line, seconds)});

// Called with the playing position, in seconds; what it returns is tinted: {start, end}, or nothing.
export function onTime(listener) { listeners.push(listener); }

export async function load(call, timeline) {
  line = timeline;
  pause();
  $("trouble").hidden = true;
  $("legend").replaceChildren(...legend(timeline));
  wave.load({...timeline, channels: []});
  audio.src = audioUrl(call.id);
  audio.playbackRate = Number($("rate").value);   // a new source resets it
  show();
  const peaks = await getPeaks(call.id);
  if (line === timeline) wave.load({...timeline, channels: peaks.channels});
  show();
}

export function unload() {
  line = null;
  pause();
  audio.removeAttribute("src");
  audio.load();
}

function legend({names, colours, overlaps, signals}) {
  const parties = names.map((name, i) => [`p${colours[i]}`, name]);
  const shown = [...parties, ["silence", "Silence"], overlaps.length && ["both", "Interruption"], signals.length && ["hold", "Hold and signals"]];
  return shown.filter(Boolean).map(([colour, text]) => make("li", {}, make("i", {className: colour}), text));
}

function position() {
  if (!$("skip").checked || audio.paused) return audio.currentTime;
  const time = audio.currentTime;
  const gap = line.silences.find(([start, end]) => time > start + KEEP && time < end - KEEP - .1);
  if (gap) audio.currentTime = gap[1] - KEEP;
  return audio.currentTime;
}

function show() {   // all that depends on the playing position
  if (!line) return;
  const time = Math.min(position(), line.duration), tints = listeners.map(listener => listener(time));
  wave.show(time, tints.find(Boolean));
  const text = `${clock(time)} / ${clock(line.duration)}`;
  if ($("clock").textContent !== text) $("clock").textContent = text;
}

export function seek(to) {
  if (!line) return;
  audio.currentTime = Math.min(Math.max(to, 0), line.duration);
  show();
}

export const step = by => seek(audio.currentTime + by);
export const redraw = () => wave.redraw();
export const time = () => audio.currentTime;
export const pause = () => audio.pause();

export function play() {
  audio.play().catch(error => { if (error.name !== "AbortError") failed(); });   // a seek or another call cuts it short
}

export function toggle() {
  if (line) audio.paused ? play() : pause();
}

function failed() {
  if (!line || !audio.getAttribute("src")) return;
  $("trouble").textContent = "This browser can't play the recording: download it.";
  $("trouble").hidden = false;
  say($("trouble").textContent);
}

function frame() {   // timeupdate, 4 a second, is too coarse to draw by
  show();
  if (!audio.paused) requestAnimationFrame(frame);
}

function playing() {
  $("play").ariaLabel = audio.paused ? "Play" : "Pause";
  frame();
}

function remembered(name, fallback) {
  try { return localStorage.getItem(`callkit-${name}`) ?? fallback; } catch { return fallback; }
}

function remember(name, value) {
  try { localStorage.setItem(`callkit-${name}`, value); } catch { /* for this visit, then */ }
}

audio.addEventListener("play", playing);
audio.addEventListener("pause", playing);
audio.addEventListener("timeupdate", show);   // in a hidden tab there are no frames
audio.addEventListener("seeked", show);
audio.addEventListener("error", failed);
$("play").addEventListener("click", toggle);
$("back5").addEventListener("click", () => step(-5));
$("on5").addEventListener("click", () => step(5));
$("rate").addEventListener("change", () => {
  audio.playbackRate = Number($("rate").value);
  remember("rate", $("rate").value);
});
$("skip").addEventListener("change", () => { remember("skip", $("skip").checked ? "1" : ""); });
$("skip").checked = remembered("skip", "") === "1";
$("rate").value = remembered("rate", "1");
if (!$("rate").value) $("rate").value = "1";
