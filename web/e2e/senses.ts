// What a person would hear and see beside the page, counted: the tone, and notifications of the desktop.
import { expect, type Page } from '@playwright/test'
import type { Person } from './person'

interface Senses {
  tones: number
  loudest: number
  played: string[]
  shown: { title: string; body: string; click: () => void }[]
  asked: number
  away: boolean
}
declare global {
  interface Window {
    senses: Senses
  }
}

/** Before the portal loads, in every tab of this person. */
export async function feel(person: Person): Promise<void> {
  await person.context.addInitScript(() => {
    const senses: Senses = { tones: 0, loudest: 0, played: [], shown: [], asked: 0, away: false }
    window.senses = senses
    const away = { get: () => senses.away }
    Object.defineProperty(document, 'hidden', away)
    document.hasFocus = () => !senses.away

    class FakeContext {
      state = 'running'
      sampleRate = 8_000
      destination = {}
      resume = (): Promise<void> => Promise.resolve()
      close = (): Promise<void> => Promise.resolve()
      createBuffer = (): object => ({
        copyToChannel: (wave: Float32Array) => (senses.loudest = Math.max(...wave.map(Math.abs))),
      })
      createBufferSource = (): object => ({ connect: () => undefined, start: () => senses.tones++ })
    }
    Object.defineProperty(window, 'AudioContext', { value: FakeContext })
    HTMLMediaElement.prototype.play = function () {
      senses.played.push(this.src)
      return Promise.resolve()
    }

    class FakeNotification {
      static get permission(): string {
        return localStorage.getItem('test.permission') ?? 'default'
      }
      static requestPermission(): Promise<string> {
        senses.asked++
        localStorage.setItem('test.permission', 'granted')
        return Promise.resolve('granted')
      }
      onclick: () => void = () => undefined
      close = (): void => undefined
      constructor(title: string, { body }: { body: string }) {
        senses.shown.push({ title, body, click: () => this.onclick() })
      }
    }
    Object.defineProperty(window, 'Notification', { value: FakeNotification })
  })
}

export const tones = (...tabs: Person[]): Promise<number> =>
  Promise.all(tabs.map(({ page }) => page.evaluate(() => window.senses.tones))).then((all) => all.reduce((a, b) => a + b))

export const shown = (...tabs: Person[]): Promise<string[]> =>
  Promise.all(tabs.map(({ page }) => page.evaluate(() => window.senses.shown.map((n) => `${n.title}: ${n.body}`)))).then((all) => all.flat())

/** The window is looked at, or is not. */
export async function goAway(page: Page, away = true): Promise<void> {
  await page.evaluate((away) => {
    window.senses.away = away
    document.dispatchEvent(new Event('visibilitychange'))
  }, away)
}

/** So many tones, and no further one while several could have come. */
export async function rang(count: number, ...tabs: Person[]): Promise<void> {
  await expect.poll(() => tones(...tabs)).toBe(count)
  // Tabs agree within a third of a second, and rest a second before the next.
  await tabs[0]!.page.waitForTimeout(1_100)
  expect(await tones(...tabs)).toBe(count)
}
