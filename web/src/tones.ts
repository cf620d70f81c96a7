// The alert tones: a few notes each, computed, so that there is no file to load.

/** A note: its pitch in hertz, when it begins, and how long it rings, in seconds. */
type Note = readonly [pitch: number, at: number, rings: number]

interface Tone {
  /** As the settings have it. */
  key: string
  name: string
  notes: readonly Note[]
}

/** Those there are. The first is heard where no other can be. */
export const TONES: readonly Tone[] = [
  { key: 'chime', name: 'Chime', notes: [[880, 0, 0.5], [1174.66, 0.11, 0.7]] },
  { key: 'bell', name: 'Bell', notes: [[1046.5, 0, 1.1], [2093, 0, 0.5], [3139.5, 0, 0.25]] },
  { key: 'drop', name: 'Drop', notes: [[987.77, 0, 0.16], [659.26, 0.08, 0.3]] },
  { key: 'knock', name: 'Knock', notes: [[196, 0, 0.09], [196, 0.15, 0.12]] },
  { key: 'marimba', name: 'Marimba', notes: [[523.25, 0, 0.3], [659.26, 0.1, 0.3], [783.99, 0.2, 0.45]] },
]
const LOUDNESS = 0.16
const ATTACK = 0.006

/** A tone as it is played, at so many samples a second. One that nobody knows is the first. */
export function samples(tone: string, rate: number): Float32Array<ArrayBuffer> {
  const { notes } = TONES.find(({ key }) => key === tone) ?? TONES[0]!
  const ends = Math.max(...notes.map(([, at, rings]) => at + rings))
  const wave = new Float32Array(Math.ceil(ends * rate))
  for (const [pitch, at, rings] of notes) {
    const from = Math.floor(at * rate)
    for (let i = 0; i < rings * rate; i++) {
      const t = i / rate
      const envelope = Math.min(1, t / ATTACK) * Math.exp((-6 * t) / rings) * (1 - t / rings)
      const sound = Math.sin(2 * Math.PI * pitch * t) + 0.25 * Math.sin(4 * Math.PI * pitch * t)
      wave[from + i] = (wave[from + i] ?? 0) + LOUDNESS * envelope * sound
    }
  }
  return wave
}
