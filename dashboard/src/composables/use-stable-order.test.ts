import { expect, it } from 'vitest'
import { nextTick, ref } from 'vue'
import { useStableOrder } from './use-stable-order.ts'

it('moves no row while the list is held, and sorts when it is let go', async () => {
  const wanted = ref(['a', 'b', 'c'])
  const isHeld = ref(true)
  const { shown, isOld, sortNow } = useStableOrder(wanted, isHeld)
  wanted.value = ['c', 'd', 'a']
  await nextTick()
  expect(shown.value).toEqual(['a', 'c', 'd'])
  expect(isOld.value).toBe(true)
  sortNow()
  expect(shown.value).toEqual(['c', 'd', 'a'])
  wanted.value = ['a', 'c', 'd']
  isHeld.value = false
  await nextTick()
  expect(shown.value).toEqual(['a', 'c', 'd'])
  expect(isOld.value).toBe(false)
})
