// Data to develop with: two users who own nothing yet. Safe to repeat. `npm run db:seed`.
import { hash } from '@node-rs/argon2'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './generated/client/client.ts'

const PASSWORD = 'development'
const USERS = [
  { id: '019a0000-0000-7000-8000-000000000001', username: 'alice', displayName: 'Alice' },
  { id: '019a0000-0000-7000-8000-000000000002', username: 'bob', displayName: 'Bob' },
]

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env['DATABASE_URL'] ?? '' }) })
try {
  // The api makes the system roles when it starts.
  const role = await prisma.role.findUnique({ where: { name: 'User' } })
  if (role) {
    const passwordHash = await hash(PASSWORD)
    for (const user of USERS) {
      const email = `${user.username}@example.test`
      await prisma.user.upsert({
        where: { username: user.username },
        update: {},
        create: { ...user, email, passwordHash, roles: { create: { roleId: role.id } } },
      })
      process.stdout.write(`${email}, password "${PASSWORD}"\n`)
    }
  } else {
    // `prisma migrate dev` seeds every new database: that is no failure.
    process.stderr.write('Nothing is seeded: there is no role User yet. Run npm start once, then npm run db:seed.\n')
  }
} finally {
  await prisma.$disconnect()
}
