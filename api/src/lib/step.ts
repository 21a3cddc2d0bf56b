import { channel } from 'node:diagnostics_channel'

/** Moments between two steps of one piece of work, where a fault can strike. */
type Step = 'wish:persisted' | 'wish:committed' | 'order:sending' | 'report:received' | 'report:applied' | 'report:committed'

const steps = channel('catalyst:api:step')

/** Tells whoever listens in this process that a step was reached; nothing otherwise. */
export function reachStep(step: Step, serverId?: string): void {
  if (steps.hasSubscribers) steps.publish({ step, serverId })
}
