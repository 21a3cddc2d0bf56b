/** A recipe as templates/template.schema.json describes it, with its defaults filled in. */
export type TemplateSpec = {
  catalyst: 1
  slug: string
  name: string
  version: string
  summary: string
  author?: string
  recommended: { memoryMiB: number; cpuPercent: number; diskMiB: number }
  image: { debian: { packages: string[]; remove: string[]; keep: string[] } }
  startup: string[]
  environment: Record<string, string>
  workingDirectory: string
  readOnlyRoot: boolean
  /** Absent: running after 2 s alive. */
  ready?: { text?: string; regex?: string; timeoutSeconds: number }
  stop: { command?: string; signal?: string; timeoutSeconds: number }
  ports: TemplatePort[]
  variables: TemplateVariable[]
  install?: { script: string; interpreter: string[]; timeoutSeconds: number }
}

export type TemplatePort = {
  name: string
  protocol: 'tcp' | 'udp' | 'both'
  summary: string
  /** True for exactly one when there are ports. */
  primary: boolean
}

export type TemplateVariable = {
  name: string
  title: string
  summary: string
  type: 'string' | 'integer' | 'boolean' | 'choice'
  /** Always there; empty when the text gives none. */
  default: string
  required: boolean
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  /** The whole value must match. */
  pattern?: string
  choices?: string[]
  isEditable: boolean
}
