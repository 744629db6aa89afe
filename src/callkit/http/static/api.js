// The one place that knows the server's routes. What goes wrong is a Problem, with a sentence that people can read.

let locked = () => {};

// Called whenever the server wants a key.
export function onLocked(listener) { locked = listener; }

class Problem extends Error {
  constructor(status, document) {
    super(sentence(document) ?? `The server answered ${status}.`);
    this.status = status;
    this.code = document.code ?? "unknown";
  }
}

function sentence({detail, title, errors}) {
  const fields = (errors ?? []).map(({loc, msg}) => `${loc.at(-1)}: ${msg}`);
  return fields.length ? `${detail ?? title} (${fields.join("; ")})` : detail ?? title;
}

const OFFLINE = new Problem(0, {code: "offline", detail: "The server can't be reached."});

function problemIn(status, text) {
  let document = {};
  try { document = JSON.parse(text); } catch { /* a proxy's page, perhaps */ }
  const problem = new Problem(status, document && typeof document === "object" ? document : {});
  if (status === 401) locked(problem);
  return problem;
}

async function ask(path, {json, ...options} = {}) {
  if (json !== undefined) {
    options = {...options, headers: {...options.headers, "Content-Type": "application/json"}, body: JSON.stringify(json)};
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : OFFLINE;
  }
  if (!response.ok) throw problemIn(response.status, await response.text());
  return response.status === 204 ? null : response.json();
}

const at = (id, rest = "") => `calls/${encodeURIComponent(id)}${rest}`;

export function findCalls(query, {cursor, limit = 40, signal} = {}) {
  const asked = new URLSearchParams({query, limit});
  if (cursor) asked.set("cursor", cursor); else asked.set("total", "true");
  return ask(`calls?${asked}`, {signal});
}

export const getCall = id => ask(at(id));
export const getAnalysis = id => ask(at(id, "/analysis"));
export const getPeaks = id => ask(at(id, "/peaks?points=1200"));
export const retryCall = id => ask(at(id, "/retry"), {method: "POST"});
export const eraseCall = (id, reason = "") => ask(at(id, `?${new URLSearchParams({reason})}`), {method: "DELETE"});
export const setTags = (id, tags) => ask(at(id), {method: "PATCH", json: {tags}});
export const createCall = (facts, key) => ask("calls", {method: "POST", json: facts, headers: {"Idempotency-Key": key}});

export const audioUrl = id => at(id, "/audio");
export const downloadUrl = id => at(id, "/audio?download=true");
export const reportUrl = id => at(id, "/report");
export const eventsUrl = "events";

export const getSession = () => ask("session");
export const signIn = key => ask("session", {method: "POST", json: {key}});
export const signOut = () => ask("session", {method: "DELETE"});

// Send a recording; fetch can't tell how far it is. Gives {done: a promise of the call, cancel()}.
export function sendRecording(id, file, onProgress) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.open("PUT", at(id, `/recording?${new URLSearchParams({filename: file.name})}`));
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = event => onProgress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => request.status < 300
      ? resolve(JSON.parse(request.responseText)) : reject(problemIn(request.status, request.responseText));
    request.onerror = () => reject(OFFLINE);
    request.onabort = () => reject(new Problem(0, {code: "cancelled", detail: "Cancelled."}));
    request.send(file);
  });
  return {done, cancel: () => request.abort()};
}
