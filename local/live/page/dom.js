// The document, written by text alone: names of jobs, workflows and repositories are somebody else's.

export function byId(id) {
  return document.getElementById(id);
}

export function make(tag, className = "", text = null) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== null) element.textContent = text;
  return element;
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setClass(element, className) {
  if (element.className !== className) element.className = className;
}

export function setVariable(element, name, value) {
  const text = String(value);
  if (element.style.getPropertyValue(name) !== text) element.style.setProperty(name, text);
}

// Children by key, in order: what is there stays, so that it can move and be looked at.
export function keyed(parent, items, keyOf, create, update) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = before.get(key);
    if (child) before.delete(key);
    else {
      child = create(item);
      child.dataset.key = key;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    update(child, item);
  }
  for (const child of before.values()) child.remove();
}

export function row(cells) {
  const line = document.createElement("tr");
  for (const [index, cell] of cells.entries()) {
    const { text, className = "" } = typeof cell === "object" ? cell : { text: cell };
    const element = make(index === 0 ? "th" : "td", className, String(text));
    if (index === 0) element.scope = "row";
    line.append(element);
  }
  return line;
}

export function rows(table, lines) {
  table.tBodies[0].replaceChildren(...lines.map(row));
}
