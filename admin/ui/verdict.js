// What the exchanges say about the client, asked for by a button: a verdict looks at all that is remembered.

import { get } from "./api.js";
import { el, field, section, select, setOptions, setText } from "./dom.js";
import { complain } from "./notice.js";
import { on, state } from "./store.js";

export function verdict() {
  const proxy = select([["", "all proxies"]]);
  const since = select([["", "all that is remembered"], ["1m", "the last minute"], ["5m", "the last 5 minutes"], ["15m", "the last 15 minutes"]]);
  const says = el("p", { class: "quiet", role: "status" }, "Does the client retry with pauses, give up in time, spare a service that is ill? Inject a fault for a while, then ask.");
  const list = el("ul", { class: "findings" });
  const judge = async () => {
    const query = new URLSearchParams(Object.entries({ proxy: proxy.value, since: since.value }).filter(([, v]) => v));
    try {
      draw(await get(`/admin/verdict?${query}`));
    } catch (error) {
      complain(error);
    }
  };
  section("verdict", el("div", { class: "row" }, field("Proxy", proxy), field("Of", since), el("button", { type: "button", onclick: judge }, "Judge")), says, list);
  on("faults", () => setOptions(proxy, [["", "all proxies"], ...state.proxies.map((p) => [p.name, p.name])]));

  function draw(report) {
    setText(says, summary(report));
    const worst = (f) => order.indexOf(f.verdict);
    list.replaceChildren(...[...report.findings].sort((a, b) => worst(a) - worst(b)).map(finding));
  }
}

const order = ["FAIL", "WARN", "PASS", "INCONCLUSIVE"];

function summary(report) {
  const counts = order.map((grade) => [grade, report.findings.filter((f) => f.verdict === grade).length]).filter(([, n]) => n > 0);
  return `${report.verdict}: ${counts.map(([grade, n]) => `${n} ${grade}`).join(", ")}. Of ${report.records.attempts} exchanges, ${report.records.calls} calls.`;
}

function finding(f) {
  return el("li", {}, el("span", { class: `badge grade-${f.verdict.toLowerCase()}` }, f.verdict), ` ${f.id} ${f.name}: `, el("span", { class: "quiet" }, f.says));
}
