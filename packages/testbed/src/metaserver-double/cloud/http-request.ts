import type { CloudAnswer, CloudRequest } from './cloud.ts'

/** Sends a request to the API server at `url`, as JSON where it has to answer with objects. */
export async function sendRequest(
  url: string,
  request: CloudRequest,
  signal?: AbortSignal,
): Promise<CloudAnswer> {
  const { method, path, contentType, body } = request
  const response = await fetch(`${url}${path}`, {
    method,
    body: body ?? null,
    signal: signal ?? null,
    headers: {
      accept: 'application/json',
      // A connection per request: one kept from before a restart of the server would only fail.
      connection: 'close',
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    },
  })
  const text = await response.text()
  return { code: response.status, contentType: response.headers.get('content-type') ?? '', text }
}
