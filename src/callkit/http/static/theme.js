// Light or dark: as the system says, until somebody chooses. Loaded before anything is painted.

const KEY = "callkit-theme", dark = matchMedia("(prefers-color-scheme: dark)"), root = document.documentElement;
const listeners = [];

function stored() {
  try { return localStorage.getItem(KEY); } catch { return null; }   // a browser may forbid to remember
}

function store(value) {
  try { value ? localStorage.setItem(KEY, value) : localStorage.removeItem(KEY); } catch { /* for this visit, then */ }
}

const system = () => dark.matches ? "dark" : "light";
export const theme = () => root.dataset.theme ?? system();

function apply(value) {
  if (value === "dark" || value === "light") root.dataset.theme = value; else delete root.dataset.theme;
  for (const listener of listeners) listener();
}

// The other one; what the system says is not kept, so that the page follows it again.
export function toggleTheme() {
  const next = theme() === "dark" ? "light" : "dark", own = next === system() ? null : next;
  store(own);
  apply(own);
}

export function onTheme(listener) {
  listeners.push(listener);
  listener();
}

dark.addEventListener("change", () => apply(root.dataset.theme));
apply(stored());
