import { FST_HEALTH_CLOSED } from '../errors.js'
import type { Resources } from '../../types/check.js'

interface Item {
  readonly kept: Promise<unknown>
  readonly close: (() => unknown) | undefined
}

/** Stores the resources that checks keep between runs. They are closed with the registry. */
export class ResourceStore implements Resources {
  readonly #items = new Map<string, Item>()
  #closed = false

  async get<T> (key: string, create: () => T | Promise<T>, close?: (kept: T) => unknown): Promise<T> {
    if (this.#closed) throw new FST_HEALTH_CLOSED()
    let item = this.#items.get(key)
    if (item === undefined) {
      const kept = (async () => await create())()
      item = { kept, close: close === undefined ? undefined : async () => await close(await kept) }
      this.#items.set(key, item)
    }
    try {
      return await item.kept as T
    } catch (error) {
      if (this.#items.get(key) === item) this.#items.delete(key)
      throw error
    }
  }

  async drop (key: string): Promise<void> {
    const item = this.#items.get(key)
    this.#items.delete(key)
    try {
      await item?.close?.()
    } catch {
      // The resource is dropped because it is broken, so an error at closing says nothing new.
    }
  }

  async close (): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#items.keys()].map(key => this.drop(key)))
  }
}
