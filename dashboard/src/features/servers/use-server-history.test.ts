import { expect, it } from 'vitest'
import { useI18n } from 'vue-i18n'
import { inApp } from '../../test-app.ts'
import { nodeEventShapes } from '../nodes/use-node-history.ts'
import { serverEventShapes } from './use-server-history.ts'

it('has words for everything that can happen', async () => {
  const { result: te } = await inApp(() => useI18n().te)
  const keys = [
    ...Object.keys(serverEventShapes).map((kind) => `history.${kind}`),
    ...Object.keys(nodeEventShapes).map((kind) => `nodeEvents.${kind}`),
  ]
  expect(keys.filter((key) => !te(key))).toEqual([])
})
