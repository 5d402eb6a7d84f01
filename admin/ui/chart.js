// Drawings of a proxy's figures over time. Beside each stands what it shows, in words.

import { el, svg, setText } from "./dom.js";
import { clock } from "./format.js";

const width = 600;
const height = 120;

// chart draws layers of columns over a time. Each layer is {name, column, className}; stacked layers are areas upon each other,
// others are lines. format writes a value. It gives {node, draw(series, seconds, now)}.
export function chart({ title, layers, stacked, format, sum }) {
  const shapes = layers.map((layer) => svg("path", { class: `${stacked ? "area" : "line"} ${layer.className}` }));
  const grid = svg("path", { class: "grid", d: `M0 .5H${width}M0 ${height / 2}H${width}M0 ${height - 0.5}H${width}` });
  const top = el("span", { class: "tick" });
  const from = el("span", { class: "tick" });
  const to = el("span", { class: "tick" });
  const words = el("figcaption", { class: "words" });
  const legend = el("ul", { class: "legend" });
  const values = layers.map((layer) => {
    const value = el("b");
    legend.append(el("li", { class: layer.className }, el("i", { "aria-hidden": "true" }), `${layer.name} `, value));
    return value;
  });
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, grid, shapes);
  const node = el("figure", { class: "chart", role: "group", "aria-label": title }, el("p", { class: "chart-title" }, el("span", {}, title), top), picture, el("p", { class: "axis" }, from, to), legend, words);
  return { node, draw: (series, seconds, now) => draw(series, seconds, now) };

  function draw(series, seconds, now) {
    const rows = layers.map((layer) => column(series, layer.column, seconds, now));
    if (stacked) for (let i = 1; i < rows.length; i++) rows[i] = rows[i].map((v, x) => v + rows[i - 1][x]);
    const most = niceCeiling(Math.max(...rows.flat(), 0));
    for (let i = rows.length - 1; i >= 0; i--) {
      const below = stacked ? (i > 0 ? rows[i - 1] : rows[i].map(() => 0)) : null;
      shapes[i].setAttribute("d", path(rows[i], below, most));
    }
    setText(top, most > 0 ? format(most) : "");
    setText(from, clock((now - seconds) * 1000));
    setText(to, clock(now * 1000));
    const latest = layers.map((layer) => lastOf(series, layer.column, now));
    latest.forEach((value, i) => setText(values[i], value === null ? "–" : format(value)));
    setText(words, describe(rows, latest, seconds));
  }

  function describe(rows, latest, seconds) {
    const peak = Math.max(...rows[stacked ? rows.length - 1 : 0], 0);
    const parts = layers.map((layer, i) => `${layer.name} ${latest[i] === null ? "none" : format(latest[i])}`);
    return `${title}, last ${seconds / 60} min. Now: ${parts.join(", ")}. ${sum || "Highest"}: ${format(peak)}.`;
  }
}

// column gives a column's value of each second, from the oldest to now; 0 where there is none. It draws no more points than
// there is room for: of several seconds the highest.
function column(series, name, seconds, now) {
  const step = Math.ceil(seconds / 300);
  const row = new Array(Math.floor(seconds / step)).fill(0);
  for (let i = (series?.at.length || 0) - 1; i >= 0; i--) {
    const age = now - series.at[i];
    if (age >= seconds) break;
    const x = row.length - 1 - Math.floor(Math.max(age, 0) / step);
    if (x >= 0) row[x] = Math.max(row[x], series[name][i]);
  }
  return row;
}

// lastOf is a column's latest value; null where the second had none.
function lastOf(series, name, now) {
  const i = (series?.at.length || 0) - 1;
  return i < 0 || now - series.at[i] > 3 ? null : series[name][i];
}

// niceCeiling is the next of 1, 2 and 5 times a power of ten.
function niceCeiling(value) {
  if (value <= 0) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((n) => n * power >= value - 1e-9);
}

// path draws a row, as a line, or as an area down to the row below it.
function path(row, below, most) {
  if (most === 0) return "";
  const x = (i) => ((i * width) / (row.length - 1)).toFixed(1);
  const y = (v) => (height - 1 - (v / most) * (height - 2)).toFixed(1);
  const line = row.map((v, i) => `${x(i)} ${y(v)}`).join("L");
  if (!below) return `M${line}`;
  const back = below.map((v, i) => `${x(i)} ${y(v)}`).reverse().join("L");
  return `M${line}L${back}Z`;
}
