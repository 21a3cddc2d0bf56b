import './server-queries.ts'
import './server-mutations.ts'
import './server-subscriptions.ts'
