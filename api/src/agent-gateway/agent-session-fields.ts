import { agentBuilder } from './agent-builder.ts'
import { HEARTBEAT_SECONDS } from './agent-sign-in.ts'

const SignInChallenge = agentBuilder
  .objectRef<{ challengeId: string; challenge: string; instanceId: string; protocolVersion: number }>('SignInChallenge')
  .implement({
    fields: (t) => ({
      challengeId: t.exposeID('challengeId'),
      challenge: t.exposeString('challenge'),
      instanceId: t.exposeID('instanceId'),
      protocolVersion: t.exposeInt('protocolVersion'),
    }),
  })

agentBuilder.queryField('signInChallenge', (t) =>
  t.field({
    type: SignInChallenge,
    description: 'What sign-in signs: valid once, for 30 s, on this socket.',
    authScopes: { public: true },
    args: { nodeId: t.arg.id({ required: true }) },
    resolve: (_root, { nodeId }, { service, socket }) => service.challenge(socket, nodeId),
  }),
)

const EnrolNodeResult = agentBuilder.objectRef<{ nodeId: string; nodeName: string; instanceId: string }>('EnrolNodeResult').implement({
  fields: (t) => ({ nodeId: t.exposeID('nodeId'), nodeName: t.exposeString('nodeName'), instanceId: t.exposeID('instanceId') }),
})
const EnrolNodeInput = agentBuilder.inputType('EnrolNodeInput', {
  fields: (t) => ({
    token: t.string({ required: true }),
    publicKey: t.string({ required: true, description: 'Raw 32 bytes, base64url.' }),
    agentVersion: t.string({ required: true }),
    nodeId: t.id({ description: 'Who this machine is already. Absent: nobody.' }),
  }),
})
agentBuilder.mutationField('enrolNode', (t) =>
  t.field({
    type: EnrolNodeResult,
    description: 'Uses up an enrolment token: makes the node, or gives a node another key.',
    authScopes: { public: true },
    args: { input: t.arg({ type: EnrolNodeInput, required: true }) },
    resolve: (_root, { input }, { service, socket }) => service.enrol(socket, input),
  }),
)

const SignInResult = agentBuilder
  .objectRef<{ sessionId: string; heartbeatSeconds: number; sampleSeconds: number; serverTime: Date }>('SignInResult')
  .implement({
    fields: (t) => ({
      sessionId: t.exposeID('sessionId'),
      heartbeatSeconds: t.exposeInt('heartbeatSeconds'),
      sampleSeconds: t.exposeInt('sampleSeconds'),
      serverTime: t.expose('serverTime', { type: 'DateTime' }),
    }),
  })
const SignInInput = agentBuilder.inputType('SignInInput', {
  fields: (t) => ({
    nodeId: t.id({ required: true }),
    challengeId: t.id({ required: true }),
    signature: t.string({ required: true }),
    protocolVersion: t.int({ required: true }),
  }),
})
agentBuilder.mutationField('signIn', (t) =>
  t.field({
    type: SignInResult,
    description: 'Binds this socket to the node and ends its earlier session.',
    authScopes: { public: true },
    args: { input: t.arg({ type: SignInInput, required: true }) },
    resolve: (_root, { input }, { service, socket }) => service.signIn(socket, input),
  }),
)

const RuntimeInput = agentBuilder.inputType('RuntimeInput', {
  fields: (t) => ({ name: t.string({ required: true }), version: t.string({ required: true }), cgroupVersion: t.int({ required: true }) }),
})
const CapacityInput = agentBuilder.inputType('CapacityInput', {
  fields: (t) => ({ memoryMiB: t.int({ required: true }), cpuPercent: t.int({ required: true }), diskMiB: t.int({ required: true }) }),
})
const HelloInput = agentBuilder.inputType('HelloInput', {
  fields: (t) => ({
    agentVersion: t.string({ required: true }),
    storeId: t.id({ required: true }),
    wallClock: t.field({ type: 'DateTime', required: true }),
    runtime: t.field({ type: RuntimeInput, required: true }),
    capacity: t.field({ type: CapacityInput, required: true }),
  }),
})
const HelloResult = agentBuilder
  .objectRef<{ acceptedProtocolVersion: number }>('HelloResult')
  .implement({ fields: (t) => ({ acceptedProtocolVersion: t.exposeInt('acceptedProtocolVersion') }) })
agentBuilder.mutationField('hello', (t) =>
  t.field({
    type: HelloResult,
    description: 'The first call after sign-in.',
    authScopes: { agent: true },
    args: { input: t.arg({ type: HelloInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      await service.hello(socket, input)
      return { acceptedProtocolVersion: socket.protocolVersion }
    },
  }),
)

const HeartbeatInput = agentBuilder.inputType('HeartbeatInput', {
  fields: (t) => ({ wallClock: t.field({ type: 'DateTime', required: true }) }),
})
const HeartbeatResult = agentBuilder
  .objectRef<object>('HeartbeatResult')
  .implement({ fields: (t) => ({ serverTime: t.field({ type: 'DateTime', resolve: () => new Date() }) }) })
agentBuilder.mutationField('heartbeat', (t) =>
  t.field({
    type: HeartbeatResult,
    description: `Every ${String(HEARTBEAT_SECONDS)} s; three missed ones end the session.`,
    authScopes: { agent: true },
    args: { input: t.arg({ type: HeartbeatInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      await service.heartbeat(socket, input.wallClock)
      return {}
    },
  }),
)
