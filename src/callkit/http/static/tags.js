// The tags of the call that is shown: those who may, add some and take some away.
import {setTags} from "./api.js";
import {$, make, name} from "./dom.js";
import {may} from "./session.js";

let call = null;

export function loadTags(next) {
  if (call?.id !== next.id) { $("tag").value = ""; complain(""); }
  call = next;
  $("tag-form").hidden = !may("write");
  $("tags").replaceChildren(...call.tags.map(tag => make("li", {className: "tag"}, name(tag), may("write") && away(tag))));
  $("no-tags").hidden = call.tags.length > 0 || may("write");
}

function away(tag) {
  const button = make("button", {type: "button", ariaLabel: `Take away the tag ${tag}`}, "✕");
  button.addEventListener("click", async () => {
    await change(call.tags.filter(one => one !== tag));
    $("tag").focus();
  });
  return button;
}

async function change(tags) {
  const {id} = call;
  try {
    const changed = await setTags(id, tags);
    complain("");
    if (call.id === id) loadTags({...call, tags: changed.tags});
  } catch (error) {
    complain(error.message);
  }
}

function complain(text) { $("tag-wrong").textContent = text; }

$("tag-form").addEventListener("submit", async event => {
  event.preventDefault();
  const added = $("tag").value.split(/[\s,]+/).filter(Boolean);
  $("tag").value = "";
  if (added.length) await change([...call.tags, ...added]);
});
