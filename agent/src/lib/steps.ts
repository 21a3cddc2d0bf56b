import { channel } from 'node:diagnostics_channel'

const steps = channel('catalyst:agent:step')

/** Moments between which a kill leaves work half done. Each is passed after what its name says has happened. */
export type StepName =
  | `start:${'begun' | 'image' | 'network' | 'prepared' | 'created' | 'stored'}`
  | `stop:${'begun' | 'sent'}`
  | 'kill:sent'
  | `exit:${'seen' | 'collected' | 'detached' | 'stored'}`
  | `install:${'begun' | 'image' | 'copied' | 'container' | 'ended' | 'switched' | 'stored'}`
  | `remove:${'begun' | 'container' | 'network' | 'files' | 'stored'}`

/** Tells diagnostics how far the work on a server is. Costs nothing while nobody listens. */
export function passStep(step: StepName, serverId: string): void {
  if (steps.hasSubscribers) steps.publish({ step, serverId })
}
