// The page: puts the parts together, goes where the address says, and listens to the keyboard.
import {changed, openId, remark, show} from "./call.js";
import "./choosing.js";
import {$, isTyping, say} from "./dom.js";
import {afterSearch, drop, ids, refresh, search} from "./list.js";
import {unwatch, watch} from "./live.js";
import {redraw, step, toggle} from "./player.js";
import {begin} from "./session.js";
import {onTheme, theme, toggleTheme} from "./theme.js";
import {changedUploads, underWay} from "./uploads.js";
import {getCall} from "./api.js";

const PLACE = /^#([0-9a-f-]{36})(?:@(\d+(?:\.\d+)?))?$/;
const phone = matchMedia("(max-width: 760px)");

function go() {
  const [, id = null, at] = PLACE.exec(location.hash) ?? [];
  return show(id, at === undefined ? null : Number(at));
}

async function enter() {
  await search();
  if (!PLACE.test(location.hash) && !phone.matches && ids().length) history.replaceState(null, "", `#${ids()[0]}`);
  await go();
  watch(onChanges);
  document.body.dataset.ready = "";
}

async function onChanges(statuses) {
  for (const [id, status] of statuses ?? []) if (status === "erased") drop(id);
  changedUploads(statuses ?? await asked(underWay()));
  changed(statuses);
  await refresh();
}

async function asked(wanted) {   // where nobody tells, ask after our own uploads
  const calls = await Promise.allSettled(wanted.map(getCall));
  return new Map(calls.filter(one => one.value).map(({value}) => [value.id, value.status]));
}

addEventListener("hashchange", go);
afterSearch(remark);
addEventListener("unhandledrejection", event => {
  if (event.reason?.name === "AbortError" || event.reason?.status === 401) event.preventDefault();
  else if (event.reason?.status !== undefined) { event.preventDefault(); say(event.reason.message); }
});
addEventListener("pagehide", unwatch);
addEventListener("pageshow", event => { if (event.persisted) location.reload(); });   // from the browser's memory
addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const steps = {ArrowLeft: -5, ArrowRight: 5}[event.key];
  if (steps && openId()) step(steps);
  else if (event.key === "/") $("query").focus();
  else if (event.key === " " && !event.target.matches("button, input, summary")) toggle();
  else return;
  event.preventDefault();
});
onTheme(() => {
  $("theme").ariaPressed = String(theme() === "dark");
  redraw();
});
$("theme").addEventListener("click", toggleTheme);
$("pass").addEventListener("click", () => $("main").focus());
$("calls").addEventListener("click", event => {   // there once more: the address does not change
  const link = event.target.closest("a");
  if (link && link.hash === location.hash) go();
});

begin(enter).catch(error => { $("wrong").textContent = error.message; });
