// What happened: changes with who made them, what expired, connections.

import { el, keyed, section, setText } from "./dom.js";
import { clock } from "./format.js";
import { on, state } from "./store.js";

export function news() {
  const empty = el("p", { class: "quiet" }, "Nothing yet since this page was opened. Switch a mode above.");
  const list = el("ol", { class: "news", tabindex: "0", "aria-label": "What happened, the latest first" });
  section("news", empty, list);
  on("news", () => {
    setText(empty, "");
    keyed(list, state.news.slice(0, 20), (n) => n.key, line, () => {}); // what is open stays open
  });
}

function line(n) {
  const head = [el("time", { datetime: n.at }, clock(n.at)), " ", n.text];
  if (!n.change?.after || Object.keys(n.change.after).length === 0) return el("li", {}, head);
  const { before, after } = n.change;
  return el("li", {}, el("details", {}, el("summary", {}, head), el("pre", { tabindex: "0", "aria-label": "What changed" }, JSON.stringify({ before, after }, null, 2))));
}
