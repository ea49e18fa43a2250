/** Records both sides of a call into one stream of pieces. Knows no network and no storage. */

export const PIECE_MS = 5000
const FPS = 12
/** A second: without any frame a browser would not write the sound either. */
const STILL = FPS
const WIDTH = 960
const HEIGHT = 540

const VIDEO_TYPES = ['video/webm;codecs=vp8,opus', 'video/webm', 'video/mp4']
const AUDIO_TYPES = ['audio/webm;codecs=opus', 'audio/webm', 'audio/mp4']

export interface RecorderOptions {
  piece: (data: Blob) => void
  /** The last piece is out: it was stopped, or the browser gave up. */
  ended: () => void
}

/** The first of our kinds that this browser can write; undefined when it can write none. */
export function recordingType(video: boolean): string | undefined {
  if (typeof MediaRecorder !== 'function') return undefined
  return (video ? VIDEO_TYPES : AUDIO_TYPES).find((type) => MediaRecorder.isTypeSupported(type))
}

export class CallRecorder {
  readonly type: string
  private readonly context = new AudioContext()
  private readonly mix = this.context.createMediaStreamDestination()
  private sources: MediaStreamAudioSourceNode[] = []
  private readonly screens: { remote: HTMLVideoElement; own: HTMLVideoElement }
  private readonly recorder: MediaRecorder
  private drawing: ReturnType<typeof setInterval> | undefined

  /** A call that begins with sound may get a picture: there is a track for it from the start. Throws where nothing can be recorded. */
  constructor(options: RecorderOptions) {
    this.screens = { remote: silent(), own: silent() }
    try {
      const picture = recordingType(true)
      this.type = picture ?? recordingType(false) ?? ''
      const tracks = [...this.mix.stream.getAudioTracks(), ...(picture ? this.draw() : [])]
      this.recorder = new MediaRecorder(new MediaStream(tracks), { mimeType: this.type, audioBitsPerSecond: 48_000, videoBitsPerSecond: 700_000 })
    } catch (error) {
      this.release()
      throw error
    }
    this.recorder.ondataavailable = ({ data }) => data.size > 0 && options.piece(data)
    this.recorder.onstop = () => {
      this.release()
      options.ended()
    }
  }

  /** The streams as they are now; again whenever one changes. */
  attach(own: MediaStream | undefined, remote: MediaStream | undefined, screen?: MediaStream): void {
    for (const source of this.sources) source.disconnect()
    this.sources = [own, remote].filter((stream) => stream !== undefined && stream.getAudioTracks().length > 0).map((stream) => {
      const source = this.context.createMediaStreamSource(new MediaStream((stream as MediaStream).getAudioTracks()))
      source.connect(this.mix)
      return source
    })
    show(this.screens.own, screen ?? own)
    show(this.screens.remote, remote)
  }

  start(): void {
    void this.context.resume()
    try {
      this.recorder.start(PIECE_MS)
    } catch (error) {
      this.release()
      throw error
    }
  }

  stop(): void {
    if (this.recorder.state !== 'inactive') this.recorder.stop()
  }

  /** The other side large, the own in a corner; the only picture there is, large. Without one it costs next to nothing. */
  private draw(): MediaStreamTrack[] {
    const canvas = document.createElement('canvas')
    canvas.width = WIDTH
    canvas.height = HEIGHT
    const pen = canvas.getContext('2d')
    const { remote, own } = this.screens
    let ticks = 0
    this.drawing = setInterval(() => {
      const shown = [remote, own].filter((screen) => screen.srcObject !== null)
      if (!pen || (ticks++ % STILL > 0 && !shown.length)) return
      const [large, small] = shown
      pen.fillStyle = '#111'
      pen.fillRect(0, 0, WIDTH, HEIGHT)
      if (large) fit(pen, large, 0, 0, WIDTH, HEIGHT)
      if (small) fit(pen, small, WIDTH - 240 - 12, HEIGHT - 135 - 12, 240, 135)
    }, 1000 / FPS)
    return canvas.captureStream(FPS).getVideoTracks()
  }

  private release(): void {
    clearInterval(this.drawing)
    for (const source of this.sources) source.disconnect()
    for (const element of Object.values(this.screens)) element.srcObject = null
    void this.context.close()
  }
}

function silent(): HTMLVideoElement {
  const element = document.createElement('video')
  element.muted = true
  element.playsInline = true
  return element
}

function show(element: HTMLVideoElement, stream: MediaStream | undefined): void {
  const tracks = stream?.getVideoTracks() ?? []
  element.srcObject = tracks.length ? new MediaStream(tracks) : null
  // A play that is overtaken by the next stream rejects; that one plays.
  if (tracks.length) element.play().catch(() => undefined)
}

function fit(pen: CanvasRenderingContext2D, video: HTMLVideoElement, x: number, y: number, width: number, height: number): void {
  const { videoWidth, videoHeight } = video
  if (!videoWidth || !videoHeight) return
  const scale = Math.min(width / videoWidth, height / videoHeight)
  const [w, h] = [videoWidth * scale, videoHeight * scale]
  pen.drawImage(video, x + (width - w) / 2, y + (height - h) / 2, w, h)
}
