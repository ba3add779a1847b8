/**
 * For so long a client may read the answer of an endpoint that ended its sending, and then reset. A server that
 * answers before it read the whole request (an early HTTP error) does so, and the answer has to outrun the reset.
 */
export const LINGER_MS = 1_000
