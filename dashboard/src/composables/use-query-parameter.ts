import { customRef, watch, type Ref } from 'vue'
import { useRoute, useRouter, type LocationQueryRaw, type Router } from 'vue-router'

/** Queries on their way into the address: several parameters may change in one go, each building on the last. */
const underWay = new WeakMap<Router, LocationQueryRaw>()
const wantedQuery = (router: Router): LocationQueryRaw => underWay.get(router) ?? router.currentRoute.value.query

async function replaceQuery(router: Router, query: LocationQueryRaw): Promise<void> {
  underWay.set(router, query)
  await router.replace({ query })
  if (underWay.get(router) === query) underWay.delete(router)
}

/** A parameter of the page's address. Writing it replaces the history entry; the default leaves the address clean. */
export function useQueryParameter(name: string, fallback: string): Ref<string> {
  const route = useRoute()
  const router = useRouter()
  const read = () => {
    const value = route.query[name]
    return typeof value === 'string' ? value : fallback
  }
  const path = route.path
  return customRef((track, trigger) => {
    let value = read()
    watch(
      () => route.query[name],
      () => {
        // Leaving the page is not a change of its filters.
        if (route.path !== path || value === read()) return
        value = read()
        trigger()
      },
    )
    return {
      get() {
        track()
        return value
      },
      set(next) {
        if (next === value) return
        value = next
        trigger()
        const { [name]: _old, ...rest } = wantedQuery(router)
        void replaceQuery(router, next === fallback ? rest : { ...rest, [name]: next })
      },
    }
  })
}
