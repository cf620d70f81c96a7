// Finding colleagues in the directory.
import { http, reason, type DirectoryEntry, type Problem } from './api/http'

const PAGE = 200
/** So many are offered; who is looked for further down is found by typing more. */
const ENOUGH = 50

interface Answer {
  data?: { items: DirectoryEntry[]; next?: string | null } | undefined
  error?: Problem | undefined
}

/** A name as it is looked for: without case and accents. */
export function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase()
}

/** Whether this is who is looked for: what was found for other letters must not be picked for these. */
export function matches({ name, extension }: DirectoryEntry, q: string): boolean {
  const asked = fold(q.trim())
  return fold(name).includes(asked) || extension.includes(asked)
}

/** Asks the engine for colleagues, but those that are not of use; whoever calls the answer hears no more of it. */
export function colleagues(
  q: string,
  without: ReadonlySet<string>,
  found: (people: DirectoryEntry[], refusal: string) => void,
): () => void {
  let stale = false
  const read = async (): Promise<void> => {
    const people: DirectoryEntry[] = []
    let after: string | null | undefined
    do {
      const query = { limit: PAGE, ...(q.trim() ? { q: q.trim() } : {}), ...(after ? { after } : {}) }
      const { data, error }: Answer = await http.GET('/v1/extensions', { params: { query } })
      if (stale) return
      if (!data) return found(people, reason(error))
      people.push(...data.items.filter((entry) => !without.has(entry.extension)))
      after = data.next
    } while (after && people.length < ENOUGH)
    found(people.slice(0, ENOUGH), '')
  }
  void read()
  return () => (stale = true)
}
