// Which candidates a connection uses.

import { setTimeout as pause } from 'node:timers/promises';

const LIMIT_MS = 20_000;

/** The types of the candidates in use, as `local/remote`, as soon as the statistics know them. */
export async function selectedPair(connection) {
  const deadline = performance.now() + LIMIT_MS;
  while (performance.now() < deadline) {
    const stats = new Map([...(await connection.getStats()).values()].map((entry) => [entry.id, entry]));
    const transport = [...stats.values()].find((entry) => entry.type === 'transport');
    const pair = stats.get(transport?.selectedCandidatePairId);
    const [local, remote] = [stats.get(pair?.localCandidateId), stats.get(pair?.remoteCandidateId)];
    if (local && remote) return `${local.candidateType}/${remote.candidateType}`;
    await pause(1);
  }
  throw new Error('the statistics name no candidate pair in use');
}
