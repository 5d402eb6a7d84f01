// The form for a rule. It is made from the kinds that squall knows: one field for each attribute of the kind chosen.

import { call, get } from "./api.js";
import { el, field, select, setOptions } from "./dom.js";
import { parseDuration } from "./format.js";
import { complain, done } from "./notice.js";
import { refresh, state, timeLeft } from "./store.js";

const hints = {
  duration: "such as 250ms or 1m30s",
  size: "bytes, or such as 10KB",
  integer: "a whole number",
  number: "a number",
  text: "",
  json: "text, or JSON",
};

// ruleForm makes the form. open(rule) shows it, for a new rule (null) or to change one.
export function ruleForm() {
  let kinds = [];
  let editing = null;
  const inputs = new Map();
  const f = controls();
  const error = el("p", { class: "bad", role: "alert" });
  const title = el("h3", { tabindex: "-1" });
  const save = el("button", { class: "primary" }, "Save");
  const attributes = el("div", { class: "grid" });
  const basics = el("div", { class: "grid" }, field("Name", f.name, "empty: squall finds one"), field("Proxy", f.proxy), field("Kind", f.kind), field("Percent", f.percent, "of those that match, 0 to 100; empty: all"));
  const more = el("details", {}, el("summary", {}, "Which exchanges, when, how long"),
    el("div", { class: "grid" }, field("Phase", f.phase), field("Stream", f.stream), field("Path", f.path, "such as /stock/* or /price/**"), field("Methods", f.methods, "such as GET POST"),
      field("Match, further", f.match, 'JSON, such as {"headers": {"X-Tenant": "beta"}}'), field("Time to live", f.ttl, "such as 30s; empty: no end"), field("First", f.first, "only so many hits")));
  const summary = el("p", { class: "quiet" });
  const node = el("form", { class: "ruleform", hidden: true, novalidate: true, "aria-label": "Rule", onsubmit: submit, onkeydown: (e) => e.key === "Escape" && close() },
    title, basics, summary, attributes, more, el("label", { class: "toggle" }, f.shadow, "try it in shadow first: it counts, and does nothing"), error,
    el("div", { class: "row" }, save, el("button", { type: "button", onclick: close }, "Cancel")));
  f.kind.addEventListener("change", () => drawKind({}));
  f.proxy.addEventListener("change", offerKinds);
  return { node, open };

  async function open(rule) {
    try {
      if (kinds.length === 0) kinds = (await get("/admin/kinds")).kinds;
    } catch (e) {
      return complain(e);
    }
    editing = rule;
    error.textContent = "";
    title.textContent = rule ? `Change ${rule.name}` : "A new rule";
    setOptions(f.proxy, [["", "every HTTP proxy"], ...state.proxies.map((p) => [p.name, p.name])]);
    fillIn(rule || {});
    node.hidden = false;
    (rule ? title : f.name).focus();
  }

  function close() {
    node.hidden = true;
    document.querySelector("#rules button").focus();
  }

  // offerKinds lists the kinds that the proxy can have.
  function offerKinds() {
    const before = f.kind.value;
    const tcp = state.proxies.find((p) => p.name === f.proxy.value)?.protocol === "tcp";
    setOptions(f.kind, kinds.filter((k) => (k.layer === "tcp") === tcp || k.layer === "tls").map((k) => [k.name, k.name]));
    if (f.kind.value !== before) drawKind({}); // else what was filled in stays
  }

  function fillIn(rule) {
    f.name.value = rule.name || "";
    f.name.disabled = Boolean(editing);
    f.proxy.value = rule.proxy || "";
    offerKinds();
    if (rule.kind) f.kind.value = rule.kind;
    drawKind(rule.attributes || {});
    f.percent.value = rule.percent ?? 100;
    const { path, methods, ...rest } = rule.match || {};
    const plain = typeof path === "string" || path === undefined;
    f.path.value = plain ? path || "" : "";
    f.methods.value = [methods || []].flat().join(" ");
    f.match.value = Object.keys(rest).length > 0 || !plain ? JSON.stringify(plain ? rest : { ...rest, path }) : "";
    f.phase.value = rule.phase || "";
    f.stream.value = rule.stream || "";
    f.ttl.value = rule.ttl ? `${Math.max(1, Math.ceil(timeLeft(parseDuration(rule.status.expires_in)) / 1000))}s` : "";
    f.first.value = rule.first ?? "";
    f.shadow.checked = Boolean(rule.shadow);
  }

  function drawKind(values) {
    const kind = kinds.find((k) => k.name === f.kind.value);
    if (!kind) return;
    summary.textContent = `${kind.name} ${kind.summary}.`;
    setOptions(f.phase, [["", "as usual"], ...kind.phases.map((p) => [p, p])]);
    f.phase.parentNode.hidden = kind.phases.length < 2;
    f.stream.parentNode.hidden = kind.phases.length > 0;
    inputs.clear();
    const main = kind.attributes.filter((a) => a.name === kind.main);
    const others = kind.attributes.filter((a) => a.name !== kind.main);
    attributes.replaceChildren(...[...main, ...others].map((a) => {
      const input = attributeInput(a, values[a.name]);
      inputs.set(a, input);
      return field(a.name.replaceAll("_", " "), input, hints[a.type]);
    }));
  }

  async function submit(event) {
    event.preventDefault();
    error.textContent = "";
    try {
      const rule = read();
      if (editing) await call("PUT", `/admin/faults/rules/${encodeURIComponent(rule.name)}?proxy=${encodeURIComponent(editing.proxy || "*")}`, rule);
      else await call("POST", "/admin/faults/rules", rule);
      close();
      done(rule.name ? `The rule ${rule.name} is in force` : "The rule is in force");
      await refresh();
    } catch (e) {
      error.textContent = e.status || e instanceof SyntaxError ? e.message : "squall does not answer. Nothing was changed.";
      error.scrollIntoView({ block: "nearest" });
    }
  }

  // read makes the rule of what was filled in; what the form has no field for stays as it was.
  function read() {
    const { status, ttl, toxic, ...rule } = editing || {};
    rule.kind = f.kind.value;
    put(rule, "percent", f.percent.value === "" ? "" : Number(f.percent.value));
    rule.shadow = f.shadow.checked;
    rule.attributes = Object.fromEntries([...inputs].map(([a, input]) => [a.name, value(a, input)]).filter(([, v]) => v !== undefined));
    for (const name of ["name", "proxy", "phase", "stream", "ttl"]) put(rule, name, f[name].parentNode.hidden ? "" : f[name].value.trim());
    put(rule, "first", f.first.value === "" ? "" : Number(f.first.value));
    const match = { ...(f.match.value.trim() ? JSON.parse(f.match.value) : {}) };
    if (f.path.value.trim()) match.path = f.path.value.trim();
    if (f.methods.value.trim()) match.methods = f.methods.value.trim().toUpperCase().split(/[\s,]+/);
    put(rule, "match", Object.keys(match).length > 0 ? match : "");
    return rule;
  }
}

