// The clients that are connected, read when they are asked for: at thousands of them a list that moves is of no use.

import { call, get } from "./api.js";
import { byId, el, section, setText } from "./dom.js";
import { bytes, clock } from "./format.js";
import { complain, confirmFirst, done } from "./notice.js";

const shown = 100;

export function connections() {
  const says = el("p", { class: "quiet", role: "status" }, "Who is connected right now, and a way to cut them off.");
  const rows = el("tbody");
  const heads = ["Client", "Proxy", "Upstream", "Since", "Exchanges", "In", "Out", "Drop"];
  const table = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Connections", hidden: true }, el("table", {}, el("thead", {}, el("tr", {}, heads.map((h) => el("th", { scope: "col" }, h)))), rows));
  const load = async () => {
    try {
      const list = (await get("/admin/connections")).connections;
      setText(says, list.length === 0 ? "Nobody is connected." : `${list.length} connected${list.length > shown ? `, the first ${shown} are shown` : ""}.`);
      table.hidden = list.length === 0;
      rows.replaceChildren(...list.slice(0, shown).map((c) => row(c, load)));
    } catch (error) {
      complain(error);
    }
  };
  section("connections", el("div", { class: "row" }, el("button", { type: "button", onclick: load }, "Show connections"),
    el("button", { type: "button", class: "quiet-danger", onclick: () => dropAll(load) }, "Drop all")), says, table);
}

function row(c, load) {
  const drop = el("button", { type: "button", "aria-label": `Drop ${c.client}`, onclick: async () => {
    try {
      await call("DELETE", `/admin/connections/${c.id}`);
      done(`${c.client} is cut off`);
    } catch (error) {
      complain(error);
    }
    byId("connections").querySelector("button").focus();
    await load();
  } }, "Drop");
  const cells = [c.client, c.proxy, c.upstream || "–", `${clock(c.opened)}${c.busy ? ", busy" : ""}`, c.exchanges, bytes(c.request_bytes), bytes(c.response_bytes), drop];
  return el("tr", {}, cells.map((value) => el("td", {}, value)));
}

async function dropAll(load) {
  if (!(await confirmFirst("This cuts off every client of every proxy.", "Drop all connections"))) return;
  try {
    const { dropped } = await call("DELETE", "/admin/connections?all=1");
    done(`${dropped} connections are dropped`);
  } catch (error) {
    complain(error);
  }
  await load();
}
