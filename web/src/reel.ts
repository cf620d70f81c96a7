// Which part of a long timeline is in the page. Entries have places (1, 2, 3 … without gaps) and heights of their own;
// a height is known once its entry was shown, and guessed before.

/** What is in the page, by place, and the room left for the rest above and below it. */
export interface Part {
  first: number
  last: number
  above: number
  below: number
}

/** So much beyond what is in view is in the page, too, … */
const AHEAD = 1_000
/** … and comes anew when less than this is left of it. */
const LEFT = 500
/** What an entry is taken for that was never shown. */
const GUESS = 44
/** At most so many are shown for their heights alone. */
const AT_ONCE = 100

export class Reel {
  /** By place; 0 where it isn't known. A long conversation is summed up at every turn: this has to be quick. */
  #heights = new Float64Array(256)

  measured(place: number, height: number): void {
    if (place >= this.#heights.length) {
      const more = new Float64Array(2 * place)
      more.set(this.#heights)
      this.#heights = more
    }
    this.#heights[place] = height
  }

  /** Where an entry begins, from the top of the first. */
  offset(first: number, place: number): number {
    let sum = 0
    for (let at = first; at < place; at++) sum += this.#heights[at] || GUESS
    return sum
  }

  /**
   * The part for a view of the places `first` to `last` that begins at `top`, or that shows the end. What is shown already
   * stays while it is enough.
   */
  part(shown: Part, first: number, last: number, top: number | 'end', size: number): Part {
    const total = this.offset(first, last + 1)
    const from = top === 'end' ? total - size : top
    const to = from + size
    const within = shown.first >= first && shown.last <= last && shown.first <= shown.last
    const upper = within ? this.offset(first, shown.first) : 0
    const lower = within ? this.offset(first, shown.last + 1) : 0
    const enough =
      within &&
      (shown.first === first || upper <= from - LEFT) &&
      (shown.last === last || lower >= to + LEFT) &&
      (this.#knows(first) || shown.first - first > AT_ONCE)
    if (enough) return { ...shown, above: upper, below: total - lower }

    let begin = first
    let above = 0
    while (begin < last && above + this.#height(begin) <= from - AHEAD) above += this.#height(begin++)
    let end = begin
    let shownSize = this.#height(end)
    while (end < last && above + shownSize < to + AHEAD) shownSize += this.#height(++end)
    // What came in above is shown once, unseen, so that its height is known before somebody scrolls there.
    if (!this.#knows(first) && begin - first <= AT_ONCE) {
      begin = first
      above = 0
    }
    return { first: begin, last: end, above, below: total - this.offset(first, end + 1) }
  }

  #knows(place: number): boolean {
    return (this.#heights[place] ?? 0) > 0
  }

  #height(place: number): number {
    return this.#heights[place] || GUESS
  }
}
