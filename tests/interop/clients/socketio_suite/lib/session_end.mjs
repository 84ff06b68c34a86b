// Whether a session is over, asked without touching it.

import { ask } from './http.mjs';
import { until } from './waiting.mjs';

/** What Engine.IO answers for a session that is over; for one that lives in another version it is 3. */
const UNKNOWN_SID = 1;

/** Waits until the server has forgotten a session. */
export function forgotten(server, sid) {
  return until('the end of a session', async () => {
    const { body } = await ask(server.http({ transport: 'polling', sid, EIO: '3' }));
    return JSON.parse(body).code === UNKNOWN_SID;
  });
}
