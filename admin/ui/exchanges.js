// The exchanges, the latest first, with filters; and for one of them why each rule did or did not fire.

import { el, keyed, section, select, setOptions, setText } from "./dom.js";
import { clock, parseDuration, ms, shorten, bytes } from "./format.js";
import { keyOf, on, state } from "./store.js";

const shown = 60;

const outcomes = [["", "all outcomes"], ["ok", "ok"], ["injected", "injected"], ["real_error", "real error"], ["client_left", "client left"]];

const reasons = {
  disabled: "it is switched off, or hits 0 %",
  match: "the exchange does not match",
  except: "the exchange is among its exceptions",
  protected: "the path is protected from all faults",
  selection: "it was not its turn (skip, first, every, burst …)",
  roll: "the dice said no: it hits only a part",
  limit: "it had reached its limit",
  expired: "it had expired",
  body: "the body is none that it could change",
  room: "there was room: it was let through",
};

let paused = false;
const held = new Map(); // exchanges that somebody reads: they stay when others have pushed them out

// isServiceError says of an exchange whose outcome is ok, since the service's reply came through, that this was an error.
const isServiceError = (e) => e.outcome === "ok" && e.status >= 500;

// outcomeOf is what an exchange counts as in the charts, too.
const outcomeOf = (e) => (isServiceError(e) ? "real_error" : e.outcome);

export function exchanges() {
  const proxy = select([["", "all proxies"]], { "aria-label": "Proxy" });
  const outcome = select(outcomes, { "aria-label": "Outcome" });
  const text = el("input", { type: "search", placeholder: "path or rule", "aria-label": "Path or rule contains" });
  const pause = el("button", { type: "button", "aria-pressed": "false", onclick: () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    draw();
  } }, "Pause");
  const sample = el("p", { class: "quiet" });
  const list = el("ol", { class: "exchanges", tabindex: "0", "aria-label": "Latest exchanges" });
  section("exchanges", el("div", { class: "row" }, proxy, outcome, text, pause), sample, list);
  let frozen = null;
  const draw = () => {
    setOptions(proxy, [["", "all proxies"], ...state.proxies.map((p) => [p.name, p.name])]);
    const source = paused ? (frozen ||= [...state.exchanges]) : ((frozen = null), state.exchanges);
    const isWanted = (e) => matches(e, proxy.value, outcome.value, text.value.trim().toLowerCase());
    const wanted = source.filter(isWanted);
    for (const [key, e] of held) if (!isWanted(e)) held.delete(key);
    const rows = new Map(wanted.slice(0, shown).map((e) => [keyOf(e), e]));
    for (const [key, e] of [...held].sort(([, a], [, b]) => Date.parse(b.at) - Date.parse(a.at))) rows.set(key, e);
    keyed(list, [...rows.values()], keyOf, row, () => {});
    setText(sample, saying(source.length, wanted.length));
  };
  for (const control of [proxy, outcome, text]) control.addEventListener("input", draw);
  on("exchanges figures", draw);
}

function saying(all, wanted) {
  if (all === 0) return "No exchange yet. Send a request through a proxy.";
  if (wanted === 0) return "None of the latest exchanges is like that.";
  return state.sampled ? `A sample: the last second had ${state.seen} exchanges, up to 50 of them are shown here. Charts and counters count all.` : "";
}

function matches(e, proxy, outcome, text) {
  if (proxy && e.proxy !== proxy) return false;
  if (outcome && outcomeOf(e) !== outcome) return false;
  return !text || e.path.toLowerCase().includes(text) || e.faults.some((d) => d.rule.toLowerCase().includes(text));
}

// row is an exchange as a line that opens. It never changes.
function row(e) {
  const hits = e.faults.filter((d) => d.decision !== "skip").map((d) => (d.decision === "shadow" ? `${d.rule} (shadow)` : d.rule));
  if (isServiceError(e)) hits.push("service's own error");
  const status = e.status || "none";
  const summary = el("summary", {}, el("time", { datetime: e.at }, clock(e.at)), el("span", { class: "name" }, e.proxy),
    el("span", { class: "path" }, e.method ? `${e.method} ${e.path}` : unnamed(e)), el("span", { class: `status ${kind(e)}` }, String(status)),
    el("span", { class: "took" }, ms(parseDuration(e.duration))), el("span", { class: "hits" }, hits.length ? hits.join(", ") : e.outcome.replace("_", " ")));
  const details = el("details", {}, summary);
  const hold = () => (details.open || details.contains(document.activeElement) ? held.set(keyOf(e), e) : held.delete(keyOf(e)));
  details.addEventListener("toggle", () => {
    if (details.children.length === 1) details.append(explain(e));
    hold();
  });
  summary.addEventListener("focus", hold);
  summary.addEventListener("blur", () => details.open || held.delete(keyOf(e)));
  return el("li", {}, details);
}

// unnamed says what an exchange without a method was.
const unnamed = (e) => (state.proxies.find((p) => p.name === e.proxy)?.protocol === "tcp" ? "connection" : "TLS handshake");

// said puts an outcome into words.
const said = (e) => (isServiceError(e) ? "ok: the reply came through, and is an error of the service's own" : e.outcome.replace("_", " "));

// through says what an exchange came through.
const through = ({ front }) => front && [front.name, front.peer, front.client && `for ${front.client}`].filter(Boolean).join(" ");

function kind(e) {
  if (e.outcome === "client_left") return "left";
  if (outcomeOf(e) === "real_error") return "real";
  if (e.outcome === "injected" && (!e.status || e.status >= 400)) return "injected";
  return e.flags.length > 0 ? "touched" : "ok";
}

// explain says of an exchange what is known, and of each rule why it did or did not fire.
function explain(e) {
  const facts = [["Client", e.client], ["Came through", through(e)], ["Host", e.host], ["Outcome", said(e)], ["Error", e.error], ["Flags", e.flags.map((f) => (f === "DI" ? "DI: delayed" : "FI: faulted")).join(", ")],
    ["Upstream", e.upstream_attempts ? `${ms(parseDuration(e.upstream_duration))}, ${e.upstream_attempts} attempt${e.upstream_attempts > 1 ? "s" : ""}` : "not called"],
    ["Bytes", `${bytes(e.request_bytes)} in, ${bytes(e.response_bytes)} out`], ["Request id", e.request_id]];
  const decisions = e.faults.map((d) => el("li", { class: d.decision }, el("b", {}, d.rule), ` (${d.kind}): ${why(d)}`));
  if (e.more_faults) decisions.push(el("li", { class: "skip" }, `and ${e.more_faults} more that did not match`));
  return el("div", { class: "why" },
    el("dl", {}, facts.filter(([, v]) => v).map(([k, v]) => el("div", {}, el("dt", {}, k), el("dd", {}, shorten(String(v), 300))))),
    el("h3", {}, "Why each rule did or did not fire"), decisions.length ? el("ul", {}, decisions) : el("p", { class: "quiet" }, "No rule was in force for this proxy."));
}

function why(d) {
  const nth = d.n ? `, its exchange number ${d.n}` : "";
  if (d.decision === "hit") return `fired${nth}`;
  if (d.decision === "shadow") return `would have fired${nth}, but it is in shadow`;
  return `did not fire: ${reasons[d.why] || d.why}${nth}`;
}
