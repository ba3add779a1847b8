/** Where an API double is, and the authority of its certificate if it has one. */
export interface KubeconfigTarget {
  readonly url: string
  /** PEM. */
  readonly ca?: string | undefined
}

/** A kubeconfig, in JSON, which is YAML, that leads to an API double. */
export function kubeconfigFor({ url, ca }: KubeconfigTarget): string {
  const name = 'api-double'
  const authority =
    ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: url, ...authority } }],
    // Any will do; without one, kubectl asks for a name and a password.
    users: [{ name, user: { token: 'anybody' } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  })
}