function put(rule, name, value) {
  if (value === "") delete rule[name];
  else rule[name] = value;
}

function controls() {
  const text = () => el("input", { type: "text", autocomplete: "off", spellcheck: "false" });
  return {
    name: text(), proxy: select([]), kind: select([]), percent: el("input", { type: "number", min: "0", max: "100", step: "any", value: "100" }),
    phase: select([]), stream: select([["", "downstream (to the client)"], ["upstream", "upstream (to the service)"]]),
    path: text(), methods: text(), match: text(), ttl: text(), first: el("input", { type: "number", min: "1", step: "1" }), shadow: el("input", { type: "checkbox" }),
  };
}

function attributeInput(a, value) {
  if (a.type === "flag") return el("input", { type: "checkbox", checked: Boolean(value) });
  const text = value === undefined ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  const numeric = a.type === "integer" || a.type === "number";
  return el("input", { type: numeric ? "number" : "text", step: numeric ? "any" : null, value: text, autocomplete: "off", spellcheck: "false" });
}

// value reads an attribute; undefined = it is left out.
function value(a, input) {
  if (a.type === "flag") return input.checked || undefined;
  const text = input.value.trim();
  if (text === "") return undefined;
  if (a.type === "integer" || a.type === "number") return Number(text);
  if (a.type !== "json" && a.type !== "size") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text; // what is no JSON is a text
  }
}
