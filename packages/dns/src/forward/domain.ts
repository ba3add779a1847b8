/** The labels of a domain as text, e.g. `corp.example` or `10.in-addr.arpa`, in lower case. */
export function labelsOfDomain(domain: string): readonly string[] {
  return domain === '' ? [] : domain.toLowerCase().split('.')
}

/** True for text that is a domain: without a final dot, and not the root. */
export function isDomain(text: string): boolean {
  return (
    text.length <= 253 &&
    /^[a-z\d_]([-a-z\d_]{0,61}[a-z\d_])?(\.[a-z\d_]([-a-z\d_]{0,61}[a-z\d_])?)*$/i.test(text)
  )
}

/** Whether a name is `domain` or below it. */
export function isWithin(labels: readonly string[], domain: readonly string[]): boolean {
  const depth = labels.length - domain.length
  if (depth < 0) return false
  return domain.every((label, index) => labels[depth + index] === label)
}
