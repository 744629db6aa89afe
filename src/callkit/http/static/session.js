// Who looks: signs in with a key where the server wants one, and what they may do.
import {getSession, onLocked, signIn, signOut} from "./api.js";
import {$} from "./dom.js";
import {unwatch} from "./live.js";
import {pause} from "./player.js";

let scopes = [], enter = () => {};

export const may = scope => scopes.includes(scope);

// Find out who we are; `onEnter` is called once we are let in, and again after each time that we had to sign in.
export async function begin(onEnter) {
  enter = onEnter;
  onLocked(lock);
  welcome(await getSession());
}

function welcome(session) {
  if (!session.scopes.length) return lock();
  scopes = session.scopes;
  $("leave").hidden = !session.locked;
  for (const button of document.querySelectorAll(".add")) button.hidden = !may("write");
  document.body.toggleAttribute("data-locked", false);
  enter();
}

function lock() {
  if ($("login").open) return;
  unwatch();
  pause();
  document.body.toggleAttribute("data-locked", true);
  $("login").showModal();
}

$("login-form").addEventListener("submit", async event => {
  event.preventDefault();
  const button = $("login-button");
  button.disabled = true;
  $("login-wrong").textContent = "";
  try {
    await signIn($("key").value.trim());
    $("key").value = "";
    $("login").close();
    welcome(await getSession());
  } catch (error) {
    $("login-wrong").textContent = error.status === 401 ? "This key is not known here, or no longer valid." : error.message;
    $("key").focus();
  } finally {
    button.disabled = false;
  }
});
$("login").addEventListener("cancel", event => event.preventDefault());   // there is nothing behind it
$("leave").addEventListener("click", async () => {
  await signOut().catch(() => {});
  location.replace("./");   // nothing of what was seen stays
});
