// Applies what is pending to the database in DATABASE_URL and prints the names: `node prisma/deploy.ts`.
import { deploy } from './src/migrate.ts'

const url = process.env['DATABASE_URL']
if (url === undefined || url === '') {
  process.stderr.write('DATABASE_URL is not set\n')
  process.exit(1)
}
try {
  for (const name of await deploy(url)) process.stdout.write(`${name}\n`)
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
// The engine's advisory lock leaves a timer of 10 s behind.
process.exit(0)
