// Files are chosen or dropped, and somebody says whose calls they are, before they are sent.
import {$, make, name} from "./dom.js";
import {told} from "./filenames.js";
import {bytes, localInput} from "./format.js";
import {may} from "./session.js";
import {upload} from "./uploads.js";

const MOST = 100;
let files = [], depth = 0;

function ask(chosen) {
  files = [...chosen].filter(file => file.size > 0).slice(0, MOST);
  if (!files.length || !may("write")) return;
  $("files").replaceChildren(...files.map(fields));
  $("ask-title").textContent = files.length === 1 ? "Upload a recording" : `Upload ${files.length} recordings`;
  $("ask-dialog").showModal();
}

function fields(file, i) {
  const {caller, receiver, started} = told(file.name), date = started ?? new Date(file.lastModified);
  const inputs = {
    caller: make("input", {name: `caller-${i}`, value: caller, maxLength: 200, placeholder: "unknown", autocomplete: "off"}),
    receiver: make("input", {name: `receiver-${i}`, value: receiver, maxLength: 200, placeholder: "unknown", autocomplete: "off"}),
    started: make("input", {name: `started-${i}`, type: "datetime-local", step: 1, required: true, value: localInput(date)}),
  };
  const swap = make("button", {type: "button", className: "icon", ariaLabel: `Swap caller and receiver of ${file.name}`}, "⇄");
  swap.addEventListener("click", () => {
    [inputs.caller.value, inputs.receiver.value] = [inputs.receiver.value, inputs.caller.value];
  });
  return make("fieldset", {},
    make("legend", {}, name(file.name), make("small", {}, ` ${bytes(file.size)}`)),
    make("label", {}, "Caller", inputs.caller), swap, make("label", {}, "Receiver", inputs.receiver),
    make("label", {className: "when"}, "Began", inputs.started));
}

function send() {
  const form = new FormData($("ask-form")), direction = form.get("direction");
  const tags = form.get("tags").split(/[\s,]+/).filter(Boolean);
  files.forEach((file, i) => upload(file, {
    caller: form.get(`caller-${i}`).trim() || "unknown",
    receiver: form.get(`receiver-${i}`).trim() || "unknown",
    started_at: new Date(form.get(`started-${i}`)).toISOString(),
    ...(direction ? {direction} : {}),
    tags,
  }));
  files = [];
}

$("ask-form").addEventListener("submit", event => {
  event.preventDefault();
  $("ask-dialog").close();
  send();
});
$("ask-no").addEventListener("click", () => $("ask-dialog").close());
for (const button of document.querySelectorAll(".add")) button.addEventListener("click", () => $("many-files").click());
$("many-files").addEventListener("change", () => {
  ask($("many-files").files);
  $("many-files").value = "";
});

// ---- drag and drop, anywhere

const holdsFiles = event => [...event.dataTransfer?.types ?? []].includes("Files") && may("write") && !document.querySelector("dialog[open]");

function over(isOver) {
  depth = isOver;
  $("drop").hidden = isOver <= 0;
}

addEventListener("dragenter", event => { if (holdsFiles(event)) { event.preventDefault(); over(depth + 1); } });
addEventListener("dragover", event => { if (holdsFiles(event)) event.preventDefault(); });
addEventListener("dragleave", event => { if (holdsFiles(event)) over(depth - 1); });
addEventListener("drop", event => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  over(0);
  ask(event.dataTransfer.files);
});
