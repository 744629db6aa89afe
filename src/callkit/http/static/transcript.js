// What was said, line by line: a click plays from there, and the lines follow the playing. Without a transcript, who spoke when.
import {$, make, marked, name} from "./dom.js";
import {clock, seconds} from "./format.js";
import {onTime, play, seek, time} from "./player.js";

const LONG = 2;   // seconds: a silence that gets a line
const NOTES = {
  synthetic: "This is a placeholder, made without a transcriber: nothing of it was said.",
  turns: "Nobody has written down what is said. This is who spoke when.",
  nothing: "No speech was found in this recording.",
};
const list = $("lines"), calm = matchMedia("(prefers-reduced-motion: reduce)");
let rows = [], current = -1, following = true;

// Show a call's transcript, or null; `found` are the passages of the search that led here.
export function loadTranscript(transcript, timeline, found) {
  const said = transcript?.segments.length ? transcript.segments.map(segment => spoken(segment, timeline)) : null;
  const kind = transcript?.synthetic ? "synthetic" : said ? "said" : timeline.turns.length ? "turns" : "nothing";
  rows = [...said ?? timeline.turns.map(turn => heard(turn, timeline)), ...silences(timeline)].sort((a, b) => a.start - b.start);
  $("transcript").dataset.kind = kind;
  $("said-title").textContent = kind === "turns" ? "Speech" : "Transcript";
  $("placeholder").hidden = kind !== "synthetic";
  $("note").textContent = NOTES[kind] ?? "";
  list.replaceChildren(...rows.map(line));
  markFound(found);
  follow(true);
}

// Mark the words of the passages that a search found.
export function markFound(found) {
  rows.forEach((row, i) => {
    if (row.text === undefined) return;
    const passage = found.find(one => one.end === row.end && one.channel === row.channel && one.text === row.text);
    if (passage || row.isMarked) list.children[i].querySelector("span").replaceChildren(...marked(row.text, passage?.marks));
    row.isMarked = Boolean(passage);
  });
}

function spoken(segment, timeline) {
  const bySpeaker = segment.speaker === null ? -1 : timeline.names.indexOf(segment.speaker);
  const party = bySpeaker >= 0 ? bySpeaker : segment.channel;
  const who = segment.speaker ?? timeline.names[party] ?? "", {start, end, channel, text} = segment;
  return {start, end, channel, text, who, colour: timeline.colours[party] ?? 0, tinted: true, content: text};
}

function heard({party, start, end}, {names, colours, conversation}) {
  if (!conversation.turns) return {start, end, who: "", colour: colours[party], tinted: true, content: `speech, ${seconds(end - start)}`};
  return {start, end, who: names[party], colour: colours[party], tinted: true, content: `speaks for ${seconds(end - start)}`};
}

function silences({silences, holds}) {
  const isHold = ([start, end]) => holds.some(hold => hold[0] < end && start < hold[1]);
  return silences.filter(([start, end]) => end - start > LONG).map(mark => ({
    start: mark[0], end: mark[1], who: "", content: `${isHold(mark) ? "on hold" : "silence"}, ${seconds(mark[1] - mark[0])}`,
  }));
}

function line(row) {
  const isGap = row.colour === undefined;
  const button = make("button", {type: "button"},
    make("time", {}, clock(row.start)), make("b", {}, row.who ? name(row.who) : ""), make("span", {dir: "auto"}, row.content));
  button.addEventListener("click", () => { follow(true); seek(row.start); play(); });
  return make("li", {className: isGap ? "gap" : `t${row.colour}`}, button);
}

function rowAt(position) {   // the last one that has begun
  let low = 0, high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].start <= position + .05) low = middle + 1; else high = middle;
  }
  return low - 1;
}

function show(position) {
  const next = rowAt(position), row = rows[next];
  if (next !== current) {
    list.children[current]?.firstChild.removeAttribute("aria-current");
    current = next;
    const button = list.children[current]?.firstChild;
    button?.setAttribute("aria-current", "true");
    if (following) intoView(button);
  }
  return row?.tinted && position < row.end + .5 ? row : null;
}

function intoView(button) {   // scrollIntoView would scroll what is around the list, too
  if (!button) return;
  const item = button.parentElement, top = item.offsetTop - list.offsetTop, bottom = top + item.offsetHeight;
  const isHidden = top < list.scrollTop + 40 || bottom > list.scrollTop + list.clientHeight - 40;
  if (isHidden) list.scrollTo({top: top - list.clientHeight / 3, behavior: calm.matches ? "instant" : "smooth"});
}

function follow(on) {
  following = on;
  $("follow").hidden = on;
  if (!on) return;
  intoView(list.children[current]?.firstChild);
  if (rows.length) show(time());
}

onTime(show);
for (const kind of ["wheel", "touchmove"]) list.addEventListener(kind, () => follow(false), {passive: true});
list.addEventListener("keydown", event => {   // from line to line
  const steps = {ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling"}[event.key];
  const next = steps && event.target.closest("li")?.[steps];
  if (!next) return;
  event.preventDefault();
  follow(false);
  next.firstChild.focus();
});
$("follow").addEventListener("click", () => follow(true));
