import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { sharedMicros, timeOf, type ReachOrder, type Reached, type ResumeOrder, type ViewOrder } from './messages.ts'

// Viewers by the hundred: the first reads what it gets, the others look at positions only.

const SUBSCRIPTION = `subscription ($serverId: ID!, $after: SafeInt) { consoleEvents(serverId: $serverId, after: $after) {
  from to ... on ConsoleChunk { kind runId at text } ... on ConsoleGap { reason } } }`

type Event = { from: number; to: number; text?: string; reason?: string }
type Viewer = { index: number; position: number; socket: WebSocket }

const RETRY_MS = 50

let viewers: Viewer[] = []
let waiting: (() => void) | null = null
let goal = Infinity
let missing = 0
let messages = 0
let latenciesMs: number[] = []
let faults: string[] = []
let skipped: Reached['skipped'] = []

function take(viewer: Viewer, from: number, to: number): void {
  messages += 1
  if (from !== viewer.position) faults.push(`expected ${String(viewer.position)}, got ${String(from)}`)
  const before = viewer.position
  viewer.position = to
  if (before < goal && to >= goal) {
    missing -= 1
    if (missing === 0) waiting?.()
  }
}

let isAtLineStart = false

/** From the oldest line that begins in a message to now. */
function measure(text: string): void {
  const time = timeOf(isAtLineStart ? text : text.slice(text.indexOf('\n') + 1))
  if (!Number.isNaN(time)) latenciesMs.push((sharedMicros() - time) / 1000)
  isAtLineStart = text.endsWith('\n')
}

/** What a client of the api gets; null for what is not an event. */
function eventOf(data: Buffer, socket: WebSocket, isParsed: boolean): Event | null {
  const head = data.toString('latin1', 0, 200)
  if (!head.includes('"type":"next"')) {
    if (head.includes('"type":"ping"')) socket.send('{"type":"pong"}')
    else if (!head.includes('connection_ack')) faults.push(data.toString())
    return null
  }
  if (isParsed) return (JSON.parse(data.toString()) as { payload: { data: { consoleEvents: Event } } }).payload.data.consoleEvents
  const [, from, to] = /"from":(\d+),"to":(\d+)/.exec(head) ?? []
  const reason = /"to":\d+,"reason":"(\w+)"/.exec(head)?.[1]
  return { from: Number(from), to: Number(to), ...(reason === undefined ? {} : { reason }) }
}

/** Connects a viewer and lets it read on from where it is. @throws when nobody answers */
async function connect(viewer: Viewer, { token, serverId, habit }: ViewOrder): Promise<void> {
  const { socket, index } = viewer
  socket.on('message', (data: Buffer) => {
    const event = serverId === null ? (JSON.parse(data.toString()) as Event) : eventOf(data, socket, index === 0)
    if (event === null) return
    if (event.reason !== undefined && habit === 'stalls' && event.reason === 'SLOW_VIEWER') skipped.push(event)
    else if (event.reason !== undefined) faults.push(`gap ${event.reason}`)
    if (index === 0) measure(event.text ?? '')
    take(viewer, event.from, event.to)
  })
  await once(socket, 'open')
  if (serverId === null) return
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }))
  await once(socket, 'message')
  const variables = { serverId, after: viewer.position }
  socket.send(JSON.stringify({ id: `viewer-${String(index)}`, type: 'subscribe', payload: { query: SUBSCRIPTION, variables } }))
}

const dial = ({ url, serverId }: ViewOrder) =>
  new WebSocket(url, serverId === null ? [] : ['graphql-transport-ws'], { skipUTF8Validation: true, perMessageDeflate: false })

/** Dials until it is back. */
async function comeBack(viewer: Viewer, order: ViewOrder): Promise<void> {
  while (viewers.includes(viewer)) {
    const socket = dial(order)
    viewer.socket = socket
    const closed = once(socket, 'close')
    socket.on('error', () => undefined)
    if (await Promise.race([connect(viewer, order).then(() => true), closed.then(() => false)]).catch(() => false)) await closed
    else await delay(RETRY_MS)
  }
}

async function open(order: ViewOrder, index: number): Promise<void> {
  const viewer: Viewer = { index, position: order.starts[index % order.starts.length] ?? 0, socket: dial(order) }
  viewers.push(viewer)
  const closed = once(viewer.socket, 'close')
  await connect(viewer, order)
  if (order.habit === 'stalls') viewer.socket.pause()
  if (order.habit !== undefined) void closed.then(() => comeBack(viewer, order))
}

async function view(order: ViewOrder): Promise<void> {
  const before = viewers
  viewers = []
  for (const { socket } of before) socket.terminate()
  for (let index = 0; index < order.count; index += 20)
    await Promise.all(Array.from({ length: Math.min(20, order.count - index) }, (_, more) => open(order, index + more)))
  process.send?.('viewing')
}

async function reach({ position }: ReachOrder): Promise<void> {
  goal = position
  missing = viewers.filter((viewer) => viewer.position < position).length
  if (missing > 0)
    await new Promise<void>((resolve) => {
      waiting = resolve
    })
  const reached: Reached = {
    kind: 'reached',
    messages,
    latenciesMs,
    faults: faults.slice(0, 5),
    skipped,
    longestBehind: position - Math.min(...viewers.map((viewer) => viewer.position)),
  }
  messages = 0
  latenciesMs = []
  faults = []
  skipped = []
  goal = Infinity
  process.send?.(reached)
}

function resume(): void {
  for (const { socket } of viewers) socket.resume()
  process.send?.('resumed')
}

process.on('message', (order: ViewOrder | ReachOrder | ResumeOrder) => {
  if (order.kind === 'resume') resume()
  else void (order.kind === 'view' ? view(order) : reach(order))
})
process.once('disconnect', () => process.exit())
