import type { AgentSocket } from './agent-builder.ts'
import { refuse } from './refuse.ts'

/** Bytes of consoles that were received and are not durable: of one node, however many sockets it opens, and of all. */
export const CONSOLE_BUDGET = { ofNode: 16 * 2 ** 20, inAll: 128 * 2 ** 20 }

type ReadSocket = Pick<AgentSocket, 'signal' | 'pause' | 'resume'>

/** What is taken of consoles before the disk has it. What comes beyond it stays in the sockets, and so on the nodes. */
export type ConsoleBudget = {
  /**
   * Does a piece of work that takes so many bytes for as long as it lasts, in order for each node. Without room it waits, and its
   * socket is not read.
   * @throws when the socket ends before there is room
   */
  spend<T>(nodeId: string, socket: ReadSocket, bytes: number, work: () => Promise<T>): Promise<T>
  /** Bytes that work has taken, and those that wait for room. */
  stats(): { spent: number; waiting: number }
}

type Waiting = { bytes: number; socket: ReadSocket; begin: () => void }
type Account = { spent: number; waiting: Waiting[] }

export function createConsoleBudget({ ofNode, inAll }: typeof CONSOLE_BUDGET): ConsoleBudget {
  const accounts = new Map<string, Account>()
  let spentInAll = 0
  // One piece of work may go over the limit: whatever its size, it comes to its turn.
  const hasRoom = (account: Account) => account.spent < ofNode && spentInAll < inAll

  function take(account: Account, bytes: number): void {
    account.spent += bytes
    spentInAll += bytes
  }

  /** Lets in who waits. A node that was let in stands behind the others. */
  function admit(): void {
    for (const [nodeId, account] of [...accounts]) {
      for (let next = account.waiting[0]; next !== undefined && hasRoom(account); next = account.waiting[0]) {
        account.waiting.shift()
        take(account, next.bytes)
        next.begin()
        accounts.delete(nodeId)
        accounts.set(nodeId, account)
      }
      if (account.spent === 0 && account.waiting.length === 0) accounts.delete(nodeId)
    }
  }

  function room(account: Account, socket: ReadSocket, bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        account.waiting.splice(account.waiting.indexOf(waiting), 1)
        reject(refuse('The socket has ended.', 'SESSION_ENDED'))
        admit()
      }
      const begin = () => {
        socket.signal.removeEventListener('abort', leave)
        if (!account.waiting.some((other) => other.socket === socket)) socket.resume()
        resolve()
      }
      const waiting: Waiting = { bytes, socket, begin }
      account.waiting.push(waiting)
      socket.pause()
      socket.signal.addEventListener('abort', leave, { once: true })
    })
  }

  return {
    async spend(nodeId, socket, bytes, work) {
      if (socket.signal.aborted) throw refuse('The socket has ended.', 'SESSION_ENDED')
      const account = accounts.get(nodeId) ?? { spent: 0, waiting: [] }
      accounts.set(nodeId, account)
      if (account.waiting.length === 0 && hasRoom(account)) take(account, bytes)
      else await room(account, socket, bytes)
      try {
        return await work()
      } finally {
        account.spent -= bytes
        spentInAll -= bytes
        admit()
      }
    },
    stats() {
      const waiting = [...accounts.values()].flatMap((account) => account.waiting)
      return { spent: spentInAll, waiting: waiting.reduce((total, { bytes }) => total + bytes, 0) }
    },
  }
}
