/** Candidates and errors, one line each, as they come. */

import { decodePriority, describeRelated, isHiddenAddress, socketAddress, typeName } from './candidate.js';
import { duration } from './duration.js';
import { element } from './element.js';
import { explainIceError } from './ice-error.js';

/** @typedef {import('./gathering.js').Gathered} Gathered */

/**
 * @param {Gathered} candidate
 * @returns {HTMLElement}
 */
export function candidateItem(candidate) {
  const { type, address, port, ms } = candidate;
  return element('li', { class: 'candidate', 'data-type': type },
    element('span', { class: 'type', 'data-type': type, title: typeName(type) }, type),
    element('span', { class: 'address' }, socketAddress(address, port)),
    element('span', { class: 'when' }, duration(ms)),
    element('p', { class: 'facts' }, ...facts(candidate).map((fact) => element('span', {}, fact))));
}

/**
 * @param {import('./ice-error.js').GatheringError} error
 * @returns {HTMLElement}
 */
export function errorItem({ code, url, local, ms }) {
  const where = [url, local && `from ${local}`].filter(Boolean).join(', ');
  return element('li', {},
    element('span', { class: 'code' }, String(code)),
    element('span', {}, `${where}${where ? ': ' : ''}${explainIceError(code).cause}`),
    element('span', { class: 'when' }, duration(ms)));
}

/**
 * How many of each type, and when the first of it came.
 *
 * @param {Gathered[]} candidates
 * @returns {import('./card.js').Tile[]}
 */
export function candidateTiles(candidates) {
  return ['host', 'srflx', 'relay'].map((type) => {
    const ofType = candidates.filter((candidate) => candidate.type === type);
    const first = ofType.length > 0 ? `first ${duration(ofType[0].ms)}` : undefined;
    return { name: typeName(type), value: String(ofType.length), unit: first };
  });
}

/** @param {Gathered} candidate */
function facts(candidate) {
  const { type, local, component } = decodePriority(candidate.priority);
  const transport = [candidate.protocol.toUpperCase(), candidate.tcpType].filter(Boolean).join(' ');
  const leg = candidate.relayProtocol && candidate.relayProtocol !== 'udp' ? `relay reached over ${candidate.relayProtocol.toUpperCase()}` : null;
  return [
    transport,
    isHiddenAddress(candidate.address) ? 'address hidden by the browser' : null,
    describeRelated(candidate),
    leg,
    `priority ${type} | ${local} | ${component}`,
    candidate.url || null,
  ].filter((fact) => fact !== null);
}
