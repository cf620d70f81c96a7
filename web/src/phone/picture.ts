// A picture to send. The API takes 64 KiB in all, so it is made as small as needed.

/** In base64 it is a third more, and there is a text beside it. */
const MOST = 38 * 1024
const WIDEST = 1_280

/** As a data: URL; `null` if it can't be read. */
export async function shrunk(file: Blob): Promise<string | null> {
  const picture = await createImageBitmap(file).catch(() => null)
  if (!picture) return null
  const canvas = document.createElement('canvas')
  const pen = canvas.getContext('2d')
  if (!pen) return null
  for (let side = Math.min(WIDEST, Math.max(picture.width, picture.height)); side >= 1; side *= 0.75) {
    const scale = side / Math.max(picture.width, picture.height)
    canvas.width = Math.max(1, Math.round(picture.width * scale))
    canvas.height = Math.max(1, Math.round(picture.height * scale))
    // A JPEG has no transparency: what is seen through is white.
    pen.fillStyle = '#fff'
    pen.fillRect(0, 0, canvas.width, canvas.height)
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height)
    for (const quality of [0.85, 0.7, 0.5]) {
      const url = canvas.toDataURL('image/jpeg', quality)
      if (url.length <= (MOST * 4) / 3) return url
    }
  }
  return null
}
