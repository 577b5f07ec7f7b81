// The server's clock, from the times that its messages bear. A message that took its time on the way shows the clock
// too early, and none shows it too late: so the best guess is the latest that any message showed, until the connection
// is another (this machine's own clock may have been set meanwhile).

export class Clock {
  #offset = null;
  #local;

  constructor(local = () => Date.now()) {
    this.#local = local;
  }

  reset() {
    this.#offset = null;
  }

  heard(serverMs) {
    const offset = serverMs - this.#local();
    if (this.#offset === null || offset > this.#offset) this.#offset = offset;
  }

  now() {
    return this.#local() + (this.#offset ?? 0);
  }
}
