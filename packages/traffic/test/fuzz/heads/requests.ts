import { isProblem } from '../../../src/http/message/head-problem.ts'
import { outgoingRequest } from '../../../src/http/message/outgoing-request.ts'
import { fieldOf, parseRequestHead, type RequestHead } from '../../../src/http/message/request-head.ts'
import { hopByHopNames, type PlainHead, plainHead, valuesOf } from './plain-reading.ts'

const OPTIONS = { extraLines: '', keepsUpgrade: false, defaultHost: 'default.shop' }
const WITH_UPGRADE = { ...OPTIONS, keepsUpgrade: true }

/**
 * @returns `undefined` where the request is refused, else what goes to the endpoint
 * @throws Error where something was accepted that must not be, or passed on as something else
 */
export function checkedRequest(text: string): string | undefined {
  const head = parseRequestHead(text)
  if (isProblem(head)) return checkedRefusal(head.problem)
  const plain = plainHead(text.replace(/^(\r\n){1,2}/, ''))
  if (typeof plain === 'string') throw new Error(`accepted in spite of ${plain}`)
  checkReading(head, plain)
  const outgoing = outgoingRequest(head, OPTIONS)
  if (typeof outgoing !== 'string') throw new Error('accepted, and then not fit to be sent')
  checkOutgoing(head, plain, outgoing)
  return outgoing
}

function checkedRefusal(problem: string): undefined {
  if (/[^ -~]/.test(problem) || !problem.endsWith('.')) throw new Error('a refusal without a sentence')
}

function checkReading(head: RequestHead, plain: PlainHead): void {
  const [method, target, version] = plain.start
  expectEqual('request line', [head.method, head.target, `HTTP/1.${head.minor}`], [method, target, version])
  expectEqual('words of the request line', plain.start.length, 3)
  if (/[^!-~]|#/.test(head.target)) throw new Error('accepted a target with a character that none has')
  const hosts = valuesOf(plain, 'host').length
  if (hosts > 1 || (hosts === 0 && head.minor === 1)) throw new Error(`accepted ${hosts} hosts`)
  expectEqual('framing', head.framing, plainFraming(plain))
  for (const { name } of plain.fields) {
    if (fieldOf(head, name) !== valuesOf(plain, name)[0]) throw new Error(`reads another value of ${name}`)
  }
}

function plainFraming(plain: PlainHead): object {
  const [lengths, codings] = [valuesOf(plain, 'content-length'), valuesOf(plain, 'transfer-encoding')]
  if (lengths.length + codings.length > 1) throw new Error('accepted two framings')
  if (codings.length === 1) {
    expectEqual('coding', codings[0]?.toLowerCase(), 'chunked')
    return { kind: 'chunked' }
  }
  const [length = '0'] = lengths
  if (!/^(0|[1-9][0-9]*)$/.test(length)) throw new Error('accepted a malformed length')
  return length === '0' ? { kind: 'none' } : { kind: 'length', bytes: Number(length) }
}

function checkOutgoing(head: RequestHead, plain: PlainHead, outgoing: string): void {
  const again = parseRequestHead(outgoing)
  const sent = plainHead(outgoing)
  if (isProblem(again) || typeof sent === 'string') throw new Error('sends what it would not accept')
  expectEqual('sent', [again.method, again.target, again.framing], [head.method, head.path, head.framing])
  expectEqual('version and hosts sent', [again.minor, valuesOf(sent, 'host').length], [1, 1])
  expectEqual('sent again', outgoingRequest(again, OPTIONS), outgoing)
  expectEqual(
    'lines sent',
    linesWithout(sent, hopByHopNames(plain), head),
    linesWithout(plain, hopByHopNames(plain), head),
  )
  for (const { name } of sent.fields) {
    if (name !== 'te' && name !== 'connection' && hopByHopNames(plain).has(name))
      throw new Error(`sends ${name}`)
  }
  const upgrading = parseRequestHead(String(outgoingRequest(head, WITH_UPGRADE)))
  if (isProblem(upgrading)) throw new Error('an upgrade that it would not accept')
  expectEqual('upgrade sent', upgrading.upgrade, head.upgrade)
}

/** End-to-end lines, but for those that are written anew: a Host that an authority replaces, and what HTTP/1.0 does not have. */
function linesWithout(plain: PlainHead, hopByHop: ReadonlySet<string>, head: RequestHead): readonly string[] {
  const isWritten = (name: string) =>
    (name === 'host' && (head.authority !== undefined || fieldOf(head, 'host') === undefined)) ||
    (name === 'expect' && head.minor === 0)
  return plain.fields.filter(({ name }) => !hopByHop.has(name) && !isWritten(name)).map(({ line }) => line)
}

function expectEqual(what: string, found: unknown, wanted: unknown): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)]
  if (one !== other) throw new Error(`${what}: ${one} instead of ${other}`)
}
