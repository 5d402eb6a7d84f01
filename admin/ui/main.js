// The dashboard. It puts its parts together and follows the feed.

import { askTokenWith } from "./api.js";
import { byId, setText } from "./dom.js";
import { connections } from "./connections.js";
import { exchanges } from "./exchanges.js";
import { map } from "./map.js";
import { modes } from "./modes.js";
import { news } from "./news.js";
import { askToken } from "./notice.js";
import { rules } from "./rules.js";
import { follow, on, state } from "./store.js";
import { traffic } from "./traffic.js";
import { verdict } from "./verdict.js";

askTokenWith(askToken);
for (const part of [modes, traffic, map, rules, exchanges, news, connections, verdict]) part();
on("link", () => {
  const link = byId("link");
  link.className = state.connected ? "link live" : "link lost";
  setText(link, state.connected ? "live" : `no connection, trying again${state.why ? `: ${state.why}` : " …"}`);
});
follow();
