/** Puts the bytes of a file where the server said. XMLHttpRequest, because only it reports progress. */
import { FrameError, type FrameClient } from './client'
import type { Media } from './protocol'

interface Slot {
  upload_url: string
  media_id: string
}

export interface Uploading {
  done: Promise<Media>
  abort: () => void
}

export function upload(client: FrameClient, file: Blob, name: string, progress: (share: number) => void): Uploading {
  const xhr = new XMLHttpRequest()
  const mime = file.type || 'application/octet-stream'
  const done = client
    .request<Slot>('upload', { name, size: file.size, mime })
    .then((slot) => put(xhr, slot.upload_url, file, mime, progress))
    .then((media) => ({ ...media, name: media.name ?? name }))
  return { done, abort: () => xhr.abort() }
}

function put(xhr: XMLHttpRequest, url: string, file: Blob, mime: string, progress: (share: number) => void): Promise<Media> {
  return new Promise((resolve, reject) => {
    xhr.open('PUT', url)
    xhr.setRequestHeader('Content-Type', mime)
    xhr.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total)
    xhr.onload = () => {
      try {
        const body = JSON.parse(xhr.responseText || '{}') as { media?: Media; code?: string; detail?: string }
        if (xhr.status >= 200 && xhr.status < 300 && body.media) resolve(body.media)
        else reject(new FrameError(body.code ?? (xhr.status === 413 ? 'too_large' : 'media_rejected'), body.detail ?? '', xhr.status >= 500))
      } catch {
        reject(new FrameError(xhr.status === 413 ? 'too_large' : 'internal', '', xhr.status >= 500))
      }
    }
    xhr.onerror = () => reject(new FrameError('disconnected', 'upload interrupted', true))
    xhr.onabort = () => reject(new FrameError('cancelled', 'upload cancelled', false))
    xhr.send(file)
  })
}
