/**
 * One DOM element, built without markup strings: whatever a server or a peer
 * wrote into an address or an error text stays text.
 *
 * @param {string} tag
 * @param {Record<string, string | boolean | undefined>} [attributes] `true` sets an empty attribute; `false` and `undefined` set none
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined) continue;
    node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}

/**
 * The element the page promises to have.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no element #${id}`);
  return node;
}
