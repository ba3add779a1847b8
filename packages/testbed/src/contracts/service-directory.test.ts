import { describe, it } from 'vitest'
import { FakeServiceDirectory } from '../fakes/fake-service-directory.ts'
import { serviceDirectoryContract } from './service-directory.ts'
import type { ServiceDirectoryUnderTest } from './service-directory-under-test.ts'

function make(): ServiceDirectoryUnderTest {
  const directory = new FakeServiceDirectory({ loaded: false })
  return {
    directory,
    set: (service, endpoints) => directory.set(service, endpoints),
    delete: (namespace, name) => directory.delete(namespace, name),
    load: () => directory.load(),
  }
}

describe('FakeServiceDirectory', () => {
  it.each(serviceDirectoryContract(make))('$title', async ({ run }) => await run())
})
