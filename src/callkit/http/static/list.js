// The list of calls: search as you type, more as you scroll, and what changes meanwhile.
import {findCalls} from "./api.js";
import {$, make, marked, name} from "./dom.js";
import {clock, count, end, moment, percent, statusOf, title} from "./format.js";

const WAIT = 150, HEAD = 20, MOST = 10_000;
const list = $("calls"), scroller = $("found"), rows = new Map();   // id → {call, item}
let onFound = () => {}, typing = null, next = null, total = null, asked = null, isLoading = false;
let isStale = false, isLooking = false, chosen = "";

const typed = () => $("query").value.trim();
export const passagesOf = id => rows.get(id)?.call.passages ?? [];
export const ids = () => [...rows.keys()];

// Called after each search.
export function afterSearch(listener) { onFound = listener; }

// Ask anew; answers to older questions are dropped.
export async function search() {
  asked?.abort();
  asked = new AbortController();
  const {signal} = asked;
  list.ariaBusy = "true";
  try {
    const page = await findCalls(typed(), {signal});
    if (signal.aborted) return;
    rows.clear();
    list.replaceChildren();
    take(page);
    total = page.total;
    scroller.scrollTop = 0;
    complain("");
    summarise();
    onFound();
  } catch (error) {
    if (error.name !== "AbortError") complain(error.message);
  } finally {
    if (asked?.signal === signal) list.ariaBusy = "false";
  }
  fill();
}

function take(page) {
  for (const call of page.items) put(call, null);
  next = page.next;
  $("more").hidden = next === null;
}

async function more() {
  if (isLoading || next === null) return;
  isLoading = true;
  const cursor = next, {signal} = asked;
  try {
    const page = await findCalls(typed(), {cursor, signal});
    if (!signal.aborted && cursor === next) take(page);
  } catch (error) {
    if (error.name !== "AbortError") return complain(error.message);
  } finally {
    isLoading = false;
  }
  fill();
}

function fill() {   // a tall window shows more than a page
  const {bottom} = scroller.getBoundingClientRect();
  if (next !== null && !$("more").hidden && $("more").getBoundingClientRect().top < bottom + 400) more();
}

function summarise() {
  const isAll = typed() === "", shown = total > MOST ? `More than ${count(MOST, "call")}` : count(total ?? rows.size, "call");
  $("count").textContent = isAll ? shown : rows.size ? `${shown} found` : "Nothing was found";
  $("none").hidden = rows.size > 0 || !isAll;
}

function complain(text) {
  $("wrong").textContent = text;
  $("query").ariaInvalid = text ? "true" : "false";
}

// ---- rows

function put(call, before) {
  const item = row(call), old = rows.get(call.id)?.item;
  if (old) replace(old, item); else if (before) before.before(item); else list.append(item);
  rows.set(call.id, {call, item});
  return item;
}

function replace(old, item) {   // who stands on it stays there
  const hadFocus = old.contains(document.activeElement);
  old.replaceWith(item);
  if (hadFocus) item.querySelector("a").focus();
}

function row(call) {
  const link = make("a", {className: "call", href: `#${call.id}`},
    make("b", {}, name(end(call.caller)), make("span", {className: "to"}, " → "), name(end(call.receiver))),
    make("time", {dateTime: call.started_at}, moment(call.started_at)),
    state(call),
    call.status === "ready" && bar(call),
    call.tags.length && make("span", {className: "tags"}, ...call.tags.map(tag => make("span", {className: "tag"}, name(tag)))));
  link.ariaLabel = spokenRow(call);
  if (call.id === chosen) link.setAttribute("aria-current", "true");
  return make("li", {data: {id: call.id}}, link, ...(call.passages ?? []).map(passage => hit(call, passage)));
}

function spokenRow(call) {
  const facts = [title(call), moment(call.started_at), call.duration === null ? statusOf(call) : `lasts ${clock(Math.round(call.duration))}`];
  if (call.silence_share !== null) facts.push(`${percent(call.silence_share)} silence`);
  return [...facts, ...call.tags].join(", ");
}

function state(call) {
  const text = call.status === "ready" ? clock(call.duration ?? 0) : statusOf(call);
  return make("span", {className: `state ${call.status}`}, text);
}

// A style set as a property is CSSOM, which a strict policy allows; an attribute in markup it blocks.
const part = (className, share) => share > 0 && make("i", {className, style: `flex-grow: ${share}`});

