// What the page knows. The parts of the page say what they want to be told of, and read the rest here.

import { events, get } from "./api.js";

const keptSeconds = 15 * 60;
const keptExchanges = 500;
const keptNews = 50;
const columns = ["at", "ok", "touched", "injected_errors", "real_errors", "client_left", "p50", "p95", "p99", "open"];

export const state = {
  connected: false,
  faults: null, // as of GET /admin/faults
  proxies: [],
  series: new Map(), // by proxy, columns of seconds
  hits: new Map(), // by rule, of the last second
  exchanges: [], // the latest first
  seen: 0, // exchanges in the last second
  sampled: false,
  news: [], // the latest first
  read: 0, // when the faults were read
  ahead: 0, // how far this clock is ahead of squall's, in milliseconds
};

let begun = false; // the stream has brought a second's figures
let newest = 0; // the revision up to which this start of squall is known

// now is the time by squall's clock, which all that it tells of goes by.
export const now = () => Date.now() - state.ahead;

const listeners = {};

// on calls f whenever one of the topics changed: faults, figures, exchanges, news, link.
export function on(topics, f) {
  for (const topic of topics.split(" ")) (listeners[topic] ||= []).push(f);
}

const due = new Set();

// changed has a topic's listeners called, once for all that changed until the next frame. A hidden page has no frames.
export function changed(topic) {
  if (due.size === 0) setTimeout(flush, 50);
  due.add(topic);
}

function flush() {
  const now = new Set([...due].flatMap((topic) => listeners[topic] || []));
  due.clear();
  for (const f of now) f();
}

// refresh reads what changes bring about.
export async function refresh() {
  const [faults, proxies] = await Promise.all([get("/admin/faults"), get("/admin/proxies")]);
  if (faults.revision < newest) return; // an answer that another one has overtaken
  setFaults(faults);
  state.proxies = proxies.proxies;
}

// setFaults takes an answer that says how the faults are now.
export function setFaults(faults) {
  state.faults = faults;
  newest = faults.revision;
  state.read = Date.now();
  changed("faults");
}

// reload reads all that was missed.
async function reload() {
  const [series, list] = await Promise.all([get("/admin/series"), get("/admin/exchanges?limit=50"), refresh()]);
  state.ahead = Date.now() - Date.parse(series.at);
  state.series = new Map(series.proxies.map((p) => [p.proxy, p]));
  state.exchanges = list.exchanges;
  changed("figures");
  changed("exchanges");
}

// follow keeps the state up to date for ever.
export function follow() {
  return events(take, (connected, why) => {
    state.connected = connected;
    state.why = why;
    changed("link");
  });
}

// later has something done that asks squall, and once more if it is wanted meanwhile. The stream says when squall is back.
function later(f) {
  let running = false;
  let again = false;
  return async function run() {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      try {
        await f();
      } catch (error) {
        if (error.status) note({ at: new Date(now()).toISOString(), text: error.message });
      }
    }
    running = false;
  };
}

const refreshLater = later(refresh);
const reloadLater = later(reload);

function take(kind, data) {
  const taker = takers[kind];
  if (taker) taker(data);
}

const takers = {
  hello(hello) {
    newest = hello.revision; // of a squall that was started anew it may be less than before
    begun = false;
    reloadLater();
  },
  gap(gap) {
    note({ at: new Date(now()).toISOString(), text: `${gap.missed || "Some"} events are missing here: ${gap.reason}` });
    reloadLater();
  },
  change(change) {
    note({ at: change.at, text: `${change.by} changed ${Object.keys(change.after || {}).join(", ")}`, change });
    refreshLater();
  },
  expiry(change) {
    note({ at: change.at, text: change.error || `Ended by itself: ${(change.ended || []).join(", ")}`, change });
    refreshLater();
  },
  connections(c) {
    const before = state.news[0]?.connections; // one line for all that follow each other, or nothing else is left to be read
    if (before) state.news.shift();
    const sum = { opened: c.opened + (before?.opened || 0), closed: c.closed + (before?.closed || 0) };
    const names = c.which.slice(0, 3).map((w) => `${w.client} ${w.what} on ${w.proxy}`);
    const text = `${sum.opened} connections opened, ${sum.closed} closed, the latest: ${names.join(", ")}${c.which.length > 3 ? ", …" : ""}`;
    note({ at: new Date(now()).toISOString(), text, connections: sum });
  },
  exchange(e) {
    if (state.exchanges.some((known) => keyOf(known) === keyOf(e))) return; // it came with the list
    state.exchanges.unshift(e);
    state.exchanges.length = Math.min(state.exchanges.length, keptExchanges);
    changed("exchanges");
  },
  figures(f) {
    state.seen = f.seen;
    state.sampled = f.seen > f.most;
    state.ahead = Date.now() - Date.parse(f.at);
    state.hits = new Map(f.rules.map((r) => [`${r.proxy || ""}/${r.rule}`, r]));
    for (const p of f.proxies) append(p);
    for (const name of state.series.keys()) if (!f.proxies.some((p) => p.proxy === name)) state.series.delete(name);
    for (const r of f.rules) count(r);
    changed("figures");
    if (!begun) reloadLater(); // exchanges become events from here on: those since the list was read are in no event
    else if (f.revision !== state.faults?.revision) refreshLater();
    begun = true;
  },
};

// keyOf tells exchanges apart, also those of another start of squall, which counts from 1 again.
export const keyOf = (e) => `${e.at} ${e.id}`;

let noted = 0; // so many news there were

function note(entry) {
  state.news.unshift({ ...entry, key: String(++noted) });
  state.news.length = Math.min(state.news.length, keptNews);
  changed("news");
}

// append adds a second to a proxy's columns.
function append(point) {
  let s = state.series.get(point.proxy);
  if (!s) {
    s = Object.fromEntries(columns.map((c) => [c, []]));
    state.series.set(point.proxy, s);
  }
  s.mode = point.mode;
  if (s.at.length > 0 && s.at[s.at.length - 1] >= point.at) return;
  for (const c of columns) {
    s[c].push(point[c]);
    if (s[c].length > keptSeconds) s[c].shift();
  }
}

// count moves a rule's counters on, between two readings.
function count(r) {
  const rule = state.faults?.rules.find((x) => x.name === r.rule && (x.proxy || "") === (r.proxy || ""));
  if (!rule) return;
  rule.status.matched += r.matched;
  rule.status.hit += r.hit;
}

// timeLeft gives what is left of something that expires, in milliseconds, by when it was read.
export const timeLeft = (expiresIn) => Math.max(0, expiresIn - (Date.now() - state.read));
