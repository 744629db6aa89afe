// What happened when: the parts of a call's analysis as stretches of time, with the names that people read.
import {capital, seconds} from "./format.js";

const COLOURS = 4;   // in theme.css; parties beyond have the first ones again
const USUAL = {customer: 0, caller: 0, agent: 1, receiver: 1};   // the same side has the same colour in every call

const SIGNALS = {
  dtmf: "key pressed", ringback: "ringing", busy: "busy tone", congestion: "congestion tone", dial: "dial tone", beep: "beep",
  fax: "fax", sit: "network announcement tone", tone: "tone", music: "music",
};

const within = ([start, end], time) => start <= time && time < end;

// All that the player and the panel need of GET /calls/{id}/analysis
export function timelineOf({names, analysis, conversation}) {
  const labels = analysis.parties.map((party, i) => capital(party.speaker ?? names[party.channel] ?? names[i] ?? "everybody"));
  const speech = conversation.speech ?? analysis.parties.map(party => party.speech);
  const turns = conversation.turns ?? speech.flatMap((own, party) => own.map(([start, end]) => ({party, start, end})));
  const holds = conversation.hold ?? [];
  return {
    names: labels,
    colours: coloursOf(labels),
    apart: conversation.turns !== null && analysis.channels === analysis.parties.length,
    parties: analysis.parties.length,
    duration: analysis.duration,
    speech,
    turns: [...turns].sort((a, b) => a.start - b.start),
    silences: analysis.silence.filter(mark => mark.channel === null).map(mark => [mark.start, mark.end]),
    overlaps: (conversation.interruptions ?? []).map(({start, end}) => [start, end]),
    holds,
    signals: [...holds, ...analysis.events.map(event => [event.start, event.end])],
    events: analysis.events.map(event => ({...event, what: SIGNALS[event.kind] ?? event.kind})),
    conversation,
  };
}

function coloursOf(labels) {
  const usual = labels.map(label => USUAL[label.toLowerCase()]);
  return new Set(usual).size === labels.length && !usual.includes(undefined) ? usual : labels.map((_, i) => i % COLOURS);
}

// What is to be heard at a time, in a few words
export function described(line, time) {
  const event = line.events.find(one => within([one.start, one.end], time));
  if (event) return capital(event.what);
  if (line.holds.some(hold => within(hold, time))) return "On hold";
  const who = line.names.filter((_, party) => line.speech[party]?.some(stretch => within(stretch, time)));
  if (who.length) return who.length > 1 ? `${who.join(" and ")} speak` : `${who[0]} speaks`;
  return line.silences.some(mark => within(mark, time)) ? "Silence" : "";
}

// What is worth listening to, in order: [{start, what, who}]
export function momentsOf(line) {
  const {interruptions, dead_air: deadAir} = line.conversation, moments = [];
  for (const one of interruptions ?? []) {
    const took = one.took_floor ? ", and takes over" : "";
    const by = {who: line.names[one.by], colour: line.colours[one.by]};
    moments.push({start: one.start, what: `interrupts ${line.names[one.of]}${took}`, ...by});
  }
  for (const [start, end] of deadAir ?? []) moments.push({start, what: `Dead air, ${seconds(end - start)}`});
  for (const [start, end] of line.holds) moments.push({start, what: `On hold, ${seconds(end - start)}`});
  const isHeld = event => line.holds.some(([start, end]) => start < event.end && event.start < end);
  const events = line.events.filter(event => event.kind !== "music" || !isHeld(event));   // a hold was told already
  for (const {start, what} of keysTogether(events)) moments.push({start, what: capital(what)});
  return moments.sort((a, b) => a.start - b.start);
}

// Keys that follow each other are one moment: which they were is not told.
function keysTogether(events) {
  const found = [];
  for (const event of events) {
    const last = found.at(-1);
    if (event.kind === "dtmf" && last?.kind === "dtmf" && event.start - last.end < 3) {
      last.end = event.end;
      last.keys += 1;
      last.what = `${last.keys} keys pressed`;
    } else found.push({...event, keys: 1});
  }
  return found;
}
