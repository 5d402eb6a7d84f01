// What the page asks of squall. The token, where one is needed, is kept for this tab only, and goes along in a header: also with
// the stream, for which EventSource has no headers.

const key = "squall-token";

export class Refused extends Error {
  constructor(status, answer) {
    const place = answer.field ? `${answer.field}: ` : "";
    const hint = answer.did_you_mean ? ` Did you mean ${answer.did_you_mean}?` : "";
    super(`${place}${answer.reason || `squall answered ${status}`}${hint}`);
    this.status = status;
    this.field = answer.field || "";
  }
}

let ready = null; // the promise that there is a token, if one is needed
let ask = null;

// askTokenWith says how a token is asked for: a function that gives a promise of it.
export function askTokenWith(f) {
  ask = f;
}

function headers() {
  const token = sessionStorage.getItem(key);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function askToken() {
  sessionStorage.setItem(key, await ask());
}

// learn asks for a token, where squall says that it needs one and there is none: to be refused first would be an error on the
// browser's console.
async function learn() {
  if (sessionStorage.getItem(key)) return;
  const reply = await fetch("/healthz", { cache: "no-store" });
  if (reply.headers.has("WWW-Authenticate")) await askToken();
}

// readiness waits until there is a token, if one is needed.
function readiness() {
  ready ||= learn().catch((error) => {
    ready = null; // squall did not answer
    throw error;
  });
  return ready;
}

// withToken fetches, and asks for another token as often as it takes: once for all calls that were refused the same one.
async function withToken(path, options) {
  for (;;) {
    await readiness();
    const used = ready;
    const reply = await fetch(path, { ...options, cache: "no-store", headers: { ...headers(), ...options.headers } });
    if (reply.status !== 401) return reply;
    if (ready === used) ready = askToken();
  }
}

async function refusal(reply) {
  let answer = {};
  try {
    answer = await reply.json();
  } catch {} // an answer of something in between, that says no more than its status
  return new Refused(reply.status, answer);
}

// call sends a request and gives the answer's document; null for none.
export async function call(method, path, body) {
  const reply = await withToken(path, { method, body: body === undefined ? undefined : JSON.stringify(body) });
  if (!reply.ok) throw await refusal(reply);
  const text = await reply.text();
  return text ? JSON.parse(text) : null;
}

export const get = (path) => call("GET", path);

// silence is after how long without an event, in milliseconds, a stream is taken for dead: figures come every second.
const silence = 8000;

// unseen is how long a page that nobody looks at keeps its stream, in milliseconds: a browser has six connections to a server, for
// all its tabs.
const unseen = 60000;

// seen waits until somebody looks at the page.
function seen() {
  return new Promise((done) => {
    const stop = new AbortController();
    const look = () => {
      if (document.hidden) return;
      stop.abort();
      done();
    };
    document.addEventListener("visibilitychange", look, { signal: stop.signal });
    look();
  });
}

// events reads the feed for ever, and comes back by itself where it was. It tells take(kind, data) of every event, and
// tell(connected, why) of the connection.
export async function events(take, tell) {
  let last = "";
  for (let pause = 250; ; pause = Math.min(pause * 2, 3000)) {
    let why = "";
    try {
      await read(last, (kind, data, id) => {
        pause = 250;
        if (id) last = id;
        if (kind === "hello") tell(true, "");
        take(kind, data);
      });
    } catch (error) {
      why = error instanceof Refused ? error.message : "";
    }
    tell(false, why);
    await new Promise((done) => setTimeout(done, pause));
  }
}

// read reads one stream until it ends.
async function read(last, take) {
  await readiness(); // it may take the user a while to find the token
  await seen();
  const stop = new AbortController();
  let watchdog = setTimeout(() => stop.abort(), silence);
  let leaving = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(leaving);
    if (document.hidden) leaving = setTimeout(() => stop.abort(), unseen);
  }, { signal: stop.signal });
  try {
    const reply = await withToken("/admin/events", { signal: stop.signal, headers: last ? { "Last-Event-ID": last } : {} });
    if (!reply.ok) throw await refusal(reply);
    const lines = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { value, done } = await lines.read();
      if (done) return;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stop.abort(), silence);
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) event(part, take);
    }
  } finally {
    clearTimeout(watchdog);
    clearTimeout(leaving);
    stop.abort(); // a stream that nobody reads on would hold one of the feed's places
  }
}

// event reads the lines of one event.
function event(text, take) {
  const given = Object.fromEntries(text.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
  if (given.data !== undefined) take(given.event, JSON.parse(given.data), given.id);
}
