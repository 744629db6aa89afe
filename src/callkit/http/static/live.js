// What happens on the server while somebody looks: told by server-sent events; where they don't come, asked for.
import {eventsUrl} from "./api.js";
import {$} from "./dom.js";

const ASK = 4000, AGAIN = 30_000, GATHER = 250, APART = 1000;   // milliseconds
const STATES = {live: "Live", asking: "Live, every few seconds", off: "Not connected"};
let source = null, asking = null, again = null, gathering = null, toldAt = 0, changed = new Map(), tell = () => {};

// Calls `onChanges` with {id: status, …} of calls that changed; with null if anything may have.
export function watch(onChanges) {
  tell = onChanges;
  connect();
}

export function unwatch() {
  source?.close();
  for (const timer of [asking, gathering]) clearInterval(timer);
  clearTimeout(again);
  source = asking = gathering = null;
  show("off");
}

function connect() {
  clearTimeout(again);
  source?.close();
  source = new EventSource(eventsUrl);
  source.addEventListener("open", () => { ask(false); show("live"); });
  source.addEventListener("call", event => gather(JSON.parse(event.data)));
  source.addEventListener("reset", () => tell(null));
  source.addEventListener("error", () => {   // the browser tries again by itself, unless it was refused
    ask(true);
    if (source?.readyState === EventSource.CLOSED) again = setTimeout(connect, AGAIN);
  });
}

function gather({id, status}) {   // many calls may change at once
  changed.set(id, status);
  gathering ??= setTimeout(() => {
    const told = changed;
    changed = new Map();
    gathering = null;
    toldAt = performance.now();
    tell(told);
  }, Math.max(GATHER, APART - (performance.now() - toldAt)));
}

function ask(isNeeded) {
  if (!isNeeded) {
    if (asking) tell(null);   // what happened while nobody told
    clearInterval(asking);
    asking = null;
  } else if (!asking) {
    show("asking");
    asking = setInterval(() => tell(null), ASK);
  }
}

function show(state) {
  $("live").dataset.state = state;
  $("live").textContent = STATES[state];
}
