// What axe says of a page: nothing.
import AxeBuilder from '@axe-core/playwright'
import type { BrowserContextOptions, Page } from '@playwright/test'
import { expect } from './test'

export const SCREENS: [string, BrowserContextOptions][] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['light and 360 px wide', { colorScheme: 'light', viewport: { width: 360, height: 740 } }],
  ['dark and 360 px wide', { colorScheme: 'dark', viewport: { width: 360, height: 740 } }],
]

export async function clean(page: Page): Promise<void> {
  // What fades in has its colours only when it is there; what is taken away meanwhile is over as well.
  await page.evaluate(() =>
    Promise.allSettled(document.getAnimations().map((a) => a.effect?.getComputedTiming().iterations === Infinity || a.finished)),
  )
  const { violations } = await new AxeBuilder({ page }).analyze()
  const found = violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map((n) => n.failureSummary ?? n.html) }))
  expect.soft(found).toEqual([])
}

/** Nothing is wider than the page. */
export async function fitsIn(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
}
