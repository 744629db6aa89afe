// Recordings on their way: two at a time, each with its progress and what went wrong with it. The tray in the corner.
import {createCall, eraseCall, sendRecording} from "./api.js";
import {$, make, name, say} from "./dom.js";
import {bytes, percent} from "./format.js";
import {may} from "./session.js";

const AT_ONCE = 2;
const waiting = [], all = new Set();
let running = 0;

const key = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");

// Announce a call and send its recording.
export function upload(file, facts) { add({file, facts, key: key(), call: null, isOwn: true}); }

// Send the recording of a call that is known.
export function attach(call, file) { add({file, call, isOwn: false}); }

function add(job) {
  job.row = row(job);
  all.add(job);
  $("tray-list").append(job.row.item);
  $("tray").hidden = false;
  queue(job);
}

function queue(job) {
  waiting.push(job);
  state(job, "waiting", "Waiting");
  proceed();
}

function proceed() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    run(waiting.shift()).finally(() => { running -= 1; proceed(); });
  }
}

async function run(job) {
  try {
    state(job, "sending", "Sending");
    job.call ??= await createCall(job.facts, job.key);
    job.sending = sendRecording(job.call.id, job.file, share => progress(job, share));
    job.call = await job.sending.done;
    followed(job, job.told ?? job.call.status);
  } catch (error) {
    await failed(job, error);
  } finally {
    job.sending = null;
  }
}

function progress(job, share) {
  job.row.meter.value = share;
  job.row.text.textContent = share < 1 ? `${percent(share)} of ${bytes(job.file.size)}` : "Checking the recording";
}

async function failed(job, error) {
  if (error.code === "cancelled") return remove(job);
  state(job, "failed", error.message);
  say(`${job.file.name}: ${error.message}`);
  job.row.again.hidden = error.status > 0 && error.status < 500 && error.status !== 401 && error.status !== 408 && error.status !== 429;
  if (job.row.again.hidden && job.isOwn && job.call) await discard(job);
}

async function discard(job) {   // a call whose recording was refused is of no use to anybody
  if (!may("admin")) return;
  const {id} = job.call;
  job.call = null;
  job.row.open.removeAttribute("href");
  await eraseCall(id, "recording refused").catch(() => {});
}

const TOLD = {processing: "Being analysed", ready: "Ready", failed: "It could not be analysed: open the call to see why"};

function followed(job, status) {
  state(job, status, TOLD[status] ?? status);
  if (status === "ready") say(`${job.file.name} is ready.`);
}

// The server tells of changes: {id: status, …}
export function changedUploads(statuses) {
  for (const job of all) {
    const status = job.call && statuses.get(job.call.id);
    if (status && job.sending) job.told = status;   // it may be ready before the upload is answered
    else if (status && status !== job.state) followed(job, status);
  }
}

export const underWay = () => [...all].filter(job => job.state === "processing").map(job => job.call.id);

// ---- the tray

function row(job) {
  const text = make("span", {className: "progress"}), meter = make("progress", {max: 1, value: 0, ariaLabel: `Progress of ${job.file.name}`});
  const again = make("button", {type: "button", hidden: true, ariaLabel: `Try again: ${job.file.name}`}, "Try again");
  const away = make("button", {type: "button", className: "icon"}, "✕");
  const open = make("a", {}, name(job.file.name));
  again.addEventListener("click", () => { again.hidden = true; queue(job); });
  away.addEventListener("click", () => job.sending ? job.sending.cancel() : remove(job));
  return {item: make("li", {}, open, away, meter, text, again), text, meter, again, away, open};
}

function state(job, word, text) {
  job.state = word;
  job.row.item.dataset.state = word;
  job.row.text.textContent = text;
  const isMoving = word === "sending" || word === "waiting";
  job.row.meter.hidden = !isMoving;
  job.row.away.ariaLabel = `${isMoving ? "Cancel" : "Dismiss"}: ${job.file.name}`;
  if (job.call && !isMoving) job.row.open.href = `#${job.call.id}`; else job.row.open.removeAttribute("href");
  summarise();
}

function remove(job) {
  const place = waiting.indexOf(job);
  if (place >= 0) waiting.splice(place, 1);
  all.delete(job);
  job.row.item.remove();
  summarise();
}

const isBusy = job => job.state === "sending" || job.state === "waiting";

function summarise() {
  const busy = [...all].filter(isBusy).length, done = all.size - busy;
  $("tray-title").textContent = busy ? `Uploading ${done + 1} of ${all.size}` : "Uploads";
  $("tray").hidden = all.size === 0;
}

$("tray-close").addEventListener("click", () => { for (const job of [...all]) if (!isBusy(job)) remove(job); });
addEventListener("beforeunload", event => { if ([...all].some(isBusy)) event.preventDefault(); });
