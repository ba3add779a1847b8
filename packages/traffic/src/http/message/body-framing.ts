/**
 * How the end of a message's body is found (RFC 9112, section 6): there is none; it has that many bytes, more than none; it comes
 * in chunks; or, of responses only, it goes on until the connection ends.
 */
export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' }

export const NO_BODY: BodyFraming = { kind: 'none' }
export const CHUNKED: BodyFraming = { kind: 'chunked' }
export const UNTIL_CLOSE: BodyFraming = { kind: 'until-close' }
