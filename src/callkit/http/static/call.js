// One call: its heading, what state it is in, and what may be done with it.
import {downloadUrl, eraseCall, getAnalysis, getCall, reportUrl, retryCall} from "./api.js";
import {$, make, name, say} from "./dom.js";
import {clock, end, moment, percent, statusOf, title} from "./format.js";
import {loadFacts, loadInsights} from "./insights.js";
import {choose, drop, focusOn, passagesOf} from "./list.js";
import {load, seek, unload} from "./player.js";
import {may} from "./session.js";
import {timelineOf} from "./timeline.js";
import {loadTranscript, markFound} from "./transcript.js";
import {attach} from "./uploads.js";

const EXPLAINED = {
  created: "The recording of this call has not come yet.",
  processing: "The recording is being analysed. This page shows it as soon as it is ready.",
};
const phone = matchMedia("(max-width: 760px)");
let open = null;   // the call that is shown, as the server told last

export const openId = () => open?.id ?? "";

// Show a call, and go to a second of it; null: show none.
export async function show(id, at = null) {
  document.body.toggleAttribute("data-open", id !== null);
  choose(id ?? "");
  if (id === null) {
    const left = openId();
    close();
    if (phone.matches) focusOn(left);
    return undefined;
  }
  if (open?.id === id && open.status === "ready") {
    remark();
    return at === null ? undefined : seek(at);
  }
  if (open?.id !== id) { close(); $("empty").hidden = true; }
  try {
    await fetchAll(id, at);
  } catch (error) {
    if (location.hash.startsWith(`#${id}`)) lost(error);
  }
}

// What was searched changed.
export const remark = () => markFound(passagesOf(openId()));

function close() {
  open = null;
  unload();
  $("call").hidden = true;
  $("empty").hidden = false;
  $("empty-text").textContent = "Choose a call to listen to it.";
  document.title = "Calls · callkit";
}

function lost(error) {
  close();
  $("empty-text").textContent = error.message;
  say(error.message);
}

async function fetchAll(id, at) {
  const call = await getCall(id), measured = call.status === "ready" ? await getAnalysis(id) : null;
  if (!location.hash.startsWith(`#${id}`)) return;   // somebody went on
  if (open?.id === id && open.version > call.version) return;   // an older answer
  const isNew = open?.id !== id, isSame = !isNew && measured && heardBefore(call);
  open = call;
  heading(call);
  state(call);
  $("call").hidden = false;
  $("call").dataset.status = call.status;
  if (isSame) loadFacts(call, measured.analysis);   // tags may be others: who listens listens on
  else if (measured) ready(call, measured, at);
  else { unload(); loadFacts(call); }
  if (isNew && phone.matches) $("title").focus();
}

const heardBefore = call => ["analysis", "transcript"].every(part => open[part]?.fingerprint === call[part]?.fingerprint)
  && open.recording?.sha256 === call.recording?.sha256;

function ready(call, measured, at) {
  const timeline = timelineOf(measured);
  loadTranscript(call.transcript, timeline, passagesOf(call.id));
  loadInsights(call, timeline, measured.analysis);
  load(call, timeline).catch(error => { $("trouble").textContent = error.message; $("trouble").hidden = false; });
  if (at !== null) seek(at);
}

function heading(call) {
  $("title").replaceChildren(name(end(call.caller)), make("span", {className: "to"}, " → "), name(end(call.receiver)));
  document.title = title(call);
  $("when").replaceChildren(make("time", {dateTime: call.started_at}, moment(call.started_at, true)));
  const facts = call.status === "ready"
    ? [clock(Math.round(call.duration)), call.silence_share === null ? null : `${percent(call.silence_share)} silence`, call.direction]
    : [statusOf(call), call.direction];
  $("facts").replaceChildren(...facts.filter(Boolean).map(fact => make("li", {}, fact)));
  for (const [link, url] of [["download", downloadUrl(call.id)], ["report", reportUrl(call.id)]]) $(link).href = url;
  $("download").hidden = !call.recording;
  $("report").hidden = call.status !== "ready";
  $("erase").hidden = !may("admin");
}

function state(call) {
  const isReady = call.status === "ready";
  for (const part of ["player", "tabs", "transcript", "measured"]) $(part).hidden = !isReady;
  $("state").hidden = isReady;
  $("state-text").textContent = call.failure ? `It could not be analysed. ${call.failure.message}` : EXPLAINED[call.status] ?? statusOf(call);
  $("retry").hidden = call.status !== "failed" || !may("write");
  $("bring").hidden = call.status !== "created" || !may("write");
}

// The server tells of changes: {id: status, …}, or null if anything may have changed.
export function changed(statuses) {
  if (!open || (statuses && !statuses.has(open.id))) return;
  if (statuses?.get(open.id) === "erased") return gone();
  if (open.status !== "ready" || statuses) fetchAll(open.id, null).catch(error => { if (error.status === 410) gone(); });
}

function gone() {
  drop(open.id);
  location.hash = "";
  say("The call was erased.");
}

async function erase() {
  const {id} = open, button = $("erase-yes");
  button.disabled = true;
  try {
    await eraseCall(id);
    $("erase-dialog").close();
    if (open?.id === id) gone();
  } catch (error) {
    $("erase-wrong").textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

$("erase").addEventListener("click", () => {
  $("erase-wrong").textContent = "";
  $("erase-what").replaceChildren(...$("title").cloneNode(true).childNodes, ", ", $("when").textContent);
  $("erase-dialog").showModal();
});
$("erase-yes").addEventListener("click", erase);
$("erase-no").addEventListener("click", () => $("erase-dialog").close());
$("retry").addEventListener("click", async () => {
  try {
    await retryCall(open.id);
    await fetchAll(open.id, null);
  } catch (error) {
    $("state-text").textContent = error.message;
  }
});
$("bring").addEventListener("click", () => $("one-file").click());
$("one-file").addEventListener("change", () => {
  const [file] = $("one-file").files;
  if (file && open) attach(open, file);
  $("one-file").value = "";
});
for (const tab of document.querySelectorAll("#tabs button")) {   // on a phone one of the two is shown
  tab.addEventListener("click", () => {
    document.body.dataset.tab = tab.value;
    for (const one of document.querySelectorAll("#tabs button")) one.ariaPressed = String(one === tab);
  });
}
