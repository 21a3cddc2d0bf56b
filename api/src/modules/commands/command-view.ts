import type { Command, CommandStatus } from '@catalyst/prisma/client'

/** A command with whether its node is there. */
export type CommandView = Command & { node: { isOnline: boolean } }

export const OPEN_STATUSES = ['PENDING', 'SENT'] as const satisfies CommandStatus[]

/** It waits for the node: its order, or that its wish comes true, is still to come. */
export function isWaitingForNode({ status, node }: CommandView): boolean {
  return (OPEN_STATUSES as readonly string[]).includes(status) && !node.isOnline
}

/** START and STOP travel with the assignment, which waits for a node that is away without end. */
export function expires(command: CommandView): boolean {
  const isWish = command.kind === 'START' || command.kind === 'STOP'
  return !(isWish && isWaitingForNode(command))
}
