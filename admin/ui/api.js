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

let asking = null; // the one question for a token that is open
let ask = null;

// askTokenWith says how a token is asked for: a function that gives a promise of it.
export function askTokenWith(f) {
  ask = f;
}

function headers() {
  const token = sessionStorage.getItem(key);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

// withToken fetches, and asks for the token as often as it takes.
async function withToken(path, options) {
  for (;;) {
    const reply = await fetch(path, { ...options, cache: "no-store", headers: { ...headers(), ...options.headers } });
    if (reply.status !== 401) return reply;
    asking ||= ask().then((token) => {
      sessionStorage.setItem(key, token);
      asking = null;
    });
    await asking;
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

// events reads the feed for ever, and comes back by itself where it was. It tells take(kind, data) of every event, and
// tell(connected, why) of the connection.
export async function events(take, tell) {
  let last = "";
  for (let pause = 250; ; pause = Math.min(pause * 2, 3000)) {
    let why = "";
    try {
      last = await read(last, (kind, data, id) => {
        pause = 250;
        if (id) last = id;
        if (kind === "hello") tell(true, "");
        take(kind, data);
        return last;
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
  const stop = new AbortController();
  let watchdog = setTimeout(() => stop.abort(), silence);
  try {
    const reply = await withToken("/admin/events", { signal: stop.signal, headers: last ? { "Last-Event-ID": last } : {} });
    if (!reply.ok) throw await refusal(reply);
    const lines = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { value, done } = await lines.read();
      if (done) return last;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stop.abort(), silence);
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) last = event(part, take) ?? last;
    }
  } finally {
    clearTimeout(watchdog);
  }
}

// event reads the lines of one event.
function event(text, take) {
  const given = Object.fromEntries(text.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
  return given.data === undefined ? undefined : take(given.event, JSON.parse(given.data), given.id);
}
