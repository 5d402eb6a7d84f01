// Elements. All text becomes a text node: nothing that a client or a user has named is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

// el makes an element: el("button", {class: "x", onclick: f}, "text", child, …). A property that is null or false is left out.
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

// svg makes an element of a drawing.
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

// section gives a section's body, which is made behind its heading when it is first asked for.
export function section(id, ...children) {
  const body = el("div", { class: "body" }, children);
  byId(id).append(body);
  return body;
}

// setText changes a text only where it differs, so that what reads it aloud is left in peace.
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

let labels = 0;

// field is a control with its label: field("Percent", input).
export function field(label, control, hint) {
  control.id ||= `field-${++labels}`;
  return el("div", { class: "field" }, el("label", { for: control.id }, label), control, hint ? el("small", {}, hint) : null);
}

// select is a list to choose from, of [value, text] pairs.
export function select(options, props = {}) {
  const node = el("select", props);
  setOptions(node, options);
  return node;
}

// setOptions replaces what can be chosen, and keeps the choice where that is still there.
export function setOptions(node, options) {
  const key = JSON.stringify(options);
  if (node.dataset.key === key) return;
  const chosen = node.value;
  node.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
  if (options.some(([value]) => value === chosen)) node.value = chosen;
  node.dataset.key = key;
}

// keyed keeps an element for each item under its key, in the items' order: a control that has the focus keeps it.
export function keyed(parent, items, keyOf, make, update) {
  const wanted = new Set(items.map(keyOf));
  for (const node of [...parent.children]) if (!wanted.has(node.dataset.key)) node.remove(); // first, or those behind would be moved
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = old.get(key);
    if (!node) {
      node = make(item);
      node.dataset.key = key;
    }
    update(node, item);
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
}
