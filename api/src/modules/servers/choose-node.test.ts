import { describe, expect, it } from 'vitest'
import { rankNodes, shortagesOf, type Candidate, type PlacementWish } from './choose-node.ts'

const node = (name: string, change: Partial<Candidate> = {}): Candidate => ({
  id: name,
  name,
  isOnline: true,
  isMaintenance: false,
  location: '',
  tags: [],
  capacity: { memoryMiB: 1000, cpuPercent: 400, diskMiB: 1000 },
  allocated: { memoryMiB: 0, cpuPercent: 0, diskMiB: 0 },
  freePorts: 10,
  freeChosenPorts: 0,
  ...change,
})
const wish: PlacementWish = { memoryMiB: 100, cpuPercent: 100, diskMiB: 100, ports: 1, chosenPorts: 0, location: null, tags: [] }
const names = (candidates: Candidate[], change: Partial<PlacementWish> = {}) =>
  rankNodes(candidates, { ...wish, ...change }).ranked.map(({ name }) => name)
const reasons = (candidates: Candidate[], change: Partial<PlacementWish> = {}) =>
  rankNodes(candidates, { ...wish, ...change }).refused.map(({ reason }) => reason)

describe('rankNodes', () => {
  it('prefers the node whose scarcest resource stays freest', () => {
    const memory = node('much memory', { allocated: { memoryMiB: 0, cpuPercent: 290, diskMiB: 0 } })
    const even = node('even', { allocated: { memoryMiB: 300, cpuPercent: 100, diskMiB: 300 } })
    expect(names([memory, even])).toEqual(['even', 'much memory'])
  })

  it('takes the last bit of room, and not one more', () => {
    const allocated = { memoryMiB: 900, cpuPercent: 300, diskMiB: 900 }
    expect(names([node('full', { allocated })])).toEqual(['full'])
    for (const resource of ['memoryMiB', 'cpuPercent', 'diskMiB'] as const)
      expect(names([node('full', { allocated })], { [resource]: 101 })).toEqual([])
  })

  it.each<[string, Partial<Candidate>, Partial<PlacementWish>, string]>([
    ['another place', { location: 'Rome' }, { location: 'Oslo' }, 'is not in Oslo'],
    ['no such tag', { tags: ['ssd'] }, { tags: ['ssd', 'gpu'] }, 'has not the tag gpu'],
    ['maintenance', { isMaintenance: true }, {}, 'is in maintenance'],
    ['being away', { isOnline: false }, {}, 'is offline'],
    ['too little memory', { allocated: { memoryMiB: 950, cpuPercent: 0, diskMiB: 0 } }, {}, 'has 50 of 100 MiB memory free'],
    ['too few ports', { freePorts: 1 }, { ports: 2 }, 'has 1 of 2 ports free'],
    [
      'no hello yet',
      { capacity: { memoryMiB: 0, cpuPercent: 0, diskMiB: 0 } },
      { ports: 0 },
      'has 0 of 100 MiB memory free, 0 of 100 % CPU free, 0 of 100 MiB disk free',
    ],
  ])('leaves a node out for %s', (_why, change, wanted, reason) => {
    expect(names([node('one', change)], wanted)).toEqual([])
    expect(reasons([node('one', change)], wanted)).toEqual([reason])
  })

  it('takes nodes of the place and with all tags', () => {
    const there = node('there', { location: 'Oslo', tags: ['ssd', 'gpu'] })
    expect(names([node('elsewhere'), there], { location: 'Oslo', tags: ['gpu'] })).toEqual(['there'])
  })

  it('goes where the chosen port is free, though another node has more room', () => {
    const roomy = node('roomy')
    const right = node('right', { freeChosenPorts: 1, allocated: { memoryMiB: 800, cpuPercent: 0, diskMiB: 0 } })
    expect(names([roomy, right], { chosenPorts: 1 })).toEqual(['right', 'roomy'])
  })

  it('is the same for the same nodes in another order', () => {
    const nodes = ['c', 'a', 'b'].map((name) => node(name))
    expect(names(nodes)).toEqual(['a', 'b', 'c'])
    expect(names(nodes.toReversed())).toEqual(['a', 'b', 'c'])
  })
})

describe('shortagesOf', () => {
  it('never shows less than nothing free', () => {
    const oversold = node('oversold', { allocated: { memoryMiB: 2000, cpuPercent: 0, diskMiB: 0 } })
    expect(shortagesOf(oversold, wish)).toEqual(['0 of 100 MiB memory free'])
  })
})
