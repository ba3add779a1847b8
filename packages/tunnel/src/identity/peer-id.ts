import { peerIdFromString } from '@libp2p/peer-id'

/** Whether the text is the PeerId of an Ed25519 key, which all members have. */
export function isPeerId(text: string): boolean {
  try {
    return peerIdFromString(text).type === 'Ed25519'
  } catch {
    // The parser says "no" by throwing.
    return false
  }
}
