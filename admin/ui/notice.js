// What the page says to its user: that something was done, or refused; and what it asks.

import { byId, el, field } from "./dom.js";

let hiding = 0;

function show(text, className, time) {
  const notice = byId("notice");
  notice.className = `banner ${className}`;
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (notice.hidden = true), time);
}

export const done = (text) => show(text, "good", 4000);
export const complain = (error) => show(error.status ? error.message : "squall does not answer. Nothing was changed.", "bad", 15000);

// dialog opens a modal window around a form, and gives what give() makes of it, or null where it is closed otherwise.
function dialog(title, content, action, give) {
  return new Promise((resolve) => {
    const form = el("form", { method: "dialog" }, el("h2", {}, title), content, el("div", { class: "row end" }, action));
    const node = el("dialog", { "aria-label": title }, form);
    let answer = null;
    form.addEventListener("submit", () => (answer = give()));
    node.addEventListener("close", () => {
      node.remove();
      resolve(answer);
    });
    document.body.append(node);
    node.showModal();
  });
}

// confirmFirst asks whether something shall be done.
export function confirmFirst(text, action) {
  const no = el("button", { type: "button", onclick: (e) => e.target.closest("dialog").close() }, "Cancel");
  return dialog(action, el("p", {}, text), [no, el("button", { class: "danger" }, action)], () => true);
}

// askToken asks for the token until there is one.
export async function askToken() {
  for (;;) {
    const input = el("input", { type: "password", autocomplete: "off", required: true });
    const text = el("p", {}, "This squall asks for its admin token. It is kept in this tab only.");
    const token = await dialog("Token", [text, field("Admin token", input)], el("button", { class: "primary" }, "Use it"), () => input.value.trim());
    if (token) return token;
  }
}
