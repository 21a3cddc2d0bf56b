import { closeSync, openSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { sharedMicros, type WriteOrder, type Written } from './messages.ts'

// A game: writes numbered lines at a steady rate to the file that a shim would write.

const TICK_MS = 4
const FILLER = 'player joined the arena and said something of no importance to anybody else here '.repeat(20)

async function write({ file, linesPerSecond, seconds, lineBytes }: WriteOrder): Promise<Written> {
  const descriptor = openSync(file, 'a')
  const start = performance.now()
  const total = Math.round(linesPerSecond * seconds)
  let lines = 0
  let bytes = 0
  while (lines < total) {
    const due = Math.min(total, Math.floor(((performance.now() - start) / 1000) * linesPerSecond) + 1)
    let text = ''
    const now = sharedMicros()
    for (; lines < due; lines += 1) text += `${`${String(now)} ${String(lines)} ${FILLER}`.slice(0, lineBytes - 1)}\n`
    bytes += text.length === 0 ? 0 : writeSync(descriptor, text)
    // A slow writer waits for its next line, a quick one for its next handful.
    await delay(Math.max(TICK_MS, (lines / linesPerSecond) * 1000 - (performance.now() - start)))
  }
  closeSync(descriptor)
  return { kind: 'written', lines, bytes }
}

process.on('message', (order: WriteOrder) => {
  void write(order).then((written) => process.send?.(written))
})
process.once('disconnect', () => process.exit())
