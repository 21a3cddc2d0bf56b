import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { lexicographicSortSchema, printSchema } from 'graphql'
import { agentSchema } from '../src/agent-gateway/agent-schema.ts'
import { buildSchema } from '../src/graphql/schema.ts'

// Prints both schemas into schema/, sorted: whatever is generated from them reads these files, not this code.

const folder = path.resolve(import.meta.dirname, '../../schema')
for (const [name, schema] of Object.entries({ api: buildSchema(), agent: agentSchema })) {
  writeFileSync(path.join(folder, `${name}.graphql`), `${printSchema(lexicographicSortSchema(schema))}\n`)
}
