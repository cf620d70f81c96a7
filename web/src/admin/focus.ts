/** To the first of these places that there is: what had the focus may be gone. */
export function focusFirst(...places: string[]): void {
  for (const place of places) {
    const found = document.querySelector<HTMLElement>(place)
    if (found) return found.focus()
  }
}
