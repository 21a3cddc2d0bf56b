import './console-types.ts'
import './console-queries.ts'
import './console-mutations.ts'
import './console-subscriptions.ts'
