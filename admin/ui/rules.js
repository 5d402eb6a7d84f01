// The rules: what each does, how often it hit, and switches for it. Toxics are rules of TCP proxies.

import { call } from "./api.js";
import { byId, el, keyed, section, setText } from "./dom.js";
import { parseDuration } from "./format.js";
import { complain, confirmFirst, done } from "./notice.js";
import { ruleForm } from "./ruleform.js";
import { on, refresh, state, timeLeft } from "./store.js";

const keyOf = (r) => `${r.proxy || ""}/${r.name}`;

// place is where a rule is asked for.
export const place = (r) => `/admin/faults/rules/${encodeURIComponent(r.name)}?proxy=${encodeURIComponent(r.proxy || "*")}`;

export function rules() {
  const form = ruleForm();
  const list = el("ul", { class: "rules" });
  const empty = el("p", { class: "quiet" });
  section("rules", el("button", { type: "button", class: "primary", onclick: () => form.open(null) }, "Add a rule"), form.node, empty, list);
  on("faults figures", () => {
    const all = state.faults?.rules || [];
    setText(empty, all.length === 0 ? "No rule. A rule makes some exchanges go wrong: a delay, an error, a cut." : "");
    keyed(list, all, keyOf, (r) => item(r, form), (node, r) => node.draw(r));
  });
}

function item(first, form) {
  let rule = first;
  const name = el("b", { class: "name" }, first.name);
  const what = el("span", {});
  const counts = el("span", { class: "quiet counts" });
  const act = (label, f, className) => el("button", { type: "button", class: className || null, "aria-label": `${label} ${first.name}`, onclick: () => attempt(f) }, label);
  const enabled = toggle(`${first.name} is on`, "on", (on) => attempt(() => patch(rule, { enabled: on }, on ? "switched on" : "switched off")));
  const shadow = toggle(`${first.name} in shadow: decided and counted, nothing done`, "shadow", (on) => attempt(() => patch(rule, { shadow: on }, on ? "is in shadow: it counts, and does nothing" : "acts")));
  const buttons = el("div", { class: "row" }, enabled.node, shadow.node,
    act("Edit", () => form.open(rule)), act("Delete", () => remove(rule), "quiet-danger"));
  const node = el("li", { class: "rule" }, el("div", { class: "what" }, name, " ", what, counts), buttons);
  node.draw = (now) => {
    rule = now;
    enabled.set(rule.enabled);
    shadow.set(Boolean(rule.shadow));
    node.classList.toggle("off", !rule.enabled);
    node.classList.toggle("firing", (state.hits.get(keyOf(rule))?.hit || 0) > 0);
    setText(what, describe(rule));
    setText(counts, countsOf(rule));
  };
  return node;
}

// toggle is a switch that follows what squall says.
function toggle(label, text, changed) {
  const input = el("input", { type: "checkbox", role: "switch", "aria-label": label, onchange: () => changed(input.checked) });
  return { node: el("label", { class: "toggle" }, input, text), set: (on) => (input.checked = on) };
}

async function attempt(f) {
  try {
    await f();
  } catch (error) {
    complain(error);
  }
  await refresh().catch(() => {}); // the stream says when squall is back
}

async function patch(rule, change, says) {
  await call("PATCH", place(rule), change);
  done(`${rule.name} ${says}`);
}

async function remove(rule) {
  if (!(await confirmFirst(`This deletes the rule ${rule.name} and its counters.`, "Delete it"))) return;
  await call("DELETE", place(rule));
  byId("rules").querySelector("button").focus(); // the one that was pressed is about to go
  done(`${rule.name} is deleted`);
}

// describe says in a line what a rule does.
export function describe(r) {
  const settings = Object.entries(r.attributes || {}).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`);
  const match = r.match ? ` where ${Object.entries(r.match).map(([name, value]) => `${name} is ${typeof value === "string" ? value : JSON.stringify(value)}`).join(" and ")}` : "";
  const where = r.stream ? `${r.stream} of ` : "";
  return `${r.kind}${settings.length ? ` (${settings.join(", ")})` : ""} on ${where}${r.proxy || "every HTTP proxy"}, ${r.percent} %${match}`;
}

function countsOf(r) {
  const s = r.status;
  const left = s.expires_in ? `, ends in ${Math.ceil(timeLeft(parseDuration(s.expires_in)) / 1000)} s` : "";
  const did = r.shadow ? "would have hit" : "hit";
  return ` ${did} ${s.hit} of ${s.matched} that matched${s.active ? `, ${s.active} now` : ""}${left}`;
}
