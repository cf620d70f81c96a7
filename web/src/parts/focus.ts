// Where the focus goes.

/** To what is written next, instead of back to where it was. */
export function toComposer(event?: Event): void {
  const box = document.querySelector<HTMLTextAreaElement>('.composer textarea')
  if (!box) return
  event?.preventDefault()
  box.focus()
}

/** To a conversation's row, or the first there is, or what begins one. */
export function toRow(id = ''): void {
  for (const place of [`[data-thread="${CSS.escape(id)}"]`, '.sidebar .row', '.sidebar-head .new']) {
    const found = document.querySelector<HTMLElement>(place)
    if (found) return found.focus()
  }
}
