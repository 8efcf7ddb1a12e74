/** Building elements. No HTML text is ever parsed, so names from a model file cannot become markup. */
export type Child = Node | string | null | false | readonly Child[];
export type Attributes = Readonly<Record<string, string | number | boolean | null>>;

const svgNamespace = 'http://www.w3.org/2000/svg';

/** An HTML element with attributes and children. true sets an empty attribute; false and null leave it out. */
export function element<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  setAttributes(made, attributes);
  append(made, children);
  return made;
}

/** An SVG element with attributes and children. */
export function svg<Tag extends keyof SVGElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: Child[]): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS(svgNamespace, tag);
  setAttributes(made, attributes);
  append(made, children);
  return made;
}

/** A button that looks like a link. */
export function link(text: Child, action: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element('button', { type: 'button', class: 'link', ...attributes }, text);
  made.addEventListener('click', (event) => {
    event.stopPropagation();
    action();
  });
  return made;
}

/** A push button; at most one primary button is on a page. */
export function button(text: string, action: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = element('button', { type: 'button', class: 'btn', ...attributes }, text);
  made.addEventListener('click', action);
  return made;
}

/** Puts these children in place of the present ones. */
export function replace(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/** Runs `action` once what is on the page now has been drawn: for work that may wait until the reader sees an answer. */
export function afterPaint(action: () => void): void {
  requestAnimationFrame(() => window.setTimeout(action));
}

/** Sets an attribute, or removes it for null and false. */
export function setAttribute(target: Element, name: string, value: string | number | boolean | null): void {
  if (value === null || value === false) target.removeAttribute(name);
  else target.setAttribute(name, value === true ? '' : String(value));
}

/** An id cut on the left where space is short: the tail tells layers apart. */
export function tailText(text: string): HTMLElement {
  return element('span', { class: 'tail' }, element('bdi', {}, text));
}

/** Is the event in a field that takes text? Keys belong to that field then. */
export function inTextField(event: Event): boolean {
  const target = event.target;
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

function setAttributes(target: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== false) setAttribute(target, name, value);
}

function append(parent: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === false) continue;
    if (typeof child === 'string' || child instanceof Node) parent.append(child);
    else append(parent, child);
  }
}
