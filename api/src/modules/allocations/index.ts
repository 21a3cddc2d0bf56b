import './allocation-schema.ts'
