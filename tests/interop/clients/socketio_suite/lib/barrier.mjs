// A question whose answer shows that all that was sent before it has been worked off: silence is seen without sleeping.

const ID = 777777;

export const BARRIER = `2${ID}["message-with-ack","barrier"]`;
export const BARRIER_ACK = `3${ID}["barrier"]`;

/** The barrier in another namespace. */
export function barrierIn(namespace) {
  return [`2${namespace},${ID}["message-with-ack","barrier"]`, `3${namespace},${ID}["barrier"]`];
}
