/**
 * Elements from plain descriptions, and the smallest set of changes that turns one description into the next.
 *
 * A view is a function of the state that returns descriptions made with `h`. `render` compares them with those of the
 * last time and touches only what differs, so focus, selection and scroll positions survive updates many times a second.
 * A description that is the very same object as last time is skipped with everything below it; so no description may stand
 * in two places.
 *
 * Nothing here ever parses HTML: text is text, and the content security policy of the page needs no exception.
 */

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "open", "selected"]);

/**
 * @typedef {{tag: string, key: string | undefined, props: Record<string, any>, children: Description[], text?: string}} Description
 */

/**
 * @param {string} tag
 * @param {Record<string, any> | null} [props] attributes; `on` holds listeners by event, `style` custom properties by
 *   name, `key` what tells siblings apart, `made` is called once with the new element.
 * @param {...any} children strings, numbers, descriptions, lists of them; null, false and undefined are left out
 * @returns {Description}
 */
export function h(tag, props, ...children) {
  const { key, ...rest } = props ?? {};
  return { tag, key, props: rest, children: flatten(children, []) };
}

function flatten(from, into) {
  for (const child of from) {
    if (Array.isArray(child)) flatten(child, into);
    else if (child === null || child === undefined || child === false || child === true || child === "") continue;
    else if (typeof child === "object") into.push(child);
    else into.push({ tag: "#text", key: undefined, props: {}, children: [], text: String(child) });
  }
  return into;
}

const shown = new WeakMap();

/** Make the children of `parent` what the descriptions say. */
export function render(parent, ...descriptions) {
  const next = flatten(descriptions, []);
  reconcile(parent, shown.get(parent) ?? [], next, parent.namespaceURI === SVG);
  shown.set(parent, next);
}

const nodes = new WeakMap();

function reconcile(parent, before, after, svg) {
  const keyed = new Map();
  const loose = [];
  for (const old of before) old.key === undefined ? loose.push(old) : keyed.set(old.key, old);

  const kept = new Map();
  let next = 0;
  for (const item of after) {
    let old;
    if (item.key !== undefined) old = keyed.get(item.key);
    else if (loose[next]?.tag === item.tag) old = loose[next++];
    else {
      const found = loose.findIndex((each, index) => index >= next && each.tag === item.tag);
      if (found >= 0) {
        old = loose[found];
        next = found + 1;
      }
    }
    if (old !== undefined && old.tag === item.tag) kept.set(item, old);
  }

  const staying = new Set(kept.values());
  for (const old of before) if (!staying.has(old)) nodes.get(old)?.remove();

  let place = parent.firstChild;
  for (const item of after) {
    const old = kept.get(item);
    const node = old === undefined ? create(item, svg) : update(old, item, svg);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}

function create(item, svg) {
  if (item.tag === "#text") {
    const node = document.createTextNode(item.text);
    nodes.set(item, node);
    return node;
  }
  const inside = svg || item.tag === "svg";
  const node = inside ? document.createElementNS(SVG, item.tag) : document.createElement(item.tag);
  nodes.set(item, node);
  if (item.tag === "select") {
    reconcile(node, [], item.children, inside); // its value names one of the options
    dress(node, {}, item.props);
  } else {
    dress(node, {}, item.props);
    reconcile(node, [], item.children, inside);
  }
  item.props.made?.(node);
  return node;
}

function update(old, item, svg) {
  const node = nodes.get(old);
  if (old === item) return node;
  nodes.set(item, node);
  if (item.tag === "#text") {
    if (old.text !== item.text) node.data = item.text;
    return node;
  }
  reconcile(node, old.children, item.children, svg || item.tag === "svg");
  dress(node, old.props, item.props);
  return node;
}

function dress(node, before, after) {
  for (const name of Object.keys(before)) if (!(name in after)) set(node, name, before[name], undefined);
  for (const [name, value] of Object.entries(after)) if (value !== before[name]) set(node, name, before[name], value);
}

function set(node, name, before, value) {
  if (name === "made") return;
  if (name === "on") return listen(node, value);
  if (name === "style") {
    for (const part of Object.keys(before ?? {})) if (!(part in (value ?? {}))) node.style.removeProperty(part);
    for (const [part, text] of Object.entries(value ?? {})) node.style.setProperty(part, String(text));
  } else if (PROPERTIES.has(name) && name in node && node.namespaceURI !== SVG && node.tagName !== "OPTION") {
    if (node[name] !== (value ?? "")) node[name] = value ?? "";
  } else if (value === undefined || value === null || value === false) {
    node.removeAttribute(name);
  } else {
    node.setAttribute(name, value === true ? "" : String(value));
  }
}

const listeners = new WeakMap();

function listen(node, wanted = {}) {
  let known = listeners.get(node);
  if (known === undefined) listeners.set(node, (known = {}));
  for (const type of Object.keys(known)) if (!(type in wanted)) known[type] = undefined;
  for (const [type, act] of Object.entries(wanted)) {
    if (!(type in known)) node.addEventListener(type, (event) => known[type]?.(event));
    known[type] = act;
  }
}
