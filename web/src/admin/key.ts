// The name by which programs know something that a person has named.

/** Made from its name; no other has it. */
export function keyFor(name: string, what: string, taken: ReadonlySet<string>): string {
  const plain = name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
  const key = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 60) || what
  let unique = key
  for (let n = 2; taken.has(unique); n++) unique = `${key}-${n}`
  return unique
}
