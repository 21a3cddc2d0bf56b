import './user-queries.ts'
