import { z } from 'zod'

// What a node's name, place and settings may be, wherever they come in.

const MOST_TAGS = 16
const OVERCOMMIT_PERCENT = { least: 10, most: 1000 }

/** Text that every column takes. */
export const plainText = z.string().refine((value) => !value.includes('\0') && value.isWellFormed(), 'has no NUL and no half characters')

export const nodeName = plainText
  .transform((name) => name.trim())
  .pipe(z.string().min(1, 'is missing').max(64, 'has at most 64 characters'))

/** Empty: none. */
export const location = plainText.transform((text) => text.trim()).pipe(z.string().max(64, 'has at most 64 characters'))

/** Sorted, each once. */
export const tags = z
  .array(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,31}$/, 'has 1 to 32 small letters, digits, dots, dashes and underscores'))
  .max(MOST_TAGS, `are at most ${String(MOST_TAGS)}`)
  .transform((list) => [...new Set(list)].sort())

const percent = z
  .int()
  .min(OVERCOMMIT_PERCENT.least, `is at least ${String(OVERCOMMIT_PERCENT.least)}`)
  .max(OVERCOMMIT_PERCENT.most, `is at most ${String(OVERCOMMIT_PERCENT.most)}`)

/** null and absent: stays as it is. */
export const updateNodeInput = z.object({
  name: nodeName.nullish(),
  location: location.nullish(),
  tags: tags.nullish(),
  isMaintenance: z.boolean().nullish(),
  memoryOvercommitPercent: percent.nullish(),
  cpuOvercommitPercent: percent.nullish(),
  diskOvercommitPercent: percent.nullish(),
})

/** Ports below are the machine's own. */
export const port = z.int().min(1024, 'is at least 1024').max(65_535, 'is at most 65535')

/** An address of the machine that ports of games can be bound to. */
export const ip = z.ipv4('is no IPv4 address').refine((address) => {
  const first = Number.parseInt(address, 10)
  return first > 0 && first < 224
}, 'is no address of one machine')

export const enrolmentInput = z
  .object({
    name: nodeName,
    address: ip,
    firstPort: port,
    lastPort: port,
    location: location.nullish().transform((text) => text ?? ''),
    tags: tags.nullish().transform((list) => list ?? []),
  })
  .refine(({ firstPort, lastPort }) => firstPort <= lastPort, { path: ['lastPort'], message: 'is not below the first port' })
