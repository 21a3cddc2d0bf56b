import './auth-mutations.ts'
import './viewer.ts'
