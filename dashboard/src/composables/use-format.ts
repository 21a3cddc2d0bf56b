import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { createFormat } from '../lib/format.ts'

/** Numbers and times in the language of the page. */
export function useFormat() {
  const { locale } = useI18n()
  return computed(() => createFormat(locale.value))
}
