// The server under test as a case sees it: its addresses, its options, and what to tidy up when the case ends.

export class ServerUnderTest {
  #tidy = [];

  constructor(url, flags) {
    const flag = (name, otherwise) => (flags.includes(name) ? flags[flags.indexOf(name) + 1] : otherwise);
    this.url = url;
    this.path = flag('--path', '/socket.io/');
    this.parser = flag('--parser', 'default');
    this.pingIntervalMs = Number(flag('--ping-interval', '300'));
    this.pingTimeoutMs = Number(flag('--ping-timeout', '200'));
    this.connectTimeoutMs = Number(flag('--connect-timeout', '1000'));
    this.recoveryMs = Number(flag('--recovery', '0'));
  }

  /** An address with `EIO=4` unless the query says otherwise; a member that is null is left out. */
  http(query, path = this.path) {
    const members = Object.entries({ EIO: '4', ...query }).filter(([, value]) => value !== null);
    return `${this.url}${path}?${new URLSearchParams(members)}`;
  }

  ws(query, path) {
    return this.http(query, path).replace('http', 'ws');
  }

  /** Remembers what to do when the case has ended. */
  atEnd(tidy) {
    this.#tidy.push(tidy);
  }

  tidyUp() {
    for (const tidy of this.#tidy.splice(0)) tidy();
  }
}
