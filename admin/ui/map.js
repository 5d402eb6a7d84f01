// What is in front of what: clients, a balancer where one is known, proxies, services. It is what the configuration says, and
// what the exchanges of the last seconds show.

import { el, section, setText } from "./dom.js";
import { count, shorten } from "./format.js";
import { on, state } from "./store.js";
import { modeOf } from "./traffic.js";

export function map() {
  const table = el("ol", { class: "routes" });
  const empty = el("p", { class: "quiet" });
  section("map", table, empty);
  let key = "";
  const draw = () => {
    const routes = state.proxies.map(route);
    setText(empty, routes.length === 0 ? "Nothing is in front of anything yet." : "");
    if (key === (key = JSON.stringify(routes))) return;
    table.replaceChildren(...routes.map(line));
  };
  on("faults figures", draw);
}

function route(p) {
  const series = state.series.get(p.name);
  const i = (series?.at.length || 0) - 1;
  const fresh = i >= 0 && Date.now() / 1000 - series.at[i] < 4;
  const rate = fresh ? series.ok[i] + series.touched[i] + series.injected_errors[i] + series.real_errors[i] + series.client_left[i] : 0;
  const clients = [...new Set(state.exchanges.filter((e) => e.proxy === p.name).slice(0, 100).map((e) => e.client))];
  return {
    name: p.name, listen: p.bound || p.listen, upstream: p.upstream, mode: modeOf(p.name), enabled: p.enabled !== false,
    clients, balancer: balancerOf(p), rate, open: fresh ? series.open[i] : 0,
  };
}

// balancerOf says what stands in front of a proxy, as far as its configuration knows.
function balancerOf(p) {
  if (p.trusted?.length) return `balancer ${p.trusted.join(", ")}`;
  return p.upstream_down === "close" ? "a balancer, if there is one" : "";
}

function line(r) {
  const clients = r.clients.length === 0 ? "no client yet" : shorten(r.clients.slice(0, 3).join(", "), 60) + (r.clients.length > 3 ? ` and ${r.clients.length - 3} more` : "");
  const stops = [
    ["client", r.clients.length ? "client" : "client idle", clients],
    r.balancer ? ["in front", "hop", r.balancer] : null,
    ["squall", `hop proxy mode-${["normal", "fallback", "failure"].includes(r.mode) ? r.mode : "other"}`, `${r.name} ${r.listen}`],
    ["service", r.enabled ? "hop" : "hop idle", r.upstream],
  ].filter(Boolean);
  const note = r.enabled ? `${count(r.rate)}/s, ${r.open} open, ${r.mode}` : "switched off";
  return el("li", {}, stops.map(([what, className, text], i) => [i > 0 ? el("span", { class: "arrow", "aria-label": "in front of" }, "→") : null,
    el("span", { class: `stop ${className}` }, el("small", {}, what), el("span", {}, text))]), el("span", { class: "quiet rate" }, note));
}
