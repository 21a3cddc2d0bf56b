import type { Terminal } from '@xterm/xterm'

/** What is printed is announced by the dashboard, at a pace that can be listened to: the terminal's own announcements are off. */
export function silence(terminal: Terminal): void {
  terminal.element?.querySelector('.live-region')?.setAttribute('aria-live', 'off')
}

/**
 * Keys of a terminal that is only read: they scroll. Even without input xterm swallows Tab, a keyboard trap: it is let go.
 * @param atTop called when there is nothing above to scroll to
 */
export function scrollByKeys(terminal: Terminal, atTop: () => void): void {
  const up = (scroll: () => void) => () => {
    if (terminal.buffer.active.viewportY === 0) atTop()
    else scroll()
  }
  const keys: Record<string, () => void> = {
    ArrowUp: up(() => {
      terminal.scrollLines(-1)
    }),
    ArrowDown: () => {
      terminal.scrollLines(1)
    },
    PageUp: up(() => {
      terminal.scrollPages(-1)
    }),
    PageDown: () => {
      terminal.scrollPages(1)
    },
    Home: up(() => {
      terminal.scrollToTop()
    }),
    End: () => {
      terminal.scrollToBottom()
    },
  }
  terminal.attachCustomKeyEventHandler((event) => {
    const scroll = event.ctrlKey || event.altKey || event.metaKey ? undefined : keys[event.key]
    if (scroll === undefined) return event.key !== 'Tab'
    if (event.type === 'keydown') {
      event.preventDefault()
      scroll()
    }
    return false
  })
}
