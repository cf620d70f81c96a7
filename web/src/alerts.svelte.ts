// Being heard: a tone, and a notification of the desktop where it is wanted. However many tabs a person has open,
// one of them does it, and none does while any of them shows the text.
import { samples } from './tones'

export interface Heard {
  id: string
  conversation: string
  /** Who wrote it, and in which group. */
  from: () => string
  text: string
  /** It happens now, and is not caught up on. */
  isLive: boolean
  /** It is on the screen here, and looked at. */
  isSeen: () => boolean
  /** I have read it, wherever. */
  isRead: () => boolean
}

/** What tabs tell each other of a text: I show it; I could ring for it; I do. */
interface Word {
  says: 'seen' | 'bid' | 'rang'
  about: string
  rank: string
}

/** So long tabs wait for each other's word, in milliseconds. */
const AUCTION = 320
/** Texts that come faster than this ring once. */
const REST = 1_000
const REMEMBERED = 200
/** So long a sound may take to come, in milliseconds. */
const PATIENCE = 2_500
const PREVIEW = 140

export class Alerts {
  muted = $state(localStorage.getItem('partyline.muted') === 'yes')
  /** Whether this browser is to show notifications, and may. */
  notifies = $state(localStorage.getItem('partyline.notify') === 'yes' && allowed())
  /** The person was asked, and said no: only the browser's own settings can change that. */
  blocked = $state(canNotify() && Notification.permission === 'denied')
  readonly canNotify = canNotify()
  #audio: AudioContext | null = null
  #rang = 0
  #missed: Heard[] = []
  #settled = new Set<string>() // texts that some tab shows, or rang for
  #best = new Map<string, string>() // by text: the highest bid
  readonly #self = Math.random().toString(36).slice(2).padEnd(12, '0')
  readonly #tabs: BroadcastChannel

  constructor(
    who: string,
    private readonly open: (conversation: string) => void,
    private readonly tone: () => string,
  ) {
    this.#tabs = new BroadcastChannel(`partyline.alerts.${who}`)
    this.#tabs.onmessage = ({ data }: MessageEvent<Word>) => this.#hear(data)
    addEventListener('storage', this.#changed)
    // Browsers play nothing before a person has touched the page.
    addEventListener('pointerdown', this.#unlock)
    addEventListener('keydown', this.#unlock)
  }

  close(): void {
    this.#tabs.close()
    removeEventListener('storage', this.#changed)
    removeEventListener('pointerdown', this.#unlock)
    removeEventListener('keydown', this.#unlock)
    void this.#audio?.close()
  }

  mute(muted: boolean): void {
    this.muted = muted
    localStorage.setItem('partyline.muted', muted ? 'yes' : 'no')
    if (!muted) void this.#ring()
  }

  /** Asks the person, where the browser has to. */
  async notify(wanted: boolean): Promise<void> {
    if (wanted && canNotify() && Notification.permission === 'default') await Notification.requestPermission()
    this.blocked = canNotify() && Notification.permission === 'denied'
    this.notifies = wanted && allowed()
    localStorage.setItem('partyline.notify', this.notifies ? 'yes' : 'no')
  }

  /** A text of somebody else's has come. */
  text(heard: Heard): void {
    if (heard.isLive) this.#bid([heard])
    else this.#missed.push(heard)
  }

  /** All that was missed is here: it is worth one alert, whatever it is. */
  caughtUp(): void {
    const missed = this.#missed
    this.#missed = []
    if (missed.length > 0) this.#bid(missed)
  }

  /** Every tab says what it could do; after a moment each of them knows who does it. */
  #bid(texts: Heard[]): void {
    const rank = `${this.#canPlay() ? 1 : 0}${document.hidden ? 0 : 1}${this.#self}`
    for (const { id } of texts) this.#say({ says: 'bid', about: id, rank })
    setTimeout(() => {
      for (const { id, isSeen } of texts) if (isSeen()) this.#say({ says: 'seen', about: id, rank })
    }, AUCTION / 8)
    setTimeout(() => {
      const left = texts.filter(({ id, isRead }) => !this.#settled.has(id) && !isRead() && this.#best.get(id) === rank)
      for (const { id } of texts) this.#best.delete(id)
      const newest = left.at(-1)
      if (!newest) return
      for (const { id } of left) this.#say({ says: 'rang', about: id, rank })
      if (!this.muted && Date.now() - this.#rang >= REST) void this.#ring()
      this.#show(newest, left.length)
    }, AUCTION)
  }

  #say(word: Word): void {
    this.#hear(word)
    this.#tabs.postMessage(word)
  }

  #hear({ says, about, rank }: Word): void {
    if (says === 'bid') {
      if (rank > (this.#best.get(about) ?? '')) this.#best.set(about, rank)
      return
    }
    this.#settled.add(about)
    if (this.#settled.size > REMEMBERED) this.#settled.delete([...this.#settled][0]!)
  }

  #canPlay(): boolean {
    return this.#audio?.state === 'running' || (navigator.userActivation?.hasBeenActive ?? false)
  }

  async #ring(): Promise<void> {
    this.#rang = Date.now()
    await this.play(this.tone())
  }

  /** Lets a tone be heard. Answers what was: it, another in its place, or nothing. */
  async play(tone: string): Promise<'it' | 'other' | 'nothing'> {
    const isSound = tone.startsWith('https://')
    if (isSound && (await playFile(tone))) return 'it'
    if (tone === 'none' || !this.#canPlay()) return 'nothing'
    this.#audio ??= new AudioContext()
    if (this.#audio.state !== 'running') await this.#audio.resume()
    const wave = samples(tone, this.#audio.sampleRate)
    const buffer = this.#audio.createBuffer(1, wave.length, this.#audio.sampleRate)
    buffer.copyToChannel(wave, 0)
    const source = this.#audio.createBufferSource()
    source.buffer = buffer
    source.connect(this.#audio.destination)
    source.start()
    return isSound ? 'other' : 'it'
  }

  #show(newest: Heard, count: number): void {
    if (!this.notifies || !allowed()) return
    const title = count > 1 ? `${count} new messages` : newest.from()
    const body = count > 1 ? `The newest from ${newest.from()}` : newest.text.slice(0, PREVIEW)
    const shown = new Notification(title, { body, tag: newest.conversation, icon: '/icon.svg', silent: true })
    shown.onclick = () => {
      window.focus()
      this.open(newest.conversation)
      shown.close()
    }
  }

  #unlock = (): void => {
    this.#audio ??= new AudioContext()
    if (this.#audio.state === 'suspended') void this.#audio.resume()
  }

  /** Another tab was told. */
  #changed = ({ key, newValue }: StorageEvent): void => {
    if (key === 'partyline.muted') this.muted = newValue === 'yes'
    if (key === 'partyline.notify') this.notifies = newValue === 'yes' && allowed()
  }
}

/** A sound of the company's own. One that doesn't come in time is given up: the alert is not to come late. */
async function playFile(address: string): Promise<boolean> {
  const sound = new Audio(address)
  let late = 0
  const isLate = new Promise<boolean>((done) => (late = window.setTimeout(() => done(false), PATIENCE)))
  const isPlayed = await Promise.race([sound.play().then(() => true, () => false), isLate])
  clearTimeout(late)
  if (!isPlayed) sound.pause()
  return isPlayed
}

/** Browsers offer it on https and localhost alone. */
function canNotify(): boolean {
  return 'Notification' in window && window.isSecureContext
}

function allowed(): boolean {
  return canNotify() && Notification.permission === 'granted'
}
