import { once } from 'node:events'
import { WebSocket } from 'ws'
import { sharedMicros, timeOf, type ReachOrder, type Reached, type ViewOrder } from './messages.ts'

// Viewers by the hundred: the first reads what it gets, the others look at positions only.

const SUBSCRIPTION = `subscription ($serverId: ID!, $after: SafeInt) { consoleEvents(serverId: $serverId, after: $after) {
  from to ... on ConsoleChunk { kind runId at text } ... on ConsoleGap { reason } } }`

type Event = { from: number; to: number; text?: string; reason?: string }
type Viewer = { position: number; socket: WebSocket }

const viewers: Viewer[] = []
let waiting: (() => void) | null = null
let goal = Infinity
let missing = 0
let messages = 0
let latenciesMs: number[] = []
let faults: string[] = []

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

async function open(order: ViewOrder, index: number): Promise<void> {
  const { url, token, serverId } = order
  const after = order.starts[index % order.starts.length] ?? 0
  const socket = new WebSocket(url, serverId === null ? [] : ['graphql-transport-ws'], {
    skipUTF8Validation: true,
    perMessageDeflate: false,
  })
  const viewer: Viewer = { position: after, socket }
  socket.on('message', (data: Buffer) => {
    const isNext = serverId === null || data.includes('"type":"next"')
    if (!isNext) {
      if (data.includes('"type":"ping"')) socket.send('{"type":"pong"}')
      else if (!data.includes('connection_ack')) faults.push(data.toString())
      return
    }
    if (index === 0) {
      const parsed = JSON.parse(data.toString()) as { payload?: { data: { consoleEvents: Event } } } & Event
      const event = parsed.payload?.data.consoleEvents ?? parsed
      if (event.reason !== undefined) faults.push(`gap ${event.reason}`)
      measure(event.text ?? '')
      take(viewer, event.from, event.to)
      return
    }
    const head = data.toString('latin1', 0, 200)
    const match = /"from":(\d+),"to":(\d+)/.exec(head)
    if (match === null || head.includes('"reason"')) faults.push(head)
    else take(viewer, Number(match[1]), Number(match[2]))
  })
  await once(socket, 'open')
  viewers.push(viewer)
  if (serverId === null) return
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${token}` } }))
  await once(socket, 'message')
  socket.send(
    JSON.stringify({ id: `viewer-${String(index)}`, type: 'subscribe', payload: { query: SUBSCRIPTION, variables: { serverId, after } } }),
  )
}

async function view(order: ViewOrder): Promise<void> {
  for (const { socket } of viewers.splice(0)) socket.terminate()
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
    longestBehind: position - Math.min(...viewers.map((viewer) => viewer.position)),
  }
  messages = 0
  latenciesMs = []
  faults = []
  goal = Infinity
  process.send?.(reached)
}

process.on('message', (order: ViewOrder | ReachOrder) => {
  void (order.kind === 'view' ? view(order) : reach(order))
})
process.once('disconnect', () => process.exit())
