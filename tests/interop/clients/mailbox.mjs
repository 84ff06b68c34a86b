// Signaling without a server: two processes that share a directory and no network.

import { appendFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from './script.mjs';

const POLL_MS = 10;
const DESCRIPTION_MS = 20_000;

/** What one of the two says: its description whole, its candidates one a line. */
export class Mailbox {
  constructor(dir, name) {
    this.name = name;
    this.description = join(dir, name);
    this.candidates = join(dir, `${name}.candidates`);
  }

  trickle(connection) {
    connection.onicecandidate = ({ candidate }) => {
      if (candidate) appendFileSync(this.candidates, `${JSON.stringify(candidate)}\n`);
    };
  }

  async give({ type, sdp }) {
    await writeFile(`${this.description}.part`, JSON.stringify({ type, sdp }));
    await rename(`${this.description}.part`, this.description);
  }

  async take() {
    const deadline = performance.now() + DESCRIPTION_MS;
    for (;;) {
      const text = await textOf(this.description);
      if (text) return JSON.parse(text);
      expect(performance.now() < deadline, `an ${this.name} of the other peer`);
      await pause(POLL_MS);
    }
  }

  /** Hands every candidate over as it comes, as long as this process lives. */
  async deliver(connection) {
    for (let delivered = 0; ; await pause(POLL_MS)) {
      // What stands behind the last line break is not written whole yet.
      const lines = (await textOf(this.candidates)).split('\n').slice(0, -1);
      for (; delivered < lines.length; delivered += 1) await connection.addIceCandidate(JSON.parse(lines[delivered]));
    }
  }
}

async function textOf(file) {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return '';
  }
}
