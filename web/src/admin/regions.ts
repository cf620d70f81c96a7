// Where numbers are, by the names of countries.

/** What is a region to computers, and nowhere to people. */
const NOWHERE = new Set(['EU', 'EZ', 'UN', 'XA', 'XB', 'QO', 'ZZ', 'AC', 'CP', 'DG', 'EA', 'IC', 'CQ'])
const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']

interface Region {
  code: string
  name: string
}

let known: Region[] | null = null

/** All by name, and this one though it has none. */
export function regions(code: string): Region[] {
  known ??= all()
  return known.some((one) => one.code === code) ? known : [{ code, name: code }, ...known]
}

function all(): Region[] {
  const names = new Intl.DisplayNames(undefined, { type: 'region', fallback: 'none' })
  const found = LETTERS.flatMap((a) => LETTERS.map((b) => a + b)).flatMap((code) => {
    const name = NOWHERE.has(code) ? undefined : names.of(code)
    // A code that is given up has the name of what came after it.
    return name && new Intl.Locale(`und-${code}`).region === code ? [{ code, name: `${name} (${code})` }] : []
  })
  return found.sort((a, b) => a.name.localeCompare(b.name))
}
