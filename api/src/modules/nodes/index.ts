import './node-queries.ts'
import './node-mutations.ts'
import './node-subscriptions.ts'
import './enrolment-schema.ts'
