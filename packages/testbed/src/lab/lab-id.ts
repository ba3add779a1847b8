import { randomInt } from 'node:crypto'

const ID_LENGTH = 6

/**
 * A name part that no other lab on this machine has: six characters of `[0-9a-z]`, the first a letter, so that
 * `ew<id>-` and six more characters still fit into an interface name (15 characters, IFNAMSIZ).
 */
export function uniqueLabId(): string {
  const first = randomInt(10, 36).toString(36)
  const rest = randomInt(36 ** (ID_LENGTH - 1)).toString(36)
  return first + rest.padStart(ID_LENGTH - 1, '0')
}
