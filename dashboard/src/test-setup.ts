// happy-dom lays nothing out.
globalThis.ResizeObserver = class {
  observe() {
    return undefined
  }
  unobserve() {
    return undefined
  }
  disconnect() {
    return undefined
  }
}
globalThis.visualViewport = Object.assign(new EventTarget(), { width: 1440, height: 900, scale: 1 }) as unknown as VisualViewport
