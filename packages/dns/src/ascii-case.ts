/** `text` in lower case by DNS' rule: ASCII letters only, other bytes (here latin1 text) stay distinct (RFC 4343). */
export function lowerCaseAscii(text: string): string {
  return /[\u0080-\u00ff]/.test(text)
    ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    : text.toLowerCase()
}
