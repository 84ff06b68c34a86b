// The network between one tab and the server: TCP that a test can take away and give back.

import { connect, createServer } from 'node:net';

export class Network {
  #server;
  #links = new Set();
  #isDown = false;

  /** A way to `target` (host:port) on a free port. */
  static async to(target) {
    const [host, port] = target.split(':');
    const network = new Network();
    network.#server = createServer({ noDelay: true }, (near) => network.#link(near, { host, port: Number(port) }));
    await new Promise((resolve) => network.#server.listen(0, '127.0.0.1', resolve));
    return network;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  #link(near, target) {
    near.on('error', () => {});
    if (this.#isDown) return near.resetAndDestroy();
    const far = connect({ ...target, noDelay: true });
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
    const link = { near, far };
    this.#links.add(link);
    far.on('close', () => this.#links.delete(link));
    return near.on('close', () => link.isHeld || far.destroy());
  }

  /** Cuts every connection at both ends. Nothing comes through until `restore`. */
  cut() {
    this.#isDown = true;
    for (const { near, far } of this.#links) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /**
   * The tab loses its connections and the server does not notice: what it sends goes nowhere. Nothing comes through until
   * `restore`, and the lost connections never come back.
   */
  vanish() {
    this.#isDown = true;
    for (const link of this.#links) {
      link.isHeld = true;
      link.far.unpipe(link.near);
      link.near.unpipe(link.far);
      // Reads on, as a network does whose other end is out of reach.
      link.far.on('data', () => {});
      link.far.resume();
      link.near.resetAndDestroy();
    }
  }

  restore() {
    this.#isDown = false;
  }

  close() {
    this.#server.close();
    for (const { near, far } of this.#links) {
      near.destroy();
      far.destroy();
    }
  }
}
