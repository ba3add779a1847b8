import { isProblem } from '../../../src/http/message/head-problem.ts'
import { outgoingResponse } from '../../../src/http/message/outgoing-response.ts'
import { parseResponseHead, type ResponseHead } from '../../../src/http/message/response-head.ts'
import { type PlainHead, plainHead, valuesOf } from './plain-reading.ts'

const OPTIONS = { clientMinor: 1, connection: 'keep-alive', extraLines: '', dropsChunked: false } as const
const WITH_UPGRADE = { ...OPTIONS, connection: 'upgrade' } as const
/** Responses that say `Connection: upgrade`. */
const UPGRADING: ReadonlySet<number> = new Set([101, 426])
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'upgrade', 'http2-settings']

/**
 * @returns `undefined` where the response is refused, else what goes to the client
 * @throws Error where something was accepted that must not be, or passed on as something else
 */
export function checkedResponse(text: string, method: string): string | undefined {
  const head = parseResponseHead(text, method)
  if (isProblem(head)) {
    if (head.status !== 502 || /[^ -~]/.test(head.problem)) throw new Error('a refusal without a sentence')
    return undefined
  }
  const plain = plainHead(text)
  if (typeof plain === 'string') throw new Error(`accepted in spite of ${plain}`)
  checkReading(head, plain)
  const outgoing = outgoingResponse(head, head.upgrade === undefined ? OPTIONS : WITH_UPGRADE)
  if (typeof outgoing !== 'string') throw new Error('accepted, and then not fit to be sent')
  checkOutgoing(head, outgoing, method)
  return outgoing
}

function checkReading(head: ResponseHead, plain: PlainHead): void {
  const { framing, minor, status } = head
  const lengths = valuesOf(plain, 'content-length')
  const codings = valuesOf(plain, 'transfer-encoding')
  expectThat('status line', plain.start.slice(0, 2).join(' ') === `HTTP/1.${minor} ${status}`)
  expectThat('one framing', lengths.length + codings.length <= 1)
  if (framing.kind === 'length') expectThat('length', Number(lengths[0]) === framing.bytes)
  if (framing.kind === 'chunked') expectThat('coding', codings[0]?.toLowerCase() === 'chunked')
  if (framing.kind === 'until-close') {
    expectThat('no framing', lengths.length + codings.length === 0)
    expectThat('closes', !head.isKeepAlive)
  }
}

function checkOutgoing(head: ResponseHead, outgoing: string, method: string): void {
  const again = parseResponseHead(outgoing, method)
  const sent = plainHead(outgoing)
  if (isProblem(again) || typeof sent === 'string') throw new Error('sends what it would not accept')
  expectThat('status sent', again.status === head.status && again.minor === 1)
  expectThat('framing sent', JSON.stringify(again.framing) === JSON.stringify(head.framing))
  expectThat('the client may stay', again.isKeepAlive || !head.isKeepAlive)
  if (UPGRADING.has(head.status)) return
  expectThat(
    'nothing is sent that is for one connection',
    HOP_BY_HOP.every((name) =>
      valuesOf(sent, name).every((value) => name === 'connection' && isKeepAlive(value)),
    ),
  )
  expectThat('sent again', outgoingResponse(again, OPTIONS) === outgoing)
}

/** What we would say ourselves may stay as the endpoint has said it. */
function isKeepAlive(value: string): boolean {
  return value.toLowerCase() === 'keep-alive'
}

function expectThat(what: string, isSo: boolean): void {
  if (!isSo) throw new Error(`not so: ${what}`)
}
