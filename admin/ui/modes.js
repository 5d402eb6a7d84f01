// The mode switch, of all proxies or of one, with a time to live and what is left of it; and the button that clears everything.

import { call } from "./api.js";
import { byId, el, field, keyed, section, select, setOptions, setText } from "./dom.js";
import { parseDuration } from "./format.js";
import { complain, confirmFirst, done } from "./notice.js";
import { on, setFaults, state, timeLeft } from "./store.js";
import { modeOf } from "./traffic.js";

const says = {
  normal: "Traffic passes as it is",
  fallback: "Answers are the degraded payload",
  failure: "Every answer is an error",
};
const lives = [["", "until I switch back"], ["10s", "for 10 seconds"], ["30s", "for 30 seconds"], ["1m", "for 1 minute"], ["5m", "for 5 minutes"]];

export function modes() {
  const who = select([["", "all proxies"]]);
  const ttl = select(lives);
  const switches = el("div", { class: "switch", role: "group", "aria-label": "Mode" });
  const timers = el("ul", { class: "timers" });
  const halted = el("p", { class: "bad", role: "status" });
  section("modes", halted, el("div", { class: "row" }, field("Of", who), field("How long", ttl)), switches, timers);
  const draw = () => {
    if (!state.faults) return;
    setOptions(who, [["", "all proxies"], ...state.proxies.map((p) => [p.name, p.name])]);
    const held = who.value ? modeOf(who.value) : state.faults.mode;
    const names = Object.keys(says).concat(Object.keys(state.faults.profiles).filter((n) => !Object.hasOwn(says, n)));
    keyed(switches, names, (n) => n, (n) => button(n, who, ttl), (node, n) => node.setAttribute("aria-pressed", String(n === held)));
    setText(halted, state.faults.halted ? "The stop lever is pulled: no fault can be added until it is released (squall release)." : "");
    drawTimers();
  };
  const drawTimers = () => keyed(timers, timersOf(state.faults), (t) => t.what, () => el("li"), (node, t) =>
    setText(node, `${t.what} is ${t.mode}, back to ${t.back} in ${Math.ceil(timeLeft(t.left) / 1000)} s`));
  who.addEventListener("change", draw);
  on("faults", draw);
  setInterval(() => state.faults && drawTimers(), 500);
  byId("clear").addEventListener("click", clear);
}

function button(name, who, ttl) {
  return el("button", { type: "button", class: `mode mode-${Object.hasOwn(says, name) ? name : "other"}`, onclick: () => change(name, who.value, ttl.value) },
    el("b", {}, name), el("small", {}, Object.hasOwn(says, name) ? says[name] : "A profile of your own"));
}

async function change(name, proxy, ttl) {
  const body = proxy ? { modes: { [proxy]: name } } : { mode: name };
  if (!proxy && Object.keys(state.faults.modes).length > 0) body.modes = null;
  if (ttl && name !== "normal") body.ttl = ttl;
  try {
    setFaults(await call("PUT", "/admin/faults", body));
    done(`${proxy || "All proxies"}: ${name}`);
  } catch (error) {
    complain(error);
  }
}

// timersOf lists the modes that go back by themselves.
function timersOf(faults) {
  const entry = (what, mode, t) => ({ what, mode, back: t.back_to || "the mode of all", left: parseDuration(t.expires_in) });
  const timed = faults?.timed || {};
  const list = Object.entries(timed.modes || {}).map(([name, t]) => entry(name, faults.modes[name], t));
  if (timed.mode) list.unshift(entry("The mode of all proxies", faults.mode, timed.mode));
  return list;
}

// clear takes everything away that goes wrong on purpose. It asks first only where that is much.
async function clear() {
  const rules = state.faults?.rules.length || 0;
  if (rules > 1 && !(await confirmFirst(`Back to normal: this ends all modes and deletes ${rules} rules.`, "Clear all faults"))) return;
  try {
    setFaults(await call("DELETE", "/admin/faults"));
    done("All faults are cleared: traffic passes as it is");
  } catch (error) {
    complain(error);
  }
}
