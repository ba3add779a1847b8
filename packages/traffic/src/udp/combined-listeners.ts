import type { ListenerDirectory } from '@edgeway/core'

/** The listeners of both protocols as one directory: each ServicePort is in one of them at most. */
export function combinedListeners(tcp: ListenerDirectory, udp: ListenerDirectory): ListenerDirectory {
  return {
    listener: (name, family) => tcp.listener(name, family) ?? udp.listener(name, family),
    watch(listener) {
      const subscriptions = [tcp.watch(listener), udp.watch(listener)]
      return {
        [Symbol.dispose]() {
          for (const subscription of subscriptions) subscription[Symbol.dispose]()
        },
      }
    },
  }
}
