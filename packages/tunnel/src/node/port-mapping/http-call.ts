import { type IncomingMessage, request } from 'node:http'

export interface HttpQuestion {
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

/** Descriptions of routers have 2 to 20 KiB. */
const MAX_BODY_BYTES = 64 * 1024
const PATIENCE_MS = 4_000

/**
 * One HTTP exchange with a router, over a connection of its own. No redirects.
 *
 * @returns `undefined` when there is no sound answer of at most 64 KiB within 4 s
 * @throws the signal's reason, when it aborts
 */
export async function httpCall(
  url: URL,
  { signal, ...question }: HttpQuestion,
): Promise<HttpAnswer | undefined> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)])
  try {
    return await answerTo(url, { ...question, signal: limited })
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

async function answerTo(url: URL, { method, headers, body, signal }: HttpQuestion): Promise<HttpAnswer> {
  const answered = Promise.withResolvers<IncomingMessage>()
  const sent = request(url, { method, headers, signal, agent: false }, answered.resolve)
  sent.on('error', answered.reject)
  // All that there is when a router changes the protocol instead of answering: neither `response` nor `error` comes then.
  sent.on('close', () => answered.reject(new Error('the router closed the connection')))
  sent.end(body)
  try {
    const response = await answered.promise
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_BODY_BYTES) throw new RangeError(`more than ${MAX_BODY_BYTES} bytes`)
    }
    return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }
  } finally {
    sent.destroy()
  }
}
