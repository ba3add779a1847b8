/** `load-objects.ts URL`: creates the Services and EndpointSlices of a List on standard input, as fast as the API takes them. */
import { text } from 'node:stream/consumers'

interface LoadedObject {
  readonly kind: string
  readonly metadata: { readonly namespace: string }
}

const AT_ONCE = 8
const COLLECTIONS: Readonly<Record<string, (namespace: string) => string>> = {
  Service: (namespace) => `/api/v1/namespaces/${namespace}/services`,
  EndpointSlice: (namespace) => `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`,
}

const [url = ''] = process.argv.slice(2)
const { items } = JSON.parse(await text(process.stdin)) as { readonly items: readonly LoadedObject[] }
const waiting = items.values()

async function create(): Promise<void> {
  for (const object of waiting) {
    const path = COLLECTIONS[object.kind]?.(object.metadata.namespace) ?? ''
    const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(object) })
    if (response.status !== 201)
      throw new Error(`${path} answered ${response.status}: ${await response.text()}`)
    await response.body?.cancel()
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, create))
