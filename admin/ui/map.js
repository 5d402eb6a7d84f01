// What is in front of what: clients, a balancer where one is known, proxies, services. It is what the configuration says, and
// what the latest exchanges show.

import { el, keyed, section, setText } from "./dom.js";
import { count, shorten } from "./format.js";
import { now, on, state } from "./store.js";
import { modeOf } from "./traffic.js";

const named = 3; // so many clients, and so many of what is in front, are named

export function map() {
  const list = el("ol", { class: "routes" });
  const empty = el("p", { class: "quiet" });
  section("map", list, empty);
  on("faults figures", () => {
    setText(empty, state.proxies.length === 0 ? "Nothing is in front of anything yet." : "");
    keyed(list, state.proxies, (p) => p.name, line, (node, p) => node.draw(p));
  });
}

// line is a proxy with what is before and behind it.
function line() {
  const clients = stop("client");
  const front = stop("in front");
  const own = stop("squall");
  const service = stop("service");
  const arrow = () => el("span", { class: "arrow", role: "img", "aria-label": "in front of" }, "→");
  const frontArrow = arrow();
  const note = el("span", { class: "quiet rate" });
  const node = el("li", {}, clients.node, arrow(), front.node, frontArrow, own.node, arrow(), service.node, note);
  node.draw = (p) => {
    const latest = state.exchanges.filter((e) => e.proxy === p.name);
    const seen = [...new Set(latest.map((e) => (e.front ? e.front.client : e.client)).filter(Boolean))];
    clients.draw(seen.length ? "client" : "client idle", seen.length ? some(seen, ", ") : latest.length ? "not told" : "no client yet");
    const before = frontsOf(latest) || balancerOf(p);
    front.draw("hop", before);
    front.node.hidden = frontArrow.hidden = !before;
    const mode = modeOf(p.name);
    const enabled = p.enabled !== false;
    own.draw(`hop proxy mode-${["normal", "fallback", "failure"].includes(mode) ? mode : "other"}`, `${p.name} ${p.bound || p.listen}`);
    service.draw(enabled ? "hop" : "hop idle", p.upstream);
    setText(note, enabled ? `${rates(state.series.get(p.name))}, ${mode}` : "switched off");
  };
  return node;
}

function stop(what) {
  const text = el("span");
  const node = el("span", {}, el("small", {}, what), text);
  return { node, draw(className, words) {
    node.className = `stop ${className}`;
    setText(text, words);
  } };
}

const some = (texts, between) => shorten(texts.slice(0, named).join(between), 120) + (texts.length > named ? ` and ${texts.length - named} more` : "");

// frontsOf says through what a proxy's exchanges came, and for how many clients each of these asked; "" = all came straight.
function frontsOf(exchanges) {
  const fronts = new Map(); // the clients of each
  for (const { front } of exchanges) {
    if (!front) continue;
    const name = [front.name, front.peer].filter(Boolean).join(" ");
    if (!fronts.has(name)) fronts.set(name, new Set());
    if (front.client) fronts.get(name).add(front.client);
  }
  if (fronts.size === 0) return "";
  const words = [...fronts].map(([name, { size }]) => (size ? `${name} for ${size} client${size > 1 ? "s" : ""}` : name));
  return some(words, "; ") + (exchanges.every((e) => e.front) ? "" : "; some come straight");
}

// balancerOf says what stands in front of a proxy, as far as its configuration knows.
function balancerOf(p) {
  if (p.trusted?.length) return `balancer ${p.trusted.join(", ")}`;
  return p.upstream_down === "close" ? "a balancer, if there is one" : "";
}

// rates says how much passes, by the latest second.
function rates(series) {
  const i = (series?.at.length || 0) - 1;
  if (i < 0 || now() / 1000 - series.at[i] >= 4) return "0/s, 0 open";
  return `${count(series.ok[i] + series.touched[i] + series.injected_errors[i] + series.real_errors[i] + series.client_left[i])}/s, ${series.open[i]} open`;
}
