// A card for each proxy: charts of rate and errors, of latency and of connections.

import { el, keyed, section, setText } from "./dom.js";
import { count, ms } from "./format.js";
import { chart } from "./chart.js";
import { now as clock, on, state } from "./store.js";

const spans = [
  [60, "1 min"],
  [300, "5 min"],
  [900, "15 min"],
];
let seconds = 60;

const outcomes = [
  { name: "ok", column: "ok", className: "ok" },
  { name: "touched by faults", column: "touched", className: "touched" },
  { name: "injected errors", column: "injected_errors", className: "injected" },
  { name: "real errors", column: "real_errors", className: "real" },
  { name: "client left", column: "client_left", className: "left" },
];
const quantiles = ["p50", "p95", "p99"].map((name) => ({ name, column: name, className: name }));

export function traffic() {
  const choice = el("div", { class: "choice", role: "group", "aria-label": "Time shown" }, spans.map(([value, text]) => spanButton(value, text)));
  const cards = el("div", { class: "cards" });
  const sampled = el("p", { class: "quiet" });
  section("traffic", choice, cards, sampled);
  const draw = () => {
    keyed(cards, state.proxies, (p) => p.name, card, (node, p) => node.draw(p));
    const rest = state.proxies.length === 0 ? "No proxy yet. Add one: squall proxies put, or PUT /admin/proxies/NAME." : "";
    setText(sampled, rest);
  };
  on("figures faults", draw);
  choice.addEventListener("click", draw);
  setInterval(() => document.hidden || draw(), 1000);
}

function spanButton(value, text) {
  return el("button", { type: "button", "aria-pressed": String(value === seconds), onclick: (e) => {
    seconds = value;
    for (const other of e.target.parentNode.children) other.setAttribute("aria-pressed", String(other === e.target));
  } }, text);
}

function card(p) {
  const rate = chart({ title: "Exchanges per second", layers: outcomes, stacked: true, format: count, sum: "Most in a second" });
  const latency = chart({ title: "Duration", layers: quantiles, format: ms, sum: "Longest median" });
  const open = chart({ title: "Open connections", layers: [{ name: "open", column: "open", className: "open" }], format: count });
  const now = el("p", { class: "now" });
  const all = el("p", { class: "quiet total" });
  const mode = el("span", { class: "badge" });
  const route = el("p", { class: "quiet route" });
  const node = el("article", { class: "card", "aria-label": `Proxy ${p.name}` }, el("h3", {}, el("span", { class: "name" }, p.name), mode), route, now, all, rate.node, latency.node, open.node);
  node.draw = (proxy) => {
    const series = state.series.get(proxy.name);
    const at = Math.floor(clock() / 1000);
    for (const c of [rate, latency, open]) c.draw(series, seconds, at);
    const held = modeOf(proxy.name);
    mode.className = `badge mode-${["normal", "fallback", "failure"].includes(held) ? held : "other"}`;
    setText(mode, proxy.enabled === false ? "off" : held);
    setText(route, `${proxy.bound || proxy.listen} → ${proxy.upstream}`);
    setText(now, summary(sums(series, 10, at)));
    setText(all, total(sums(series, seconds, at)));
  };
  return node;
}

export const modeOf = (name) => (Object.hasOwn(state.faults?.modes || {}, name) ? state.faults.modes[name] : state.faults?.mode || "normal");

// sums counts the exchanges of the last seconds.
function sums(series, seconds, at) {
  const sum = { all: 0, injected: 0, real: 0 };
  for (let i = (series?.at.length || 0) - 1; i >= 0 && at - series.at[i] < seconds; i--) {
    for (const o of outcomes) sum.all += series[o.column][i];
    sum.injected += series.injected_errors[i];
    sum.real += series.real_errors[i];
  }
  return sum;
}

// summary says in words what the last seconds were like.
function summary({ all, injected, real }) {
  if (all === 0) return "No traffic in the last 10 seconds";
  const percent = (n) => `${Math.round((100 * n) / all)} %`;
  return `${all < 100 ? (all / 10).toFixed(1) : count(all / 10)}/s · ${percent(injected)} injected errors · ${percent(real)} real errors, over 10 s`;
}

// total counts what the charts show, to the exchange.
const total = ({ all, injected, real }) => `${all} exchanges, ${injected} injected errors, ${real} real errors, over ${seconds / 60} min`;
