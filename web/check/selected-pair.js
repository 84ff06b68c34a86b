/**
 * Which candidate pair carries the link, by getStats (W3C webrtc-stats).
 *
 * @typedef {object} PairEnd
 * @property {string} type host, srflx, prflx or relay
 * @property {string} protocol udp or tcp
 * @property {string | null} relayProtocol the client's leg to its relay: udp, tcp or tls
 * @property {string} address
 * @property {number | null} port
 * @property {string} url the server it came from, if the browser tells
 *
 * @typedef {object} SelectedPair
 * @property {PairEnd} local
 * @property {PairEnd} remote
 * @property {number | null} rttMs as ICE measured it
 */

/**
 * @param {Iterable<any>} reports the values of an RTCStatsReport
 * @returns {SelectedPair | null}
 */
export function selectedPair(reports) {
  const byId = new Map(Array.from(reports, (report) => [report.id, report]));
  const all = [...byId.values()];
  const transport = all.find((report) => report.type === 'transport' && report.selectedCandidatePairId);
  const pair =
    byId.get(transport?.selectedCandidatePairId) ??
    all.find((report) => report.type === 'candidate-pair' && (report.selected || (report.nominated && report.state === 'succeeded')));
  if (!pair) return null;
  const rtt = pair.currentRoundTripTime;
  return {
    local: pairEnd(byId.get(pair.localCandidateId)),
    remote: pairEnd(byId.get(pair.remoteCandidateId)),
    rttMs: typeof rtt === 'number' ? rtt * 1000 : null,
  };
}

/**
 * One end in words: `relay over udp`, with the leg to the relay where known.
 *
 * @param {PairEnd} end
 */
export function describeEnd({ type, protocol, relayProtocol }) {
  return `${type} over ${relayProtocol ?? protocol}`;
}

/**
 * @param {any} candidate
 * @returns {PairEnd}
 */
function pairEnd(candidate) {
  return {
    type: candidate?.candidateType ?? 'unknown',
    protocol: candidate?.protocol ?? 'unknown',
    relayProtocol: candidate?.relayProtocol ?? null,
    address: candidate?.address ?? candidate?.ip ?? '',
    port: candidate?.port ?? null,
    url: candidate?.url ?? '',
  };
}
