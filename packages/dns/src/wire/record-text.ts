/** Records of a message as people read them: the form of master files (RFC 1035 section 5.1). */

import { isIPv6 } from 'node:net'
import { type MessageRecord, recordsOf } from '../cache/records.ts'
import { CLASS_IN, TYPE, typeLabel } from './codes.ts'
import { endOfName, labelsAt } from './compressed-name.ts'

/** Reads what the data of one type says; `recordsOf` has checked its shape. */
type DataReader = (message: Buffer, start: number, end: number) => string

const READERS: ReadonlyMap<number, DataReader> = new Map<number, DataReader>([
  [TYPE.A, (message, start) => message.subarray(start, start + 4).join('.')],
  [TYPE.AAAA, (message, start) => ipv6At(message, start)],
  [TYPE.NS, nameAt],
  [TYPE.CNAME, nameAt],
  [TYPE.PTR, nameAt],
  [TYPE.MX, (message, start) => `${message.readUInt16BE(start)} ${nameAt(message, start + 2)}`],
  [TYPE.SRV, srvAt],
  [TYPE.SOA, soaAt],
  [TYPE.TXT, textsAt],
])

/**
 * The records of all sections but OPT, each as `name TTL IN type data`; `undefined` for a malformed message. Data of types
 * that we don't know is in hexadecimal (RFC 3597 section 5).
 *
 * @param questionEnd - where the first record begins
 */
export function recordTexts(message: Buffer, questionEnd: number): readonly string[] | undefined {
  return recordsOf(message, questionEnd)
    ?.filter(({ type }) => type !== TYPE.OPT)
    .map((record) => textOf(message, record))
}

function textOf(
  message: Buffer,
  { start, type, class: its, ttlOffset, dataStart, end }: MessageRecord,
): string {
  const label = typeLabel(type)
  const typeText = label === 'other' ? `TYPE${type}` : label
  const data = READERS.get(type)?.(message, dataStart, end) ?? unknownData(message.subarray(dataStart, end))
  const classText = its === CLASS_IN ? 'IN' : `CLASS${its}`
  return `${nameAt(message, start)} ${message.readUInt32BE(ttlOffset)} ${classText} ${typeText} ${data}`
}

/** A name with its final dot; bytes that would mislead a reader are escaped. */
function nameAt(message: Buffer, start: number): string {
  const labels = labelsAt(message, start).map((label) => escaped(label.toString('latin1', 1)))
  return `${labels.join('.')}.`
}

function escaped(label: string): string {
  return label.replaceAll(/[^!#-'*-[\]-~]|\./g, (byte) => `\\${String(byte.charCodeAt(0)).padStart(3, '0')}`)
}

/** Character strings, each after its length (RFC 1035 section 3.3.14); a last one that is cut is what is there. */
function textsAt(message: Buffer, start: number, end: number): string {
  const texts: string[] = []
  for (let offset = start; offset < end; offset += message.readUInt8(offset) + 1) {
    const textEnd = Math.min(offset + 1 + message.readUInt8(offset), end)
    texts.push(JSON.stringify(message.toString('latin1', offset + 1, textEnd)))
  }
  return texts.join(' ')
}

function ipv6At(message: Buffer, start: number): string {
  const groups = Array.from({ length: 8 }, (_, group) => message.readUInt16BE(start + 2 * group).toString(16))
  const ip = groups.join(':')
  // The shortest form, as RFC 5952 has it.
  return isIPv6(ip) ? new URL(`http://[${ip}]`).hostname.slice(1, -1) : ip
}

function srvAt(message: Buffer, start: number): string {
  const numbers = [0, 2, 4].map((offset) => message.readUInt16BE(start + offset))
  return [...numbers, nameAt(message, start + 6)].join(' ')
}

/** Its five numbers end it. */
function soaAt(message: Buffer, start: number, end: number): string {
  const numbers = [20, 16, 12, 8, 4].map((offset) => message.readUInt32BE(end - offset))
  const second = endOfName(message, start)
  return [nameAt(message, start), nameAt(message, second), ...numbers].join(' ')
}

function unknownData(data: Buffer): string {
  return `\\# ${data.length} ${data.toString('hex')}`.trim()
}
