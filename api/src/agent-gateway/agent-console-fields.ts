import { agentBuilder } from './agent-builder.ts'
import { ConsoleGapReasonEnum, ConsolePartKindEnum } from './agent-types.ts'
import { toPiece } from './console-part.ts'
import { refuse } from './refuse.ts'
import type { ConsolePiece } from '../modules/console/console-chunk.ts'

const ConsolePartInput = agentBuilder.inputType('ConsolePartInput', {
  fields: (t) => ({
    kind: t.field({ type: ConsolePartKindEnum, required: true }),
    runId: t.id({ required: true }),
    at: t.field({ type: 'DateTime', required: true }),
    text: t.string({ description: 'Valid UTF-8; its bytes count.' }),
    base64: t.string({ description: 'Bytes that are not UTF-8.' }),
    gapBytes: t.field({ type: 'SafeInt' }),
    gapReason: t.field({ type: ConsoleGapReasonEnum }),
    actor: t.string(),
  }),
})
const PushConsoleInput = agentBuilder.inputType('PushConsoleInput', {
  fields: (t) => ({
    serverId: t.id({ required: true }),
    from: t.field({ type: 'SafeInt', required: true }),
    parts: t.field({ type: [ConsolePartInput], required: true }),
  }),
})
const PushConsoleResult = agentBuilder.objectRef<{ acknowledged: number; expected: number }>('PushConsoleResult').implement({
  fields: (t) => ({ acknowledged: t.expose('acknowledged', { type: 'SafeInt' }), expected: t.expose('expected', { type: 'SafeInt' }) }),
})
agentBuilder.mutationField('pushConsole', (t) =>
  t.field({
    type: PushConsoleResult,
    authScopes: { agent: true },
    args: { input: t.arg({ type: PushConsoleInput, required: true }) },
    resolve: async (_root, { input }, { service, socket }) => {
      const pieces: ConsolePiece[] = []
      const now = Date.now()
      let position = input.from
      for (const part of input.parts) {
        const piece = toPiece(position, part, now)
        if (piece === null) throw refuse('A console part has no bytes, or too many.', 'INVALID')
        pieces.push(piece)
        position = piece.to
      }
      return service.pushConsole(socket, input.serverId, input.from, pieces)
    },
  }),
)
