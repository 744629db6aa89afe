// The panel beside the transcript: who spoke how much, what happened when, and how well it was recorded.
import {$, make, name} from "./dom.js";
import {bytes, capital, clock, count, moment, percent, seconds} from "./format.js";
import {play, seek} from "./player.js";
import {loadTags} from "./tags.js";
import {momentsOf} from "./timeline.js";

const UNKNOWN = "–";
const shown = (value, write) => value === null || value === undefined ? UNKNOWN : write(value);

// Fill the panel of a call that was measured.
export function loadInsights(call, timeline, analysis) {
  $("shares").replaceChildren(...shares(timeline));
  $("parties").replaceChildren(...parties(timeline));
  $("figures").replaceChildren(...figures(timeline, analysis).flatMap(pair));
  const moments = momentsOf(timeline);
  $("moments").replaceChildren(...moments.map(momentLine));
  $("no-moments").hidden = moments.length > 0;
  $("health").replaceChildren(...health(analysis.health, timeline));
  loadFacts(call, analysis);
}

// What is known of any call, measured or not.
export function loadFacts(call, analysis = null) {
  loadTags(call);
  $("about").replaceChildren(...facts(call, analysis).flatMap(pair));
}

const pair = ([term, value]) => [make("dt", {}, term), make("dd", {}, value)];

// ---- who spoke

function shares({names, colours, conversation}) {
  const talk = conversation.parties.map(party => party.talk_share);
  if (talk.every(share => share === null)) return [];
  return names.map((who, i) => make("li", {},
    make("span", {className: `t${colours[i]}`}, name(who)),
    make("b", {}, shown(talk[i], percent)),
    make("span", {className: "meter"}, make("i", {className: `p${colours[i]}`, style: `width: ${(talk[i] ?? 0) * 100}%`}))));
}

const ROWS = [
  ["Talk time", party => shown(party.talk_time, seconds)],
  ["Turns", party => shown(party.turns, String)],
  ["Longest turn", party => shown(party.longest_monologue, seconds)],
  ["Interrupts", party => shown(party.interruptions, times => `${times}×`)],
  ["Answers after", party => shown(party.latency, latency => seconds(latency.median))],
];

function parties({names, colours, conversation}) {
  const own = conversation.parties;
  if (own.every(party => party.turns === null)) {
    return [make("caption", {}, "Everybody is on one channel: who spoke can't be told.")];
  }
  const head = make("tr", {}, make("td"), ...names.map((who, i) => make("th", {scope: "col", className: `t${colours[i]}`}, name(who))));
  const body = ROWS.map(([label, write]) => make("tr", {}, make("th", {scope: "row"}, label), ...own.map(party => make("td", {}, write(party)))));
  return [make("thead", {}, head), make("tbody", {}, ...body)];
}

function figures({conversation: c, silences}, analysis) {
  const quiet = silences.reduce((sum, [start, end]) => sum + end - start, 0);
  return [
    ["Silence", analysis.duration ? `${percent(analysis.silence_time / analysis.duration)}, ${seconds(analysis.silence_time)}` : UNKNOWN],
    ["Longest silence", silences.length ? seconds(Math.max(...silences.map(([start, end]) => end - start))) : quiet ? seconds(quiet) : "none"],
    ["Dead air", c.dead_air === null ? UNKNOWN : c.dead_air.length ? `${c.dead_air.length}×, ${seconds(c.dead_air_time)}` : "none"],
    ["Speaking at once", c.overlap_time === null ? UNKNOWN : `${percent(c.overlap_share ?? 0)}, ${seconds(c.overlap_time)}`],
    ["On hold", c.hold_time === null ? UNKNOWN : c.hold_time ? seconds(c.hold_time) : "no"],
    ["Changes of speaker", shown(c.interactivity, rate => `${rate.toFixed(1)} a minute`)],
  ];
}

// ---- what happened

function momentLine({start, what, who, colour}) {
  const button = make("button", {type: "button"}, make("time", {}, clock(start)),
    make("span", {}, who && make("b", {className: `t${colour}`}, name(who), " "), what));
  button.addEventListener("click", () => { seek(start); play(); });
  return make("li", {}, button);
}

// ---- the recording

function health(found, {names}) {
  if (!found) return [make("p", {}, "Nobody looked.")];
  if (!found.flags.length) return [make("p", {className: "good"}, "Nothing is wrong with the recording.")];
  return [make("ul", {}, ...found.flags.map(flag => make("li", {}, make("b", {}, heading(flag, names)), " ", flag.advice)))];
}

function heading({code, channel}, names) {
  const words = capital(code.replaceAll("_", " "));
  return channel === null ? `${words}.` : `${words}, ${names[channel] ?? `channel ${channel}`}.`;
}

function facts(call, analysis) {
  const {recording} = call, known = [["Direction", call.direction], ["Source", call.source]];
  if (recording) known.push(["File", name(recording.filename || "no name")], ["Size", bytes(recording.size)], ["Came", moment(recording.stored_at)]);
  if (analysis) {
    known.push(["Format", `${analysis.container}, ${analysis.codec}, ${analysis.sample_rate / 1000} kHz, ${count(analysis.channels, "channel")}`]);
    known.push(...analysis.warnings.map(warning => ["Note", warning]));
  }
  known.push(["Id", make("span", {className: "id"}, call.id)]);
  return known.filter(([, value]) => value);
}
