package main

// auditScript finds controls without a name, texts with too little contrast to what is behind them (WCAG 2.2, 1.4.3: 4.5, and
// 3 for large ones), headings that are out of order, and ids that stand twice.
const auditScript = `(() => {
  const found = [];
  const named = (n) => (n.getAttribute("aria-label") || n.labels?.[0]?.textContent || n.textContent || n.title || "").trim();
  for (const n of document.querySelectorAll("button, input, select, summary, a[href], [role=region], dialog")) {
    if (n.checkVisibility() && !named(n)) found.push("no name: " + n.outerHTML.slice(0, 150));
  }
  const ids = [...document.querySelectorAll("[id]")].map((n) => n.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push("an id twice: " + id);
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const colour = (text) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const behind = (n) => { for (; n; n = n.parentElement) { const c = colour(getComputedStyle(n).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => { const v = c[i] / 255; return sum + part * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); }, 0);
  const seen = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const n = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || seen.has(n) || !n.checkVisibility() || n.closest("noscript, .skip, .words")) continue;
    seen.add(n);
    const style = getComputedStyle(n), large = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700;
    const a = light(colour(style.color)), b = light(behind(n)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push("contrast " + ratio.toFixed(2) + ": " + n.outerHTML.slice(0, 150));
  }
  let last = 0;
  for (const h of document.querySelectorAll("h1, h2, h3, h4")) {
    const level = Number(h.tagName[1]);
    if (h.checkVisibility() && level > last + 1) found.push("a heading of level " + level + " behind one of " + last + ": " + h.textContent);
    if (h.checkVisibility()) last = level;
  }
  return found.slice(0, 10);
})()`
