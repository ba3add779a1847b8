/** `text` in lower case by DNS' rule: ASCII letters only, other bytes (here latin1 text) stay distinct (RFC 4343). */
export function lowerCaseAscii(text: string): string {
  // Most names come in lower case: one look suffices for them.
  if (!/[A-Z]/.test(text)) return text
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}
