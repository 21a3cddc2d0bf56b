import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useFormat } from '../../composables/use-format.ts'
import type { ResourceKey, Resources } from './node-capacity.ts'

/** Amounts of a node's resources, in words. */
export function useNodeWords() {
  const { t } = useI18n()
  const format = useFormat()
  const amount = (key: ResourceKey, value: number) => (key === 'cpuPercent' ? format.value.percent(value) : format.value.mebibytes(value))
  return computed(() => ({
    amount,
    /** Used: CPU as a share of all cores, the rest as sizes. */
    used: (key: ResourceKey, value: number, capacity: Resources) =>
      key === 'cpuPercent' ? format.value.percent(capacity.cpuPercent > 0 ? (value / capacity.cpuPercent) * 100 : 0) : amount(key, value),
    /** Promised, of what is there. */
    promised: (key: ResourceKey, allocated: Resources, capacity: Resources) =>
      key === 'cpuPercent'
        ? t('nodes.promisedCores', {
            share: format.value.percent(capacity.cpuPercent > 0 ? (allocated.cpuPercent / capacity.cpuPercent) * 100 : 0),
            n: Math.round(capacity.cpuPercent / 100),
          })
        : t('nodes.promised', { amount: amount(key, allocated[key]), capacity: amount(key, capacity[key]) }),
  }))
}
