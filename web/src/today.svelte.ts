// Which day it is: what says "Today" says "Yesterday" after midnight.

let turn = $state(0)

function wait(): void {
  const now = new Date()
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1)
  setTimeout(() => {
    turn++
    wait()
  }, midnight.getTime() - now.getTime() + 500)
}
wait()

/** Changes at midnight; to be read where a day is shown. */
export const today = (): number => turn
