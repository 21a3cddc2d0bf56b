import { z } from 'zod'
import type { Transaction } from '../../db/database.ts'
import { ValidationError } from '../../lib/errors.ts'

const MOST_CHARACTERS = 256
const LIST = /^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/

/** First and last core of each part of a list such as `0-3,6`. */
const rangesOf = (list: string): [number, number][] =>
  list.split(',').map((part) => {
    const [first = NaN, last = first] = part.split('-').map(Number)
    return [first, last]
  })

/** A list of cores as the kernel writes it, such as `0-3,6`, or nothing for all of them. */
export const cpuset = z
  .string()
  .max(MOST_CHARACTERS)
  .transform((list) => list.replaceAll(' ', ''))
  .refine((list) => list === '' || (LIST.test(list) && rangesOf(list).every(([first, last]) => first <= last)), {
    message: 'is no list of cores such as 0-3,6',
  })

/** Refuses cores that a node does not have, as far as it has told. @throws ValidationError */
export async function assertCores(tx: Transaction, nodeId: string, list: string): Promise<void> {
  if (list === '') return
  const node = await tx.prisma.node.findUnique({ where: { id: nodeId }, select: { cpuPercent: true } })
  const cores = Math.floor((node?.cpuPercent ?? Infinity) / 100)
  if (rangesOf(list).every(([, last]) => last < cores)) return
  throw new ValidationError([
    { path: ['cpuset'], code: 'RANGE', message: `names a core that the node does not have: it has 0 to ${String(cores - 1)}` },
  ])
}