function bar({talk_share: talk, silence_share: silence, overlap_share: overlap}) {
  const both = Math.min(overlap ?? 0, talk ?? 0), quiet = talk === null ? silence ?? 0 : 1 - talk;
  return make("span", {className: "bar"}, part("talk", (talk ?? 1 - quiet) - both), part("both", both), part("silence", quiet));
}

function hit(call, {start, text, marks, side}) {
  const [from, shown, shift] = excerpt(text, marks);
  const moved = marks.map(([first, last]) => [first - from + shift, last - from + shift]).filter(([, last]) => last <= Array.from(shown).length);
  const link = make("a", {className: "hit", href: `#${call.id}@${start}`},
    make("time", {}, clock(start)), make("span", {dir: "auto"}, side && make("b", {}, `${side}: `), ...marked(shown, moved)));
  return link;
}

function excerpt(text, marks) {   // about 90 characters around the first mark
  const characters = Array.from(text), from = Math.max(0, (marks[0]?.[0] ?? 0) - 24);
  const start = from > 0 ? "…" : "", to = from + 90, rest = to < characters.length ? "…" : "";
  return [from, start + characters.slice(from, to).join("") + rest, start.length];
}

// ---- what changes

// Give the focus to a call in the list.
export const focusOn = id => rows.get(id)?.item.firstChild.focus();

export function choose(id) {
  for (const wanted of [chosen, id]) {
    const link = rows.get(wanted)?.item.firstChild;
    if (wanted === id) link?.setAttribute("aria-current", "true"); else link?.removeAttribute("aria-current");
  }
  chosen = id;
  rows.get(id)?.item.scrollIntoView({block: "nearest"});
}

export function drop(id) {
  const known = rows.get(id);
  if (!known) return;
  known.item.remove();
  rows.delete(id);
  if (total !== null && total <= MOST) total -= 1;
  summarise();
}

// Look at the newest calls again: new ones come on top, those that are there are brought up to date.
export async function refresh() {   // one look after the other, or an older answer would come last
  isStale = true;
  if (isLooking) return;
  isLooking = true;
  while (isStale) {
    isStale = false;
    await look();
  }
  isLooking = false;
}

async function look() {
  const query = typed(), signal = asked?.signal;
  let page;
  try {
    page = await findCalls(query, {limit: Math.max(HEAD, Math.min(rows.size, 100)), signal});
  } catch (error) {
    if (error.name !== "AbortError") complain(error.message);
    return;
  }
  if (query !== typed() || signal?.aborted) return;
  const isFirst = rows.size === 0, found = new Set(page.items.map(call => call.id));
  leave(found, page.next === null);
  let place = list.firstElementChild;
  for (const call of page.items) {
    const seen = rows.get(call.id);
    const item = seen && seen.call.version === call.version ? seen.item : put(call, place);
    place = item === place || seen ? item.nextElementSibling : place;
  }
  if (isFirst) { next = page.next; $("more").hidden = next === null; }
  total = page.total;
  complain("");
  summarise();
}

// What stands before the last call of the page, and is not on it, matches no longer.
function leave(found, isAll) {
  const shown = [...list.children].map(item => item.dataset.id);
  const last = isAll ? shown.length : shown.findLastIndex(id => found.has(id));
  for (const id of shown.slice(0, Math.max(0, last))) {
    if (found.has(id)) continue;
    rows.get(id)?.item.remove();
    rows.delete(id);
  }
}

$("query").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(search, WAIT);
});
$("find").addEventListener("submit", event => {
  event.preventDefault();
  clearTimeout(typing);
  search();
});
list.addEventListener("keydown", event => {   // from call to call
  const links = [...list.querySelectorAll("a")], place = links.indexOf(document.activeElement);
  const to = {ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: links.length - 1}[event.key];
  if (to === undefined || !links[to]) return;
  event.preventDefault();
  links[to].focus();
});
new IntersectionObserver(entries => { if (entries.some(entry => entry.isIntersecting)) more(); }, {root: scroller, rootMargin: "400px"})
  .observe($("more"));
for (const button of document.querySelectorAll("#terms button")) {
  button.addEventListener("click", () => {
    $("query").value = `${typed()} ${button.textContent}`.trim();
    $("query").focus();
    search();
  });
}
$("help").addEventListener("click", () => {
  $("terms").hidden = !$("terms").hidden;
  $("help").ariaExpanded = String(!$("terms").hidden);
});
