// Elements made without markup: text only ever enters as text nodes, for names, numbers and transcripts are untrusted.

export const $ = id => document.getElementById(id);

// An element with properties and children; children that are null, false or 0 are left out.
export function make(tag, properties, ...children) {
  const {data, ...own} = properties ?? {};
  const element = Object.assign(document.createElement(tag), own);
  Object.assign(element.dataset, data);
  element.append(...children.filter(child => child || child === ""));
  return element;
}

// A text that somebody else wrote, in whatever direction it is written; what is around it stays in place.
export const name = text => make("bdi", {}, text);

// A text as nodes, with [first, behind the last] characters in <mark>; characters are code points, as the server counts.
export function marked(text, marks) {
  if (!marks?.length) return [text];
  const characters = Array.from(text), nodes = [];
  let from = 0;
  for (const [start, end] of marks) {
    nodes.push(characters.slice(from, start).join(""), make("mark", {}, characters.slice(start, end).join("")));
    from = end;
  }
  return [...nodes, characters.slice(from).join("")];
}

// Tell those who listen rather than look; said once more if it is the same words.
export function say(text) {
  const place = $("said");
  place.textContent = "";
  requestAnimationFrame(() => { place.textContent = text; });
}

// Whether a key belongs to what has the focus, and is no command to the page.
export function isTyping(target) {
  return target.matches("input:not([type=checkbox]), select, textarea") || target.closest("dialog") !== null;
}
