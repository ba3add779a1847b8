/**
 * `emulator.ts HOST-DEVICE SEGMENT-DEVICE CONTROL IMPAIRMENTS`: makes two TAP devices and carries frames between them, as
 * a wide-area link does: `sent` from the host's to the segment's, `received` the other way. For kernels without netem.
 *
 * CONTROL is a FIFO. Each line of it, `{"number":…,"impairments":…}`, replaces the impairments, and is answered on
 * standard output by `{"applied":…}`; number 0 are those of the command line. Ends by a signal, or with its namespace.
 */
import { constants, openSync, readSync, writeSync } from 'node:fs'
import { setPriority } from 'node:os'
import { Line } from './line.ts'
import { openTap, Readiness, readFrame, writeFrame } from './tap.ts'
import type { Impairment, Impairments } from './wan-spec.ts'

interface Way {
  readonly from: number
  readonly line: Line
}

const MAX_FRAME_BYTES = 65_536
const MAX_CONTROL_BYTES = 65_536
/** So many of one direction at most before the other one is looked after. */
const FRAMES_PER_TURN = 64
/** The network shall be there in time also where programs want all of the processor. */
const PRIORITY = -15

const [hostDevice = '', segmentDevice = '', controlFile = '', initial = '{}'] = process.argv.slice(2)
const frame = Buffer.allocUnsafe(MAX_FRAME_BYTES)
const message = Buffer.allocUnsafe(MAX_CONTROL_BYTES)

function wayBetween(from: number, to: number, impairment: Impairment): Way {
  const deliver = (arrived: Buffer): void => writeFrame(to, arrived)
  return { from, line: new Line(impairment, { deliver, random: Math.random }) }
}

function carry({ from, line }: Way): void {
  for (let count = 0; count < FRAMES_PER_TURN; count++) {
    const bytes = readFrame(from, frame)
    if (bytes <= 0) return
    line.send(frame.subarray(0, bytes), performance.now())
  }
}

function applied(number: number): void {
  writeSync(process.stdout.fd, `${JSON.stringify({ applied: number })}\n`)
}

/** Lines are far below PIPE_BUF, so each was written, and is read, as a whole. */
function obey(control: number, sent: Line, received: Line): void {
  const lines = message.toString('utf8', 0, readSync(control, message)).trim().split('\n')
  for (const line of lines) {
    const { number, impairments } = JSON.parse(line) as { number: number; impairments: Impairments }
    sent.change(impairments.sent, performance.now())
    received.change(impairments.received, performance.now())
    applied(number)
  }
}

function msUntilDue(ways: readonly Way[]): number | undefined {
  const dueAt = Math.min(...ways.map(({ line }) => line.nextDueAt ?? Number.POSITIVE_INFINITY))
  return dueAt === Number.POSITIVE_INFINITY ? undefined : dueAt - performance.now()
}

setPriority(PRIORITY)
const impairments = JSON.parse(initial) as Impairments
// Also for writing: it would be at its end whenever nobody else has it open.
const control = openSync(controlFile, constants.O_RDWR | constants.O_NONBLOCK)
const host = openTap(hostDevice)
const segment = openTap(segmentDevice)
const sent = wayBetween(host, segment, impairments.sent)
const received = wayBetween(segment, host, impairments.received)
const readiness = new Readiness([host, segment, control])
applied(0)
for (;;) {
  readiness.wait(msUntilDue([sent, received]))
  if (readiness.failed(0) || readiness.failed(1)) process.exit(0)
  if (readiness.readable(2)) obey(control, sent.line, received.line)
  for (const { line } of [sent, received]) line.release(performance.now())
  if (readiness.readable(0)) carry(sent)
  if (readiness.readable(1)) carry(received)
}
